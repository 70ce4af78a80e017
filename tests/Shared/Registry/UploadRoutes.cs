using System.Collections.Concurrent;
using System.Globalization;

namespace ContainerKit.Tests.Shared.Registry;

/// <summary>How blobs come in: whole, in chunks, or mounted from another repository. OCI distribution specification, "Pushing Blobs".</summary>
/// <param name="rules">What the registry is like.</param>
/// <param name="content">What lies in it.</param>
/// <param name="origin">What the places of uploads begin with.</param>
internal sealed class UploadRoutes(RegistryRules rules, RegistryContent content, string origin)
{
    private readonly ConcurrentDictionary<string, string> _states = new(StringComparer.Ordinal);

    public HttpAnswer Answer(HttpRequest request, string repository, string id)
    {
        var uploads = content[repository].Uploads;
        if (request.Method == "POST")
        {
            return Begin(request, repository);
        }

        if (!uploads.TryGetValue(id, out var sofar))
        {
            return HttpAnswer.Error(404, "BLOB_UPLOAD_UNKNOWN");
        }

        // The place of an upload is an opaque URL: whoever makes it up, or keeps an old one for writing, is refused.
        if (request.Method != "GET" && request.Query("state") != _states[id])
        {
            return HttpAnswer.Error(400, "BLOB_UPLOAD_INVALID", "That is not the place that was told last.");
        }

        switch (request.Method)
        {
            case "GET":
                return At(repository, id, 204, sofar.Length);
            case "PATCH":
                return Append(request, repository, id, sofar);
            case "PUT":
                var blob = (byte[])[.. sofar, .. request.Body];
                return Finish(request, repository, id, blob);
            case "DELETE":
                uploads.TryRemove(id, out _);
                return new HttpAnswer(204);
            default:
                return HttpAnswer.Error(405, "UNSUPPORTED");
        }
    }

    private HttpAnswer Begin(HttpRequest request, string repository)
    {
        if (request.Query("mount") is { } wanted && request.Query("from") is { } from && rules.AllowsMount
            && Digest.TryParse(wanted, out var digest) && content[from].Blobs.TryGetValue(digest, out var mounted))
        {
            content[repository].Blobs[digest] = mounted;
            return Created(repository, digest);
        }

        var id = Guid.NewGuid().ToString();
        if (request.Query("digest") is not null)
        {
            return Finish(request, repository, id, request.Body);
        }

        content[repository].Uploads[id] = [];
        var answer = At(repository, id, 202, 0);
        return rules.MinChunkBytes > 0 ? answer.With("OCI-Chunk-Min-Length", $"{rules.MinChunkBytes}") : answer;
    }

    private HttpAnswer Append(HttpRequest request, string repository, string id, byte[] sofar)
    {
        if (request.Headers.GetValueOrDefault("Content-Range") is { } range && int.Parse(range.Split('-')[0], CultureInfo.InvariantCulture) != sofar.Length)
        {
            return At(repository, id, 416, sofar.Length);
        }

        content[repository].Uploads[id] = [.. sofar, .. request.Body];
        return At(repository, id, 202, sofar.Length + request.Body.Length);
    }

    private HttpAnswer Finish(HttpRequest request, string repository, string id, byte[] blob)
    {
        if (!Digest.TryParse(request.Query("digest"), out var digest) || Named(blob, digest) != digest)
        {
            return HttpAnswer.Error(400, "DIGEST_INVALID");
        }

        content[repository].Uploads.TryRemove(id, out _);
        content[repository].Blobs[digest] = blob;
        return Created(repository, digest);
    }

    private static Digest Named(byte[] blob, Digest like) => like.Hex.Length == 128 ? SampleImage.Sha512(blob) : Digest.Of(blob);

    private static HttpAnswer Created(string repository, Digest digest) =>
        new HttpAnswer(201).With("Location", $"/v2/{repository}/blobs/{digest}").With("Docker-Content-Digest", digest.ToString());

    private HttpAnswer At(string repository, string id, int status, int length)
    {
        var state = _states[id] = Guid.NewGuid().ToString("N");
        return new HttpAnswer(status)
            .With("Location", $"{origin}/v2/{repository}/blobs/uploads/{id}?state={state}")
            .With("Docker-Upload-UUID", id)
            .With("Range", $"0-{Math.Max(length - 1, 0)}");
    }
}

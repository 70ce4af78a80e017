using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using ContainerKit.Images;

namespace ContainerKit.Registry;

/// <summary>
/// The tag under which a registry without a referrers API lists what refers to an image: whoever pushes such a thing writes it there. OCI distribution
/// specification 1.1, "Pushing Manifests with Subject" and "Referrers Tag Schema".
/// </summary>
/// <remarks>No registry changes a tag only if it is still the same: of two who write at once, one may be lost, as with every client.</remarks>
internal static class ReferrersTag
{
    private const string KnowsSubjects = "OCI-Subject";

    /// <summary>The tag of an image. A tag has no room for more than 64 digits.</summary>
    public static string Of(Digest subject) => $"{subject.Algorithm}-{subject.Hex[..64]}";

    /// <summary>Whether a registry that took a manifest has seen to it itself.</summary>
    public static bool IsNeeded(HttpResponseMessage answer) => !answer.Headers.Contains(KnowsSubjects);

    /// <summary>What a document refers to; null when it says nothing.</summary>
    public static Digest? SubjectOf(Descriptor document, ReadOnlySpan<byte> json)
    {
        var what = $"manifest {document.Digest}";
        return JsonDocuments.Parse(json, what).FindObject("subject", what) is { } subject ? Descriptors.Parse(subject, what).Digest : null;
    }

    /// <summary>Adds a document to the list of what refers to its subject, unless it is there.</summary>
    public static async Task AddAsync(RegistryTransport transport, RepositoryAddress target, Digest subject, Descriptor document, byte[] json, CancellationToken cancellationToken)
    {
        var what = $"list of what refers to '{target}@{subject}'";
        var list = await FindAsync(transport, target, subject, cancellationToken).ConfigureAwait(false) is { } known
            ? JsonDocuments.Parse(known.Content, what)
            : new JsonObject { ["schemaVersion"] = 2L, ["mediaType"] = MediaTypes.Index, ["manifests"] = new JsonArray() };
        DocumentKind.Check(list, MediaTypes.Index, what);
        if (list.Objects("manifests", what).Any(entry => Descriptors.Parse(entry, what).Digest == document.Digest))
        {
            return;
        }

        var entries = list.FindArray("manifests", what) ?? throw new RegistryException($"The {what} has no entries.");
        entries.Add((JsonNode)EntryOf(document, json));
        await PutAsync(transport, target, Of(subject), JsonDocuments.Write(list), what, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<RegistryDocument?> FindAsync(RegistryTransport transport, RepositoryAddress target, Digest subject, CancellationToken cancellationToken)
    {
        try
        {
            return await RegistryDocument.FetchAsync(transport, target, Of(subject), cancellationToken).ConfigureAwait(false);
        }
        catch (RegistryException e) when (e.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    private static JsonObject EntryOf(Descriptor document, byte[] json)
    {
        var what = $"manifest {document.Digest}";
        var source = JsonDocuments.Parse(json, what);
        var entry = Descriptors.ToJson(new Descriptor(document.MediaType, document.Digest, document.Size) { Annotations = source.Map("annotations", what) });
        var type = source.FindString("artifactType", what) is { Length: > 0 } said ? said : source.FindObject("config", what)?.FindString("mediaType", what);
        if (type is not null)
        {
            entry["artifactType"] = type;
        }

        return entry;
    }

    private static async Task PutAsync(RegistryTransport transport, RepositoryAddress target, string tag, byte[] json, string what, CancellationToken cancellationToken)
    {
        if (json.Length > JsonDocuments.MaxBytes)
        {
            throw new RegistryException($"The {what} would have {json.Length} bytes; {JsonDocuments.MaxBytes} are allowed.");
        }

        var request = new RegistryRequest(target, HttpMethod.Put, target.Url($"manifests/{tag}"))
        {
            Scopes = [target.PushScope],
            Content = _ => new ByteArrayContent(json) { Headers = { ContentType = new MediaTypeHeaderValue(MediaTypes.Index) } },
        };
        using var response = await transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode is not (HttpStatusCode.Created or HttpStatusCode.OK or HttpStatusCode.Accepted))
        {
            throw await transport.RefusalAsync(request, response, $"the {what}", cancellationToken).ConfigureAwait(false);
        }
    }
}

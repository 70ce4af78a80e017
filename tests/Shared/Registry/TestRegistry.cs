using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ContainerKit.Tests.Shared.Registry;

/// <summary>
/// A registry in memory, spoken to over real sockets: the OCI distribution specification 1.1 with pull, push, mount, chunked uploads,
/// ranges, tags by pages, referrers and deletion. <see cref="HttpServer.Faults"/> makes it fail, <see cref="HttpServer.Requests"/> is what it was asked.
/// </summary>
internal sealed partial class TestRegistry : HttpServer
{
    private readonly RegistryRules _rules;
    private readonly TokenService _tokens;
    private readonly UploadRoutes _uploads;

    public TestRegistry(RegistryRules? rules = null, RegistryContent? content = null)
        : base(rules?.Certificate, rules?.WantsClientCertificate ?? false)
    {
        _rules = rules ?? new RegistryRules();
        Content = content ?? new RegistryContent();
        _tokens = new TokenService(_rules);
        _uploads = new UploadRoutes(_rules, Content, _rules.TellsRelativeLocations ? "" : Address);
    }

    public RegistryContent Content { get; }

    /// <summary>No token that was given so far counts from here on.</summary>
    public void ExpireTokens() => _tokens.Expire();

    /// <summary>Requests that were about blobs' content.</summary>
    public IEnumerable<HttpRequest> Downloads => Requests.Where(request => request.Method == "GET" && request.Path.Contains("/blobs/sha", StringComparison.Ordinal));

    protected override HttpAnswer Answer(HttpRequest request)
    {
        if (request.Path == "/token")
        {
            return _tokens.Answer(request);
        }

        var match = RoutePattern().Match(request.Path);
        var repository = match.Groups["name"].Value;
        if (Refuse(request, repository) is { } refusal)
        {
            return refusal;
        }

        return match.Groups["kind"].Value switch
        {
            "manifests" => AnswerManifest(request, repository, match.Groups["rest"].Value),
            "blobs/uploads" => _uploads.Answer(request, repository, match.Groups["rest"].Value),
            "blobs" => AnswerBlob(request, repository, match.Groups["rest"].Value),
            "tags" => ListTags(request, repository),
            "referrers" => ListReferrers(request, repository, match.Groups["rest"].Value),
            _ when request.Path == "/v2/" => HttpAnswer.Json(200, "{}"),
            _ when request.Path == "/v2/_catalog" => Page(request, "/v2/_catalog", "repositories", Content.Repositories, ""),
            _ => HttpAnswer.Error(404, "NAME_UNKNOWN"),
        };
    }

    protected override void TakeBeginning(HttpRequest request)
    {
        if (request.Method == "PATCH" && RoutePattern().Match(request.Path) is { Success: true } match)
        {
            _uploads.Answer(request, match.Groups["name"].Value, match.Groups["rest"].Value);
        }
    }

    [GeneratedRegex(@"\A/v2/(?<name>[a-z0-9._/-]+?)/(?<kind>manifests|blobs/uploads|blobs|tags|referrers)/(?<rest>[^/]*)\z")]
    private static partial Regex RoutePattern();

    private HttpAnswer? Refuse(HttpRequest request, string repository)
    {
        var action = request.Method switch { "GET" or "HEAD" => "pull", "DELETE" => "delete", _ => "push" };
        return _rules.Authentication switch
        {
            Authentication.Basic when request.Authorization != _tokens.BasicCredentials =>
                HttpAnswer.Error(401, "UNAUTHORIZED").With("WWW-Authenticate", "Basic realm=\"test\""),
            Authentication.Bearer when !_tokens.Grants(request.Authorization, repository, action) =>
                HttpAnswer.Error(401, "UNAUTHORIZED").With("WWW-Authenticate", Challenge(repository, action)),
            _ => null,
        };
    }

    private string Challenge(string repository, string action) => $"Bearer realm=\"{_rules.TokenRealm ?? $"{Address}/token"}\",service=\"test\""
        + (repository.Length > 0 ? $",scope=\"repository:{repository}:{(action == "pull" ? "pull" : $"pull,{action}")}\"" : "");

    private HttpAnswer AnswerManifest(HttpRequest request, string repository, string reference)
    {
        if (request.Method == "PUT")
        {
            return PutManifest(request, repository, reference);
        }

        var content = Content[repository];
        if (!(Digest.TryParse(reference, out var digest) || content.Tags.TryGetValue(reference, out digest)) || !content.Manifests.TryGetValue(digest, out var manifest))
        {
            return HttpAnswer.Error(404, "MANIFEST_UNKNOWN");
        }

        return request.Method == "DELETE" ? DeleteManifest(content, reference, digest)
            : new HttpAnswer(200) { Body = manifest.Content }.With("Content-Type", manifest.MediaType).With("Docker-Content-Digest", digest.ToString());
    }

    private HttpAnswer PutManifest(HttpRequest request, string repository, string reference)
    {
        var content = Content[repository];
        var isNamed = Digest.TryParse(reference, out var named);
        var digest = isNamed && named.Hex.Length == 128 ? SampleImage.Sha512(request.Body) : Digest.Of(request.Body);
        var document = JsonNode.Parse(request.Body)!;
        var blobs = new[] { document["config"] }.Concat(document["layers"]?.AsArray() ?? []).OfType<JsonNode>().Select(DigestOf);
        var manifests = (document["manifests"]?.AsArray() ?? []).OfType<JsonNode>().Select(DigestOf);
        if (blobs.Any(blob => !content.Blobs.ContainsKey(blob)) || manifests.Any(each => !content.Manifests.ContainsKey(each) && !content.Blobs.ContainsKey(each)))
        {
            return HttpAnswer.Error(400, "MANIFEST_BLOB_UNKNOWN");
        }

        if (isNamed && named != digest)
        {
            return HttpAnswer.Error(400, "DIGEST_INVALID");
        }

        content.Manifests[digest] = new StoredManifest(request.Headers["Content-Type"], request.Body);
        if (!isNamed)
        {
            content.Tags[reference] = digest;
        }

        var answer = new HttpAnswer(201).With("Location", $"/v2/{repository}/manifests/{digest}").With("Docker-Content-Digest", digest.ToString());
        return document["subject"] is { } subject && _rules.HasReferrers ? answer.With("OCI-Subject", DigestOf(subject).ToString()) : answer;
    }

    private HttpAnswer DeleteManifest(RepositoryContent content, string reference, Digest digest)
    {
        if (!_rules.AllowsDelete)
        {
            return HttpAnswer.Error(405, "UNSUPPORTED");
        }

        if (content.Tags.TryRemove(reference, out _))
        {
            return new HttpAnswer(202);
        }

        content.Manifests.TryRemove(digest, out _);
        foreach (var (tag, _) in content.Tags.Where(tag => tag.Value == digest))
        {
            content.Tags.TryRemove(tag, out _);
        }

        return new HttpAnswer(202);
    }

    private HttpAnswer AnswerBlob(HttpRequest request, string repository, string reference)
    {
        if (_rules.BlobsAt is { } elsewhere && request.Method != "DELETE")
        {
            return new HttpAnswer(307).With("Location", $"{elsewhere}{request.Target}");
        }

        if (!Digest.TryParse(reference, out var digest) || !Content[repository].Blobs.TryGetValue(digest, out var blob))
        {
            return HttpAnswer.Error(404, "BLOB_UNKNOWN");
        }

        if (request.Method == "DELETE")
        {
            return _rules.AllowsDelete && Content[repository].Blobs.TryRemove(digest, out _) ? new HttpAnswer(202) : HttpAnswer.Error(405, "UNSUPPORTED");
        }

        return Ranges.Answer(request, blob).With("Content-Type", "application/octet-stream").With("Docker-Content-Digest", digest.ToString());
    }

    private HttpAnswer ListTags(HttpRequest request, string repository) => Content.Has(repository)
        ? Page(request, $"/v2/{repository}/tags/list", "tags", Content[repository].Tags.Keys.Order(StringComparer.Ordinal), $"\"name\":\"{repository}\",")
        : HttpAnswer.Error(404, "NAME_UNKNOWN");

    private HttpAnswer Page(HttpRequest request, string path, string field, IEnumerable<string> names, string more)
    {
        var size = int.TryParse(request.Query("n"), out var wanted) ? Math.Min(wanted, _rules.PageSize) : _rules.PageSize;
        var rest = names.Where(name => string.CompareOrdinal(name, request.Query("last") ?? "") > 0).ToList();
        var page = rest.Take(size).ToList();
        var answer = HttpAnswer.Json(200, $$"""{{{more}}"{{field}}":[{{string.Join(',', page.Select(name => $"\"{name}\""))}}]}""");
        return rest.Count > page.Count ? answer.With("Link", $"<{path}?n={size}&last={Uri.EscapeDataString(page[^1])}>; rel=\"next\"") : answer;
    }

    private HttpAnswer ListReferrers(HttpRequest request, string repository, string reference)
    {
        if (!_rules.HasReferrers || !Digest.TryParse(reference, out var subject))
        {
            return HttpAnswer.Error(404, "NAME_UNKNOWN");
        }

        var wanted = request.Query("artifactType");
        var referrers =
            from manifest in Content[repository].Manifests.Values
            let document = JsonNode.Parse(manifest.Content)!
            where document["subject"] is { } named && DigestOf(named) == subject
            let type = (string?)(document["artifactType"] ?? document["config"]?["mediaType"]) ?? ""
            where wanted is null || wanted == type
            orderby Digest.Of(manifest.Content)
            select SampleImage.Describe(manifest.Content, manifest.MediaType, $",\"artifactType\":{JsonSerializer.Serialize(type)}");
        var answer = new HttpAnswer(200) { Body = Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"mediaType":"{{SampleImage.IndexType}}","manifests":[{{string.Join(',', referrers)}}]}""") }
            .With("Content-Type", SampleImage.IndexType);
        return wanted is null ? answer : answer.With("OCI-Filters-Applied", "artifactType");
    }

    private static Digest DigestOf(JsonNode descriptor) => Digest.Parse((string)descriptor["digest"]!);
}

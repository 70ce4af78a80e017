using System.Net;
using ContainerKit.Content;
using ContainerKit.Images;

namespace ContainerKit.Registry;

/// <summary>A manifest or index as a registry gave it: verified, not yet understood.</summary>
internal sealed record RegistryDocument(Descriptor Descriptor, byte[] Content)
{
    private static readonly string[] Types = [MediaTypes.Index, MediaTypes.DockerManifestList, MediaTypes.Manifest, MediaTypes.DockerManifest];

    /// <summary>Fetches a document by tag.</summary>
    /// <exception cref="RegistryException">There is none, or it is not what the registry's own header says.</exception>
    public static Task<RegistryDocument> FetchAsync(RegistryTransport transport, RepositoryAddress source, string tag, CancellationToken cancellationToken) =>
        FetchAsync(transport, source, tag, null, null, cancellationToken);

    /// <summary>Fetches a document by digest.</summary>
    /// <param name="transport">Sends the request.</param>
    /// <param name="source">Where from.</param>
    /// <param name="digest">Its digest.</param>
    /// <param name="promised">What an index says about it, or null.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ImageException">Its content is not what the digest, or the index, says.</exception>
    public static Task<RegistryDocument> FetchAsync(RegistryTransport transport, RepositoryAddress source, Digest digest, Descriptor? promised, CancellationToken cancellationToken) =>
        FetchAsync(transport, source, digest.ToString(), digest, promised, cancellationToken);

    /// <summary>The request for a document, with <c>HEAD</c> for its descriptor alone.</summary>
    public static RegistryRequest Request(RepositoryAddress source, string reference, HttpMethod method) =>
        new(source, method, source.Url($"manifests/{reference}")) { Scopes = [source.PullScope], Accept = Types };

    /// <summary>The digest that the registry says a document has, if it says one.</summary>
    public static Digest? SaidDigest(HttpResponseMessage response) =>
        response.Headers.TryGetValues("Docker-Content-Digest", out var values) && Digest.TryParse(values.FirstOrDefault(), out var digest) ? digest : null;

    private static async Task<RegistryDocument> FetchAsync(
        RegistryTransport transport, RepositoryAddress source, string reference, Digest? digest, Descriptor? promised, CancellationToken cancellationToken)
    {
        var request = Request(source, reference, HttpMethod.Get);
        if (promised is not null && !Types.Contains(promised.MediaType))
        {
            request = request with { Accept = [.. Types, "*/*"] };
        }

        for (var attempt = 1; ; attempt++)
        {
            using var response = await transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                throw await transport.RefusalAsync(request, response, $"the manifest of '{source}:{reference}'", cancellationToken).ConfigureAwait(false);
            }

            try
            {
                var content = await Body.ReadAsync(response, JsonDocuments.MaxBytes, transport.Options.Timeout, cancellationToken).ConfigureAwait(false);
                return Verify(response, source, reference, digest, promised, content);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or TimeoutException)
            {
                if (!await transport.PauseAsync(attempt, null, request.Url, e.Message, cancellationToken).ConfigureAwait(false))
                {
                    throw RegistryErrors.Unreachable(source.Endpoint, request.Url, e);
                }
            }
        }
    }

    private static RegistryDocument Verify(HttpResponseMessage response, RepositoryAddress source, string reference, Digest? digest, Descriptor? promised, byte[] content)
    {
        if (digest is { } expected && Digest.Of(content, like: expected) is var actual && actual != expected)
        {
            throw new ImageException($"The manifest {expected} is damaged: what the registry '{source.Endpoint.Name}' gave has the digest {actual}.");
        }

        // A registry may know a document by a digest of another algorithm than the one by which it was asked.
        var said = SaidDigest(response);
        if (said is { } theirs && Digest.Of(content, like: theirs) is var ours && ours != theirs)
        {
            throw new ImageException($"The manifest of '{source}:{reference}' is damaged: the registry says that its digest is {theirs}, and it is {ours}.");
        }

        if (promised is not null)
        {
            BlobStore.CheckSize(promised, content.Length);
            return new RegistryDocument(promised, content);
        }

        return new RegistryDocument(new Descriptor(TypeOf(response, content, $"manifest of '{source}:{reference}'"), digest ?? said ?? Digest.Of(content), content.Length), content);
    }

    // The document's own type counts where it has one (readers compare both); the header's, where it has none.
    private static string TypeOf(HttpResponseMessage response, byte[] content, string what)
    {
        var own = JsonDocuments.Parse(content, what).FindString("mediaType", what);
        var type = own is { Length: > 0 } ? own : response.Content.Headers.ContentType?.MediaType ?? "";
        var said = response.Content.Headers.ContentType?.MediaType ?? "";
        if (Types.Contains(said) && said != type)
        {
            throw new ImageException($"The {what} says that it is '{RegistryErrors.Harmless(type)}', and the registry says '{said}'.");
        }

        return Types.Contains(type)
            ? type
            : throw new ImageException($"The {what} is of the type '{RegistryErrors.Harmless(type)}', which is not that of an image.") { Hint = type.Contains(".v1+", StringComparison.Ordinal) && type.Contains("docker", StringComparison.Ordinal) ? "It is of docker's first format, which no registry should serve any more." : null };
    }
}

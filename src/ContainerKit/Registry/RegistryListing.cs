using System.Net;
using System.Runtime.CompilerServices;
using ContainerKit.Images;

namespace ContainerKit.Registry;

/// <summary>Lists that come in pages: tags, and what refers to an image. OCI distribution specification, "Content Discovery".</summary>
internal static class RegistryListing
{
    private const int MaxPages = 10_000;
    private const string FiltersApplied = "OCI-Filters-Applied";

    public static async IAsyncEnumerable<string> TagsAsync(RegistryTransport transport, RepositoryAddress source, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var what = $"list of the tags of '{source}'";
        await foreach (var (_, body) in PagesAsync(transport, source, source.Url("tags/list?n=1000"), [], what, cancellationToken).ConfigureAwait(false))
        {
            foreach (var tag in Understand(() => RegistryErrors.Parse(body, what, JsonDocuments.MaxBytes).Strings("tags", what)))
            {
                yield return ImageReference.IsTag(tag) ? tag : throw new RegistryException($"The {what} has '{RegistryErrors.Harmless(tag)}', which is no tag.");
            }
        }
    }

    public static async IAsyncEnumerable<Referrer> ReferrersAsync(
        RegistryTransport transport, RepositoryAddress source, Digest subject, string? artifactType, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var what = $"list of what refers to '{source}@{subject}'";
        var address = source.Url($"referrers/{subject}{(artifactType is null ? "" : $"?artifactType={Uri.EscapeDataString(artifactType)}")}");
        await foreach (var (isFiltered, body) in PagesAsync(transport, source, address, [MediaTypes.Index], what, cancellationToken, source.Url($"manifests/{ReferrersTag.Of(subject)}")).ConfigureAwait(false))
        {
            foreach (var referrer in Understand(() => Read(body, what)).Where(referrer => artifactType is null || isFiltered || referrer.ArtifactType == artifactType))
            {
                yield return referrer;
            }
        }
    }

    /// <summary>Fetches page after page.</summary>
    /// <param name="transport">Sends the requests.</param>
    /// <param name="source">Whose list it is.</param>
    /// <param name="first">The first page.</param>
    /// <param name="accept">Which types are understood.</param>
    /// <param name="what">What it is, for errors.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="instead">Where the list is in a registry that does not know the first address; where it is neither here nor there, it is empty.</param>
    private static async IAsyncEnumerable<(bool IsFiltered, byte[] Body)> PagesAsync(
        RegistryTransport transport, RepositoryAddress source, Uri first, string[] accept, string what, [EnumeratorCancellation] CancellationToken cancellationToken, Uri? instead = null)
    {
        var seen = new HashSet<Uri>();
        for (Uri? address = first; address is not null;)
        {
            if (!seen.Add(address) || seen.Count > MaxPages)
            {
                throw new RegistryException($"The {what} has no end: it goes on where it has been, or for more than {MaxPages} pages.");
            }

            var request = new RegistryRequest(source, HttpMethod.Get, address) { Scopes = [source.PullScope], Accept = accept };
            using var response = await transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (instead is not null && address == first && response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.BadRequest or HttpStatusCode.MethodNotAllowed)
            {
                address = instead;
                continue;
            }

            if (instead is not null && address == instead && response.StatusCode == HttpStatusCode.NotFound)
            {
                yield break;
            }

            if (response.StatusCode != HttpStatusCode.OK)
            {
                throw await transport.RefusalAsync(request, response, $"the {what}", cancellationToken).ConfigureAwait(false);
            }

            yield return (response.Headers.Contains(FiltersApplied), await ReadAsync(transport, source, address, response, cancellationToken).ConfigureAwait(false));
            address = Next(source, address, response, what);
        }
    }

    private static async Task<byte[]> ReadAsync(RegistryTransport transport, RepositoryAddress source, Uri address, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            return await Body.ReadAsync(response, JsonDocuments.MaxBytes, transport.Options.Timeout, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TimeoutException)
        {
            throw RegistryErrors.Unreachable(source.Endpoint, address, e);
        }
    }

    private static IReadOnlyList<Referrer> Read(byte[] body, string what)
    {
        var document = JsonDocuments.Parse(body, what);
        DocumentKind.Check(document, MediaTypes.Index, what);
        return [.. document.Objects("manifests", what).Select(entry => new Referrer(Descriptors.Parse(entry, what), entry.FindString("artifactType", what) ?? ""))];
    }

    private static T Understand<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (ImageException e)
        {
            throw new RegistryException(e.Message, e);
        }
    }

    // RFC 8288: Link: </v2/name/tags/list?last=b&n=2>; rel="next". It stays with the registry that was asked.
    private static Uri? Next(RepositoryAddress source, Uri here, HttpResponseMessage response, string what)
    {
        var link = response.Headers.TryGetValues("Link", out var values) ? values.FirstOrDefault(value => value.Contains("rel=\"next\"", StringComparison.Ordinal) || value.Contains("rel=next", StringComparison.Ordinal)) : null;
        if (link is null)
        {
            return null;
        }

        var (start, end) = (link.IndexOf('<', StringComparison.Ordinal), link.IndexOf('>', StringComparison.Ordinal));
        return start >= 0 && end > start && Uri.TryCreate(here, link[(start + 1)..end], out var next) && source.Endpoint.Owns(next)
            ? next
            : throw new RegistryException($"The {what} goes on at a place that is not the registry's: '{RegistryErrors.Harmless(link)}'.");
    }
}

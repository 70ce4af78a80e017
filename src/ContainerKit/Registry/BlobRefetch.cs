using ContainerKit.Images;

namespace ContainerKit.Registry;

/// <summary>Fetches single blobs again that are damaged or lost, from the repositories that are known to have them.</summary>
internal sealed class BlobRefetch(RegistryTransport transport, ImageCatalog catalog, IProgress<ImageProgress>? progress)
{
    private readonly BlobDownload _download = new(transport, catalog.Blobs, progress);

    /// <summary>How a repository is written down: <c>registry.example/app</c>.</summary>
    public static string RepositoryOf(ImageReference reference) => $"{reference.Registry}/{reference.Repository}";

    /// <summary>Fetches a blob, and puts it in the place of what is here under its name.</summary>
    /// <param name="repositories">Who is asked, in order, the mirrors of their registries first.</param>
    /// <param name="blob">What it must be.</param>
    /// <param name="cancellationToken">Gives up; what is here stays.</param>
    /// <exception cref="RegistryException">Nobody has it, or nobody can be reached.</exception>
    /// <exception cref="ImageException">What they gave is damaged as well.</exception>
    public async Task RunAsync(IReadOnlyList<string> repositories, Descriptor blob, CancellationToken cancellationToken)
    {
        var sources = repositories.SelectMany(SourcesOf).Distinct().ToList();
        if (sources.Count == 0)
        {
            throw new ImageException($"Nobody knows where the blob {blob.Digest} can be had again.")
            {
                Hint = "Name a repository that has it (RepairOptions.Repositories, ckit check --repair --from); or remove the image, and load, import or build it anew.",
            };
        }

        if (!MediaTypes.IsManifest(blob.MediaType) && !MediaTypes.IsIndex(blob.MediaType))
        {
            try
            {
                await _download.ReplaceAsync(sources, blob, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (RegistryException e) when (e.StatusCode == System.Net.HttpStatusCode.NotFound && blob.Size <= JsonDocuments.MaxBytes && !MediaTypes.IsLayer(blob.MediaType) && !MediaTypes.IsConfig(blob.MediaType))
            {
                // What an index lists under a type that nobody knows is a document to most registries.
            }
        }

        var document = await FetchDocumentAsync(sources, blob, cancellationToken).ConfigureAwait(false);
        using var writer = catalog.Blobs.Create(blob.Digest, replaces: true);
        writer.Write(document.Content);
        writer.Commit(blob);
    }

    private async Task<RegistryDocument> FetchDocumentAsync(List<RepositoryAddress> sources, Descriptor blob, CancellationToken cancellationToken)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                return await RegistryDocument.FetchAsync(transport, sources[i], blob.Digest, blob, cancellationToken).ConfigureAwait(false);
            }
            catch (ContainerKitException e) when (i + 1 < sources.Count)
            {
                transport.Logger.NextIsAsked(sources[i].Endpoint.Name, blob.Digest.ToString(), e.Message);
            }
        }
    }

    private IEnumerable<RepositoryAddress> SourcesOf(string repository) => ImageReference.TryParse(repository + ":latest", out var name)
        ? RegistryEndpoint.ForPulls(name.Registry, transport.Options).Select(endpoint => endpoint.At(name.Repository))
        : [];
}

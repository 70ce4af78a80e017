using ContainerKit.Content;
using ContainerKit.Images;

namespace ContainerKit.Registry;

/// <summary>Fetches an image into a store: documents first, then whatever blobs the store lacks, then the name.</summary>
internal sealed class ImagePuller(RegistryTransport transport, ImageCatalog catalog, PullOptions options, IProgress<ImageProgress>? progress)
{
    private readonly BlobDownload _download = new(transport, catalog.Blobs, progress);

    private string _repository = "";

    private BlobStore Blobs => catalog.Blobs;

    public async Task<Image> PullAsync(ImageReference reference, CancellationToken cancellationToken)
    {
        _repository = BlobRefetch.RepositoryOf(reference);
        using var lease = await catalog.LeaseAsync(cancellationToken).ConfigureAwait(false);
        var (sources, document) = await FindAsync(reference, cancellationToken).ConfigureAwait(false);
        if (MediaTypes.IsIndex(document.Descriptor.MediaType) && options.AllPlatforms)
        {
            var documents = 0;
            await TakeIndexAsync(sources, document, StoredIndex.MaxDepth, () => RequireFew(++documents, document), cancellationToken).ConfigureAwait(false);
            catalog.Publish(lease, document.Descriptor, reference, cancellationToken);
            return options.Platform is { } platform ? catalog.Read(document.Descriptor, platform, reference) : catalog.Read(document.Descriptor, reference);
        }

        var manifest = await ChooseAsync(sources, document, cancellationToken).ConfigureAwait(false);
        await TakeImageAsync(sources, manifest, cancellationToken).ConfigureAwait(false);
        return catalog.Publish(lease, manifest.Descriptor, reference, cancellationToken);
    }

    /// <summary>Asks the mirrors, then the registry; who has the document is asked first for the rest.</summary>
    private async Task<(IReadOnlyList<RepositoryAddress> Sources, RegistryDocument Document)> FindAsync(ImageReference reference, CancellationToken cancellationToken)
    {
        var sources = RegistryEndpoint.ForPulls(reference.Registry, transport.Options).Select(endpoint => endpoint.At(reference.Repository)).ToList();
        for (var i = 0; ; i++)
        {
            try
            {
                var document = reference.Digest is { } digest
                    ? await RegistryDocument.FetchAsync(transport, sources[i], digest, null, cancellationToken).ConfigureAwait(false)
                    : await RegistryDocument.FetchAsync(transport, sources[i], reference.Tag!, cancellationToken).ConfigureAwait(false);
                return (sources[i..], document);
            }
            catch (ContainerKitException e) when (i + 1 < sources.Count)
            {
                transport.Logger.NextIsAsked(sources[i].Endpoint.Name, reference.ToString(), e.Message);
            }
        }
    }

    private async Task<RegistryDocument> ChooseAsync(IReadOnlyList<RepositoryAddress> sources, RegistryDocument document, CancellationToken cancellationToken)
    {
        for (var depth = 0; MediaTypes.IsIndex(document.Descriptor.MediaType); depth++)
        {
            var what = $"index {document.Descriptor.Digest}";
            var entries = ImageIndex.Parse(document.Content, document.Descriptor.MediaType, what).Entries;
            var images = entries.Where(PlatformChoice.IsImage).ToList();
            var wanted = options.Platform ?? Platform.Host;
            // One image is taken whatever it is for, unless it was asked for by its platform; indexes in indexes often say nothing of theirs.
            var chosen = PlatformChoice.Find(images, wanted) ?? (images is [var only] && (options.Platform is null || only.Platform is null) ? only : null)
                ?? throw new ImageException($"The {what} has no image for {wanted}; it has some for {PlatformChoice.Describe(entries)}.");
            if (depth > StoredIndex.MaxDepth)
            {
                throw new ImageException($"The {what} is the last of more than {StoredIndex.MaxDepth} nested indexes.");
            }

            document = await DocumentAsync(sources, chosen.Target, cancellationToken).ConfigureAwait(false);
        }

        return document;
    }

    private async Task TakeImageAsync(IReadOnlyList<RepositoryAddress> sources, RegistryDocument document, CancellationToken cancellationToken)
    {
        var manifest = Manifest.Parse(document.Content, document.Descriptor);
        var config = await ConfigAsync(sources, manifest, cancellationToken).ConfigureAwait(false);
        if (options.Platform is { } wanted && !wanted.Accepts(config.Platform) && PlatformChoice.Find([new IndexEntry(document.Descriptor, config.Platform)], wanted) is null)
        {
            throw new ImageException($"The image {document.Descriptor.Digest} is for {config.Platform}, and not for {wanted}.");
        }

        await TakeBlobsAsync(sources, manifest.Layers, cancellationToken).ConfigureAwait(false);
        TakeDocument(document);
    }

    // A config that cannot be read, or that does not fit its manifest, is better found before gigabytes of layers have come.
    private async Task<ImageConfig> ConfigAsync(IReadOnlyList<RepositoryAddress> sources, Manifest manifest, CancellationToken cancellationToken)
    {
        if (manifest.Config.Size > JsonDocuments.MaxBytes)
        {
            throw new ImageException($"The config {manifest.Config.Digest} has {manifest.Config.Size} bytes; {JsonDocuments.MaxBytes} are allowed.");
        }

        _download.Announce(manifest.Config);
        await TakeBlobAsync(sources, manifest.Config, cancellationToken).ConfigureAwait(false);
        var config = ImageConfig.Parse(Blobs.Read(manifest.Config, JsonDocuments.MaxBytes), $"config {manifest.Config.Digest}");
        return config.DiffIds.Count == manifest.Layers.Count
            ? config
            : throw new ImageException($"The image has {manifest.Layers.Count} layers, and its config {manifest.Config.Digest} names {config.DiffIds.Count}.");
    }

    private async Task TakeIndexAsync(IReadOnlyList<RepositoryAddress> sources, RegistryDocument document, int depth, Action another, CancellationToken cancellationToken)
    {
        var index = ImageIndex.Parse(document.Content, document.Descriptor.MediaType, $"index {document.Descriptor.Digest}");
        foreach (var entry in index.Entries.Select(entry => entry.Target).DistinctBy(entry => entry.Digest))
        {
            another();
            if (!MediaTypes.IsManifest(entry.MediaType) && !MediaTypes.IsIndex(entry.MediaType))
            {
                await TakeOpaqueAsync(sources, entry, cancellationToken).ConfigureAwait(false);
                Blobs.Sources.Add(entry.Digest, _repository);
                continue;
            }

            var part = await DocumentAsync(sources, entry, cancellationToken).ConfigureAwait(false);
            if (!MediaTypes.IsIndex(entry.MediaType))
            {
                await TakeBlobsAsync(sources, Manifest.PartsOf(part.Content, part.Descriptor), cancellationToken).ConfigureAwait(false);
                TakeDocument(part);
                continue;
            }

            if (depth == 0)
            {
                throw new ImageException($"The index {entry.Digest} is the last of more than {StoredIndex.MaxDepth} nested indexes.");
            }

            await TakeIndexAsync(sources, part, depth - 1, another, cancellationToken).ConfigureAwait(false);
        }

        TakeDocument(document);
    }

    // OCI image specification, image-index.md: types that nobody knows are no error. Where such a thing lies, no specification says: as a
    // document among the manifests, or among the blobs.
    private async Task TakeOpaqueAsync(IReadOnlyList<RepositoryAddress> sources, Descriptor entry, CancellationToken cancellationToken)
    {
        if (Blobs.Has(entry))
        {
            return;
        }

        if (entry.Size <= JsonDocuments.MaxBytes)
        {
            try
            {
                Blobs.Add((await FetchDocumentAsync(sources, entry, cancellationToken).ConfigureAwait(false)).Content, entry);
                return;
            }
            catch (RegistryException e) when (e.StatusCode == System.Net.HttpStatusCode.NotFound)
            {
                // Then it is a blob.
            }
        }

        await _download.RunAsync(sources, entry, cancellationToken).ConfigureAwait(false);
    }

    // Foreign layers are elsewhere, and stay there unless asked for.
    private Task TakeBlobsAsync(IReadOnlyList<RepositoryAddress> sources, IEnumerable<Descriptor> blobs, CancellationToken cancellationToken)
    {
        var wanted = blobs.Where(blob => options.ForeignLayers || !MediaTypes.IsForeign(blob.MediaType)).DistinctBy(blob => (blob.Digest, blob.Size)).ToList();
        wanted.ForEach(_download.Announce);
        return Transfers.RunAsync(wanted, transport.Options.ParallelTransfers, (blob, token) => TakeBlobAsync(sources, blob, token), cancellationToken);
    }

    private async Task TakeBlobAsync(IReadOnlyList<RepositoryAddress> sources, Descriptor blob, CancellationToken cancellationToken)
    {
        if (MediaTypes.IsForeign(blob.MediaType))
        {
            await _download.RunForeignAsync(blob, cancellationToken).ConfigureAwait(false);
            return;
        }

        await _download.RunAsync(sources, blob, cancellationToken).ConfigureAwait(false);
        Blobs.Sources.Add(blob.Digest, _repository);
    }

    private void TakeDocument(RegistryDocument document)
    {
        Blobs.Add(document.Content, document.Descriptor);
        Blobs.Sources.Add(document.Descriptor.Digest, _repository);
    }

    // What the store has was verified when it came in, and need not be asked for.
    private async Task<RegistryDocument> DocumentAsync(IReadOnlyList<RepositoryAddress> sources, Descriptor blob, CancellationToken cancellationToken)
    {
        if (!MediaTypes.IsManifest(blob.MediaType) && !MediaTypes.IsIndex(blob.MediaType))
        {
            throw new ImageException($"An index lists {blob.Digest}, which is of the type '{RegistryErrors.Harmless(blob.MediaType)}' and no image.");
        }

        if (blob.Size <= JsonDocuments.MaxBytes && Blobs.Has(blob))
        {
            return new RegistryDocument(blob, Blobs.Read(blob, JsonDocuments.MaxBytes));
        }

        return await FetchDocumentAsync(sources, blob, cancellationToken).ConfigureAwait(false);
    }

    private async Task<RegistryDocument> FetchDocumentAsync(IReadOnlyList<RepositoryAddress> sources, Descriptor blob, CancellationToken cancellationToken)
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

    private static void RequireFew(int documents, RegistryDocument index)
    {
        if (documents > StoredIndex.MaxParts)
        {
            throw new ImageException($"The index {index.Descriptor.Digest} comes to more than {StoredIndex.MaxParts} documents.");
        }
    }
}

using System.Net;
using System.Net.Http.Headers;
using ContainerKit.Content;
using ContainerKit.Images;

namespace ContainerKit.Registry;

/// <summary>Sends an image to a registry: blobs, then the documents that name them, and the tag last, so that nobody sees half an image.</summary>
internal sealed class ImagePusher
{
    private readonly RegistryTransport _transport;
    private readonly ImageCatalog _catalog;
    private readonly PushOptions _options;
    private readonly RepositoryAddress _target;
    private readonly BlobUpload _upload;
    private readonly ImageReference _reference;

    public ImagePusher(RegistryTransport transport, ImageCatalog catalog, ImageReference reference, PushOptions options, IProgress<ImageProgress>? progress)
    {
        (_transport, _catalog, _reference, _options) = (transport, catalog, reference, options);
        _target = RegistryEndpoint.Of(reference.Registry, transport.Options).At(reference.Repository);
        _upload = new BlobUpload(transport, catalog.Blobs, _target, progress);
    }

    public async Task PushAsync(Image image, CancellationToken cancellationToken)
    {
        using var lease = await _catalog.LeaseAsync(cancellationToken).ConfigureAwait(false);
        var root = !_options.AllPlatforms
            ? image.Manifest
            : image.Index ?? throw new ImageException($"The store has the image '{image.Reference}' for one platform only.") { Hint = "Pull it with PullOptions.AllPlatforms (ckit: --all-platforms) first." };
        if (_reference.Digest is { } digest && digest != root.Digest)
        {
            throw new ImageException($"The image is {root.Digest}, and cannot be called {digest}.");
        }

        var owners = Owners();
        var parts = MediaTypes.IsIndex(root.MediaType) ? StoredIndex.Parts(_catalog.Blobs, root) : [];
        // What points at others comes behind what it points at: an index that lies in another was found after that.
        foreach (var part in parts.Where(part => MediaTypes.IsManifest(part.MediaType)))
        {
            await SendPartsAsync(part, owners, cancellationToken).ConfigureAwait(false);
            await PutAsync(part, part.Digest.ToString(), cancellationToken).ConfigureAwait(false);
        }

        foreach (var part in parts.Where(part => !MediaTypes.IsManifest(part.MediaType) && !MediaTypes.IsIndex(part.MediaType)))
        {
            await SendOpaqueAsync(part, cancellationToken).ConfigureAwait(false);
        }

        foreach (var part in parts.Where(part => MediaTypes.IsIndex(part.MediaType)).Reverse())
        {
            await PutAsync(part, part.Digest.ToString(), cancellationToken).ConfigureAwait(false);
        }

        if (MediaTypes.IsManifest(root.MediaType))
        {
            await SendPartsAsync(root, owners, cancellationToken).ConfigureAwait(false);
        }

        await PutAsync(root, _reference.Tag ?? root.Digest.ToString(), cancellationToken).ConfigureAwait(false);
    }

    private Task SendPartsAsync(Descriptor manifest, ILookup<Digest, string> owners, CancellationToken cancellationToken)
    {
        // Foreign layers may not be passed on.
        var parts = Manifest.PartsOf(Read(manifest), manifest).Where(blob => !MediaTypes.IsForeign(blob.MediaType)).DistinctBy(blob => blob.Digest).ToList();
        parts.ForEach(_upload.Announce);
        return Transfers.RunAsync(parts, _transport.Options.ParallelTransfers, SendAsync, cancellationToken);

        async Task SendAsync(Descriptor blob, CancellationToken token)
        {
            await _upload.RunAsync(blob, _options.MountFrom.Concat(owners[blob.Digest]), token).ConfigureAwait(false);
            Remember(blob);
        }
    }

    // What an index lists under a type that nobody knows is a document to most registries, and a blob to the others.
    private async Task SendOpaqueAsync(Descriptor part, CancellationToken cancellationToken)
    {
        if (part.Size <= JsonDocuments.MaxBytes && MediaTypeHeaderValue.TryParse(part.MediaType, out _) && JsonDocuments.IsObject(Read(part)))
        {
            try
            {
                await PutAsync(part, part.Digest.ToString(), cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (RegistryException e) when (e.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.UnsupportedMediaType or HttpStatusCode.UnprocessableEntity)
            {
                // Then it is a blob.
            }
        }

        await _upload.RunAsync(part, _options.MountFrom, cancellationToken).ConfigureAwait(false);
    }

    // What was sent there can be had from there again, should it be damaged here.
    private void Remember(Descriptor blob) => _catalog.Blobs.Sources.Add(blob.Digest, BlobRefetch.RepositoryOf(_reference));

    private async Task PutAsync(Descriptor document, string reference, CancellationToken cancellationToken)
    {
        var content = Read(document);
        var request = new RegistryRequest(_target, HttpMethod.Put, _target.Url($"manifests/{reference}"))
        {
            Scopes = [_target.PushScope],
            Content = _ => new ByteArrayContent(content) { Headers = { ContentType = new MediaTypeHeaderValue(document.MediaType) } },
        };
        using var response = await _transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode is not (HttpStatusCode.Created or HttpStatusCode.OK or HttpStatusCode.Accepted))
        {
            throw await _transport.RefusalAsync(request, response, $"the manifest of '{_target}:{reference}'", cancellationToken).ConfigureAwait(false);
        }

        if (RegistryDocument.SaidDigest(response) is { } said && said != Digest.Of(content, like: said))
        {
            throw new RegistryException($"The registry '{_target.Endpoint.Name}' stored the manifest {document.Digest} as {said}.");
        }

        Remember(document);

        if (ReferrersTag.IsNeeded(response) && ReferrersTag.SubjectOf(document, content) is { } subject)
        {
            await ReferrersTag.AddAsync(_transport, _target, subject, document, content, cancellationToken).ConfigureAwait(false);
        }
    }

    private byte[] Read(Descriptor document) => Content.BlobStore.Read(_catalog.Blobs, document, JsonDocuments.MaxBytes);

    /// <summary>By blob, the repositories of this registry under whose names the store knows images with it.</summary>
    private ILookup<Digest, string> Owners()
    {
        var others = _catalog.Entries().Where(entry => entry.Reference.HasName
            && RegistryEndpoint.Normalize(entry.Reference.Registry) == _target.Endpoint.Name
            && entry.Reference.Repository != _target.Name);
        return others.SelectMany(entry => BlobsOf(entry).Select(blob => (blob.Digest, entry.Reference.Repository))).ToLookup(pair => pair.Digest, pair => pair.Repository);
    }

    private IEnumerable<Descriptor> BlobsOf(IndexEntry entry)
    {
        try
        {
            var manifests = MediaTypes.IsIndex(entry.Target.MediaType) ? StoredIndex.Manifests(_catalog.Blobs, entry.Target) : [entry.Target];
            return [.. manifests.SelectMany(manifest => Manifest.PartsOf(_catalog.Blobs.Read(manifest, JsonDocuments.MaxBytes), manifest))];
        }
        catch (ImageException)
        {
            // A damaged image elsewhere in the store is no reason not to send this one.
            return [];
        }
    }
}

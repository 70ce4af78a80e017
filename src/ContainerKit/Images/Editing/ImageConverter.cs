using ContainerKit.Content;
using ContainerKit.Layers;

namespace ContainerKit.Images.Editing;

/// <summary>Tells an image in other words, or compresses it otherwise. The config is the same document, and the diff IDs are the same.</summary>
internal sealed class ImageConverter(ImageCatalog catalog, CancellationToken cancellationToken)
{
    /// <summary>Converts, and answers with the manifest's descriptor; where nothing changes, it is the same manifest.</summary>
    public Descriptor Convert(StoreLease lease, Image image, ImageConversion conversion)
    {
        var original = Manifest.Parse(catalog.Blobs.Read(image.Manifest, JsonDocuments.MaxBytes), image.Manifest);
        var isDocker = conversion.Manifest is { } wanted ? wanted == ManifestFormat.Docker : original.MediaType == MediaTypes.DockerManifest;
        var changed = original with
        {
            Layers = conversion.Compression is { } compression
                ? [.. image.Layers.Select(layer => Recompress(lease, layer, Compression.KindOf(compression), isDocker))]
                : original.Layers,
        };
        changed = conversion.Manifest switch
        {
            ManifestFormat.Oci => changed.ToOci(),
            ManifestFormat.Docker => changed.ToDocker(),
            _ => changed,
        };
        return changed.MediaType == original.MediaType && changed.Layers.SequenceEqual(original.Layers) && changed.Config == original.Config
            ? image.Manifest
            : catalog.Blobs.Add(changed.ToJson(), changed.MediaType);
    }

    private Descriptor Recompress(StoreLease lease, Layer layer, CompressionKind kind, bool isDocker)
    {
        // What may not be passed on stays what its image points at.
        if (layer.IsForeign || KindOf(layer) == kind)
        {
            return layer.Descriptor;
        }

        var stored = catalog.AddLayer(
            lease,
            output =>
            {
                using var tar = new WatchedStream(layer.OpenTar(), null, cancellationToken);
                tar.CopyTo(output, 128 << 10);
            },
            kind,
            cancellationToken);
        return stored.DiffId == layer.DiffId
            ? new Descriptor(isDocker ? MediaTypes.ToDocker(stored.Descriptor.MediaType) : stored.Descriptor.MediaType, stored.Descriptor.Digest, stored.Descriptor.Size)
            {
                Annotations = layer.Descriptor.Annotations,
            }
            : throw new ImageException($"The layer {layer.DiffId} is damaged: its content has the digest {stored.DiffId}.");
    }

    private CompressionKind KindOf(Layer layer)
    {
        var (kind, blob) = Compression.Detect(catalog.Blobs.OpenBlob(layer.Descriptor));
        blob.Dispose();
        return kind;
    }
}

using ContainerKit.Layers;
using ContainerKit.Layers.Trees;

namespace ContainerKit.Images.Editing;

/// <summary>Makes images of images without running anything. What an edit does not touch keeps its bytes, and so its digest.</summary>
internal sealed class ImageEditor(ImageCatalog catalog, ImageEditOptions options, CancellationToken cancellationToken)
{
    /// <summary>One layer in place of those above a base, or of all.</summary>
    public Image Squash(Image image, ImageReference reference, Image? kept)
    {
        var below = kept is null ? 0 : RequireBase(image, kept);
        using var lease = catalog.Lease(cancellationToken);
        if (image.Layers.Count - below == 0)
        {
            return Publish(lease, image, image.Config, [.. image.Layers.Select(Stored)], reference);
        }

        var hashes = below > 0;
        var after = new LayerTree(catalog.Limits);
        TreeReader.Apply(after, image.Layers.Take(below), hashes, cancellationToken);
        var before = hashes ? after.Clone() : null;
        TreeReader.Apply(after, image.Layers.Skip(below), hashes, cancellationToken);
        var layer = AddLayer(lease, LayerDifference.Entries(before, after, cancellationToken));

        var steps = LayerHistory.StepsOf(image.Config, below, kept?.Config.History);
        var merged = image.Config.History.Skip(steps).Select(step => step with { IsEmptyLayer = true });
        var squash = new ImageHistory { Created = options.Timestamp ?? image.Config.Created, CreatedBy = "squash", Comment = $"{image.Layers.Count - below} layers made one" };
        var config = image.Config with { History = [.. LayerHistory.Padded(image.Config.History.Take(steps), below), .. merged, squash] };
        return Publish(lease, image, config, [.. image.Layers.Take(below).Select(Stored), layer], reference);
    }

    /// <summary>The layers of an image that lie on one base, on another.</summary>
    public Image Rebase(Image image, Image oldBase, Image newBase, ImageReference reference)
    {
        var below = RequireBase(image, oldBase);
        if (image.Config.Platform != newBase.Config.Platform)
        {
            throw new ImageException($"The image is for {image.Config.Platform}, and '{newBase.Reference}' is for {newBase.Config.Platform}.");
        }

        using var lease = catalog.Lease(cancellationToken);
        var steps = LayerHistory.StepsOf(image.Config, below, oldBase.Config.History);
        var config = image.Config with { History = [.. LayerHistory.Padded(newBase.Config.History, newBase.Layers.Count), .. image.Config.History.Skip(steps)] };
        return Publish(lease, image, config, [.. newBase.Layers.Concat(image.Layers.Skip(below)).Select(Stored)], reference);
    }

    /// <summary>An image with a tar as one more layer.</summary>
    public Image Append(Image image, Stream archive, ImageReference reference)
    {
        using var lease = catalog.Lease(cancellationToken);
        var layer = new TarLayer(catalog, lease, () => TreeReader.TreeOf(catalog, [.. image.Layers.Select(Stored)], cancellationToken), null, cancellationToken).Add(archive);
        var step = new ImageHistory { Created = options.Timestamp ?? image.Config.Created, CreatedBy = "append" };
        return Publish(lease, image, image.Config with { History = [.. LayerHistory.Padded(image.Config.History, image.Layers.Count), step] }, [.. image.Layers.Select(Stored), layer], reference);
    }

    /// <summary>The number of layers that an image has from another.</summary>
    private static int RequireBase(Image image, Image below) =>
        image.Layers.Count >= below.Layers.Count && image.Layers.Zip(below.Layers).All(pair => pair.First.DiffId == pair.Second.DiffId)
            ? below.Layers.Count
            : throw new ImageException($"It does not stand on '{below.Reference}': its lowest layers are others.") { Hint = "'ckit layers' shows the diff IDs of both." };

    private static StoredLayer Stored(Layer layer) => new(layer.Descriptor, layer.DiffId);

    private StoredLayer AddLayer(StoreLease lease, IReadOnlyList<SourcedEntry> entries)
    {
        using var spool = ContentSpool.Fill(catalog.Blobs, entries.Select(entry => entry.Content).OfType<LayerContent>(), cancellationToken);
        return catalog.AddLayer(lease, output => Write(entries, spool, output), Compression.KindOf(options.Compression), cancellationToken);
    }

    private void Write(IReadOnlyList<SourcedEntry> entries, ContentSpool spool, Stream output)
    {
        using var writer = new LayerWriter(output, leaveOpen: true) { LatestTime = LayerWriter.TimeOf(options.Timestamp) };
        foreach (var (entry, content) in entries)
        {
            using var stream = content is LayerContent known ? spool.Open(known) : null;
            writer.Write(entry, stream, cancellationToken);
        }

        writer.Finish();
    }

    private Image Publish(StoreLease lease, Image original, ImageConfig config, IReadOnlyList<StoredLayer> layers, ImageReference reference)
    {
        config = config with { Created = options.Timestamp ?? config.Created };
        var manifest = Manifest.Parse(catalog.Blobs.Read(original.Manifest, JsonDocuments.MaxBytes), original.Manifest);
        return catalog.Publish(lease, catalog.AddDocuments(lease, config, layers, manifest), reference, cancellationToken);
    }
}

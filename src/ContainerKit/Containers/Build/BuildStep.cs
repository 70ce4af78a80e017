using ContainerKit.Content;
using ContainerKit.Images;
using ContainerKit.Images.Editing;
using ContainerKit.Layers;

namespace ContainerKit.Containers.Build;

/// <summary>One step of an image build that adds a layer. It writes entries; it knows nothing of compression, digests or stores.</summary>
internal abstract class BuildStep
{
    /// <summary>The step in words, for the image's history.</summary>
    public abstract string Description { get; }

    /// <summary>Adds the layer, which lies on <paramref name="below"/>, to the store.</summary>
    public abstract StoredLayer AddTo(ImageCatalog catalog, StoreLease lease, IReadOnlyList<StoredLayer> below, ImageEditOptions options, CancellationToken cancellationToken);
}

/// <summary>A step that makes the layer of files.</summary>
internal abstract class FilesStep : BuildStep
{
    /// <summary>Writes the layer's entries in a fixed order, so that the same input always gives the same bytes.</summary>
    public abstract void WriteTo(LayerBuilder layer, CancellationToken cancellationToken);

    public sealed override StoredLayer AddTo(ImageCatalog catalog, StoreLease lease, IReadOnlyList<StoredLayer> below, ImageEditOptions options, CancellationToken cancellationToken) => catalog.AddLayer(
        lease,
        output =>
        {
            using var writer = new LayerWriter(output, leaveOpen: true) { LatestTime = LayerWriter.TimeOf(options.Timestamp) };
            WriteTo(new LayerBuilder(writer), cancellationToken);
            writer.Finish();
        },
        Compression.KindOf(options.Compression),
        cancellationToken);
}

/// <summary>Adds a tar as it is.</summary>
internal sealed class AddTarStep(string archive) : BuildStep
{
    // The directory that it lies in says nothing about the layer.
    public override string Description => $"AddTar {Path.GetFileName(archive)}";

    public override StoredLayer AddTo(ImageCatalog catalog, StoreLease lease, IReadOnlyList<StoredLayer> below, ImageEditOptions options, CancellationToken cancellationToken)
    {
        try
        {
            using var file = new FileStream(archive, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1);
            using var watched = new WatchedStream(file, null, cancellationToken, leaveOpen: true);
            return TarLayer.Add(catalog, lease, watched, TreeReader.TreeOf(catalog, below, cancellationToken), null, cancellationToken);
        }
        catch (Exception e) when (e is ImageException or IOException or UnauthorizedAccessException)
        {
            throw new ImageException($"Cannot add the archive '{archive}' to the image: {e.Message}", e) { Hint = (e as ImageException)?.Hint };
        }
    }
}

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

    /// <summary>Adds the layer, which lies on what was built so far, to the store.</summary>
    public abstract Task<StoredLayer> AddToAsync(BuildState below, CancellationToken cancellationToken);
}

/// <summary>What was built so far.</summary>
/// <param name="Host">Whose image it will be.</param>
/// <param name="Lease">Keeps what was added from being swept.</param>
/// <param name="Config">The base's config with the history of the steps so far.</param>
/// <param name="Layers">The layers, the lowest first.</param>
/// <param name="Options">How layers are made.</param>
internal sealed record BuildState(ContainerHost Host, StoreLease Lease, ImageConfig Config, IReadOnlyList<StoredLayer> Layers, ImageEditOptions Options)
{
    public ImageCatalog Catalog => Host.Images.Catalog;
}

/// <summary>A step that makes the layer of files.</summary>
internal abstract class FilesStep : BuildStep
{
    /// <summary>Writes the layer's entries in a fixed order, so that the same input always gives the same bytes.</summary>
    public abstract void WriteTo(LayerBuilder layer, CancellationToken cancellationToken);

    public sealed override Task<StoredLayer> AddToAsync(BuildState below, CancellationToken cancellationToken) => Task.FromResult(below.Catalog.AddLayer(
        below.Lease,
        output =>
        {
            using var writer = new LayerWriter(output, leaveOpen: true) { LatestTime = LayerWriter.TimeOf(below.Options.Timestamp) };
            WriteTo(new LayerBuilder(writer), cancellationToken);
            writer.Finish();
        },
        Compression.KindOf(below.Options.Compression),
        cancellationToken));
}

/// <summary>Adds a tar as it is.</summary>
internal sealed class AddTarStep(string archive) : BuildStep
{
    // The directory that it lies in says nothing about the layer.
    public override string Description => $"AddTar {Path.GetFileName(archive)}";

    public override Task<StoredLayer> AddToAsync(BuildState below, CancellationToken cancellationToken)
    {
        try
        {
            using var file = new FileStream(archive, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1);
            using var watched = new WatchedStream(file, null, cancellationToken, leaveOpen: true);
            return Task.FromResult(new TarLayer(below.Catalog, below.Lease, () => TreeReader.TreeOf(below.Catalog, below.Layers, cancellationToken), null, cancellationToken).Add(watched));
        }
        catch (Exception e) when (e is ImageException or IOException or UnauthorizedAccessException)
        {
            throw new ImageException($"Cannot add the archive '{archive}' to the image: {e.Message}", e) { Hint = (e as ImageException)?.Hint };
        }
    }
}

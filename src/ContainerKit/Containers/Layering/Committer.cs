using System.Runtime.Versioning;
using ContainerKit.Images;
using ContainerKit.Layers;
using ContainerKit.Storage;

namespace ContainerKit.Containers.Layering;

/// <summary>Makes an image of a container: the container layer becomes one more layer of the image that it came from.</summary>
[SupportedOSPlatform("linux")]
internal static class Committer
{
    public static Image Commit(
        ImageCatalog images,
        SnapshotStore snapshots,
        SnapshotLease layer,
        string? since,
        Image baseImage,
        ImageReference? name,
        Func<ImageConfig, ImageConfig> change,
        ImageEditOptions options,
        CancellationToken cancellationToken)
    {
        using var lease = images.Lease(cancellationToken);
        var added = AddLayer(images, lease, snapshots, layer, since, options, cancellationToken);
        var history = new ImageHistory { Created = options.Timestamp ?? DateTimeOffset.UtcNow, CreatedBy = "commit" };
        var config = change(baseImage.Config with
        {
            Created = history.Created,
            History = [.. baseImage.Config.History, history],
        });
        var layers = baseImage.Layers.Select(below => new StoredLayer(below.Descriptor, below.DiffId)).Append(added).ToArray();
        return images.CreateImage(lease, config, layers, name, cancellationToken);
    }

    /// <summary>Adds a container's own layer to the store, of which the lease keeps it from being swept.</summary>
    public static StoredLayer AddLayer(
        ImageCatalog images, StoreLease lease, SnapshotStore snapshots, SnapshotLease layer, string? since, ImageEditOptions options, CancellationToken cancellationToken) =>
        images.AddLayer(lease, output => WriteLayer(snapshots, layer, since, output, options.Timestamp, cancellationToken), Compression.KindOf(options.Compression), cancellationToken);

    /// <summary>Whether an entry is a file in which there is something.</summary>
    public static bool HasContent(LayerEntry entry) => entry is { Kind: LayerEntryKind.Object, Metadata: { Kind: FileKind.File, Size: > 0 } };

    private static void WriteLayer(SnapshotStore snapshots, SnapshotLease layer, string? since, Stream output, DateTimeOffset? latest, CancellationToken cancellationToken)
    {
        using var source = snapshots.OpenLayer(layer, since, cancellationToken);
        using var writer = new LayerWriter(output, leaveOpen: true) { LatestTime = LayerWriter.TimeOf(latest) };
        foreach (var entry in source.Entries)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var content = HasContent(entry) ? new FileStream(source.OpenContent(entry), FileAccess.Read, bufferSize: 0) : null;
            writer.Write(entry, content, cancellationToken);
        }

        writer.Finish();
    }
}

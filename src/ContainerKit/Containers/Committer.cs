using System.Runtime.Versioning;
using ContainerKit.Images;
using ContainerKit.Layers;
using ContainerKit.Storage;

namespace ContainerKit.Containers;

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
        CancellationToken cancellationToken)
    {
        using var lease = images.Lease(cancellationToken);
        var added = images.AddLayer(lease, output => WriteLayer(snapshots, layer, since, output, cancellationToken), CompressionKind.Gzip, cancellationToken);
        var history = new ImageHistory { Created = DateTimeOffset.UtcNow, CreatedBy = "commit" };
        var config = change(baseImage.Config with
        {
            Created = history.Created,
            History = [.. baseImage.Config.History, history],
        });
        var layers = baseImage.Layers.Select(below => new StoredLayer(below.Descriptor, below.DiffId)).Append(added).ToArray();
        return images.CreateImage(lease, config, layers, name, cancellationToken);
    }

    private static void WriteLayer(SnapshotStore snapshots, SnapshotLease layer, string? since, Stream output, CancellationToken cancellationToken)
    {
        using var source = snapshots.OpenLayer(layer, since, cancellationToken);
        using var writer = new LayerWriter(output, leaveOpen: true);
        foreach (var entry in source.Entries)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var content = HasContent(entry) ? new FileStream(source.OpenContent(entry), FileAccess.Read, bufferSize: 0) : null;
            writer.Write(entry, content, cancellationToken);
        }

        writer.Finish();
    }

    private static bool HasContent(LayerEntry entry) => entry is { Kind: LayerEntryKind.Object, Metadata: { Kind: FileKind.File, Size: > 0 } };
}

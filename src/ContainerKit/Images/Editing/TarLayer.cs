using ContainerKit.Content;
using ContainerKit.Layers;
using ContainerKit.Layers.Trees;

namespace ContainerKit.Images.Editing;

/// <summary>Makes a layer of a tar in one pass: it is decompressed, walked, hashed and stored while it is read.</summary>
internal static class TarLayer
{
    /// <summary>Adds it.</summary>
    /// <param name="catalog">The store.</param>
    /// <param name="lease">Keeps the layer from being swept until something refers to it.</param>
    /// <param name="archive">The tar, maybe compressed; read to its end.</param>
    /// <param name="below">What it lies on; it is applied to that, so that no layer is kept which cannot be unpacked there.</param>
    /// <param name="inspect">Told the time of the newest entry, null when there is none, before anything is kept; may refuse it by throwing.</param>
    /// <param name="cancellationToken">Gives up; nothing becomes visible.</param>
    public static StoredLayer Add(ImageCatalog catalog, StoreLease lease, Stream archive, LayerTree below, Action<UnixTime?>? inspect, CancellationToken cancellationToken)
    {
        var (kind, source) = Compression.Detect(archive);
        return kind is CompressionKind.Gzip or CompressionKind.Zstd
            ? KeepCompressed(catalog, source, kind, Inspect)
            : Recompress(catalog, lease, source, kind, Inspect, cancellationToken);

        void Inspect(Stream tar)
        {
            var newest = Walk(tar, below, catalog.Limits, cancellationToken);
            inspect?.Invoke(newest);
        }
    }

    // What layers are compressed with anyway is kept byte for byte: it is the fastest, and the digest is the file's own.
    private static StoredLayer KeepCompressed(ImageCatalog catalog, Stream source, CompressionKind kind, Action<Stream> walk)
    {
        using var blob = catalog.Blobs.Create();
        using var kept = new TeeStream(source, blob, leaveOpen: true);
        using var hash = new HashingStream(Stream.Null);
        using (var tar = new TeeStream(Compression.OpenRead(kept, kind, catalog.Limits, leaveOpen: true), hash))
        {
            walk(tar);
        }

        // A decoder may stop before what follows the compressed data.
        kept.CopyTo(Stream.Null);
        return new StoredLayer(blob.Commit(MediaTypes.LayerOf(kind)), hash.GetDigest());
    }

    // xz and bzip2 are no layer formats, and plain is three times the size: gzip at its fastest is read by every client there is
    // (zstd is not, by those of a few years ago), and keeps up with the disk.
    private static StoredLayer Recompress(
        ImageCatalog catalog, StoreLease lease, Stream source, CompressionKind kind, Action<Stream> walk, CancellationToken cancellationToken) =>
        catalog.AddLayer(
            lease,
            output =>
            {
                using var tar = new TeeStream(Compression.OpenRead(source, kind, catalog.Limits, leaveOpen: true), output);
                walk(tar);
            },
            CompressionKind.Gzip,
            cancellationToken);

    private static UnixTime? Walk(Stream tar, LayerTree tree, LayerLimits limits, CancellationToken cancellationToken)
    {
        using var reader = new LayerReader(tar, limits, leaveOpen: true);
        UnixTime? newest = null;
        tree.BeginLayer();
        while (reader.MoveNext(cancellationToken))
        {
            tree.Apply(reader.Current, null);
            newest = reader.Current.Metadata.ModifiedTime is var time && !(time <= newest) ? time : newest;
        }

        // The padding behind the end belongs to the layer, too: its digest is that of all bytes.
        var rest = new byte[64 << 10];
        while (tar.Read(rest, 0, rest.Length) > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }

        return newest;
    }
}

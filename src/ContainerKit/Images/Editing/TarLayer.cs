using ContainerKit.Content;
using ContainerKit.Layers;
using ContainerKit.Layers.Trees;

namespace ContainerKit.Images.Editing;

/// <summary>Makes a layer of a tar in one pass: it is decompressed, walked, hashed and stored while it is read.</summary>
/// <param name="catalog">The store.</param>
/// <param name="lease">Keeps the layer from being swept until something refers to it.</param>
/// <param name="below">What it lies on, made anew by each call; the tar is applied to it, so that no layer is kept which cannot be unpacked there.</param>
/// <param name="inspect">Told the time of the newest entry, null when there is none, before anything is kept; may refuse it by throwing.</param>
/// <param name="cancellationToken">Gives up; nothing becomes visible.</param>
internal sealed class TarLayer(ImageCatalog catalog, StoreLease lease, Func<LayerTree> below, Action<UnixTime?>? inspect, CancellationToken cancellationToken)
{
    /// <summary>Adds it.</summary>
    /// <param name="archive">The tar, maybe compressed; read to its end.</param>
    /// <remarks>
    /// An archive with sparse files is written anew, without them: umoci, and whatever else reads tar with Go, refuses some of their forms, and OCI's
    /// image specification (layer.md, "Sparse files") advises against them all. What has been read by then is in the half-written blob, and read again from there.
    /// </remarks>
    public StoredLayer Add(Stream archive)
    {
        var (kind, source) = Compression.Detect(archive);
        return kind is CompressionKind.Gzip or CompressionKind.Zstd ? KeepCompressed(source, kind) : Recompress(source, kind);
    }

    // What layers are compressed with anyway is kept byte for byte: it is the fastest, and the digest is the file's own.
    private StoredLayer KeepCompressed(Stream source, CompressionKind kind)
    {
        using var blob = catalog.Blobs.Create();
        using var kept = new TeeStream(source, blob, leaveOpen: true);
        using var hash = new HashingStream(Stream.Null);
        bool isKept;
        using (var tar = new TeeStream(Compression.OpenRead(kept, kind, catalog.Limits, leaveOpen: true), hash))
        {
            isKept = TryWalk(tar);
        }

        if (!isKept)
        {
            using var whole = Compression.OpenRead(new ChainedStream(blob.Reopen(), source), kind, catalog.Limits);
            return Rewrite(whole);
        }

        // A decoder may stop before what follows the compressed data.
        kept.CopyTo(Stream.Null);
        return new StoredLayer(blob.Commit(MediaTypes.LayerOf(kind)), hash.GetDigest());
    }

    // xz and bzip2 are no layer formats, and plain is three times the size: gzip at its fastest is read by every client there is
    // (zstd is not, by those of a few years ago), and keeps up with the disk.
    private StoredLayer Recompress(Stream source, CompressionKind kind)
    {
        using var plain = Compression.OpenRead(source, kind, catalog.Limits, leaveOpen: true);
        using var blob = catalog.Blobs.Create();
        bool isKept;
        Digest diffId;
        using (var compressed = Compression.OpenWrite(blob, CompressionKind.Gzip, leaveOpen: true))
        using (var hash = new HashingStream(compressed))
        {
            using var tar = new TeeStream(plain, hash, leaveOpen: true);
            isKept = TryWalk(tar);
            diffId = hash.GetDigest();
        }

        if (!isKept)
        {
            // It was within the limits when it came.
            using var whole = new ChainedStream(Compression.OpenRead(blob.Reopen(), CompressionKind.Gzip, catalog.Limits with { MaxCompressionRatio = int.MaxValue }), plain);
            return Rewrite(whole);
        }

        cancellationToken.ThrowIfCancellationRequested();
        return new StoredLayer(blob.Commit(MediaTypes.LayerOf(CompressionKind.Gzip)), diffId);
    }

    private StoredLayer Rewrite(Stream tar) => catalog.AddLayer(
        lease,
        output =>
        {
            using var writer = new PlainWriter(output, catalog.Limits);
            Walk(tar, reader =>
            {
                writer.Write(reader, cancellationToken);
                return true;
            });
            writer.Finish();
        },
        CompressionKind.Gzip,
        cancellationToken);

    private bool TryWalk(Stream tar) => Walk(tar, reader => reader.Current.DataExtents is null);

    /// <param name="tar">The archive.</param>
    /// <param name="take">Takes an entry; false gives up.</param>
    private bool Walk(Stream tar, Func<LayerReader, bool> take)
    {
        using var reader = new LayerReader(tar, catalog.Limits, leaveOpen: true);
        var tree = below();
        UnixTime? newest = null;
        tree.BeginLayer();
        while (reader.MoveNext(cancellationToken))
        {
            tree.Apply(reader.Current, null);
            newest = reader.Current.Metadata.ModifiedTime is var time && !(time <= newest) ? time : newest;
            if (!take(reader))
            {
                return false;
            }
        }

        // The padding behind the end belongs to the layer, too: its digest is that of all bytes.
        var rest = new byte[64 << 10];
        while (tar.Read(rest, 0, rest.Length) > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }

        inspect?.Invoke(newest);
        return true;
    }
}

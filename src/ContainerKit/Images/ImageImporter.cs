using ContainerKit.Content;
using ContainerKit.Layers;

namespace ContainerKit.Images;

/// <summary>Makes an image of a root file system's tar in one pass: it is decompressed, walked, hashed and stored while it is read.</summary>
internal static class ImageImporter
{
    /// <summary>Imports.</summary>
    /// <param name="catalog">The store.</param>
    /// <param name="archive">The tar, maybe compressed.</param>
    /// <param name="reference">The image's name.</param>
    /// <param name="progress">Told how many bytes of <paramref name="archive"/> have been read.</param>
    /// <param name="cancellationToken">Gives up; nothing becomes visible.</param>
    public static Image Import(ImageCatalog catalog, Stream archive, ImageReference reference, Action<long>? progress, CancellationToken cancellationToken)
    {
        using var lease = catalog.Lease(cancellationToken);
        var (kind, source) = Compression.Detect(new WatchedStream(archive, progress, cancellationToken, leaveOpen: true));
        var newest = default(UnixTime);
        var layer = kind is CompressionKind.Gzip or CompressionKind.Zstd
            ? KeepCompressed(catalog, source, kind, tar => newest = Walk(tar, catalog.Limits, cancellationToken))
            : Recompress(catalog, lease, source, kind, tar => newest = Walk(tar, catalog.Limits, cancellationToken), cancellationToken);

        // The image is as old as its newest file, so that importing the same archive again gives the same image.
        var created = newest.ToDateTimeOffset();
        var config = new ImageConfig
        {
            Created = created,
            History = [new ImageHistory { Created = created, CreatedBy = "ContainerKit import", Comment = "imported from a root file system" }],
        };
        return catalog.CreateImage(lease, config, [layer], reference, cancellationToken);
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

    private static UnixTime Walk(Stream tar, LayerLimits limits, CancellationToken cancellationToken)
    {
        using var reader = new LayerReader(tar, limits, leaveOpen: true);
        var newest = new UnixTime(long.MinValue, 0);
        while (reader.MoveNext(cancellationToken))
        {
            newest = reader.Current.Metadata.ModifiedTime is var time && time > newest ? time : newest;
        }

        if (newest.Seconds == long.MinValue)
        {
            throw new ImageException("The archive is empty: there is no root file system in it.");
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

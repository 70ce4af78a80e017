using ContainerKit.Content;
using ContainerKit.Layers;

namespace ContainerKit.Images.Archives;

/// <summary>
/// Copies the layers of an archive into a store. Each passes through whole, so that it is held to its limits, to its blob's digest and to its
/// diff ID on the way: an archive gives no image that is found out only when it is unpacked.
/// </summary>
internal sealed class LayerIntake(CopyContext context)
{
    // Several images of one archive often share layers.
    private readonly HashSet<(Digest Blob, Digest DiffId)> _verified = [];

    private BlobStore Blobs => context.Catalog.Blobs;

    /// <summary>Copies a layer whose blob is known by its digest.</summary>
    /// <param name="source">Where it lies; not asked when the store has the blob.</param>
    /// <param name="blob">What it is to be as it lies there.</param>
    /// <param name="diffId">What it is to be uncompressed.</param>
    /// <exception cref="ImageException">It is not what it is to be, or no tree could hold it.</exception>
    public void Copy(IBlobSource source, Descriptor blob, Digest diffId)
    {
        if (!_verified.Add((blob.Digest, diffId)))
        {
            return;
        }

        if (Blobs.Has(blob))
        {
            new Layer(diffId, blob, Blobs, context.Catalog.Limits).Read(Walk, context.CancellationToken);
            context.ReporterFor(blob)(blob.Size);
            return;
        }

        using var content = source.OpenBlob(blob);
        Take(content, blob, diffId, writer => writer.Check(blob), (writer, _) => writer.Commit(blob));
    }

    /// <summary>Copies a layer that only its diff ID identifies.</summary>
    /// <param name="content">The archive, maybe compressed.</param>
    /// <param name="size">How many bytes it has, at most.</param>
    /// <param name="diffId">What it is to be uncompressed.</param>
    /// <returns>The blob that it became.</returns>
    /// <inheritdoc cref="Copy(IBlobSource, Descriptor, Digest)"/>
    public Descriptor Copy(Stream content, long size, Digest diffId)
    {
        Descriptor? taken = null;
        Take(content, new Descriptor(MediaTypes.Layer, diffId, size), diffId, _ => { }, (writer, kind) => taken = writer.Commit(MediaTypes.LayerOf(kind)));
        return taken!;
    }

    private void Take(Stream content, Descriptor blob, Digest diffId, Action<BlobWriter> check, Action<BlobWriter, CompressionKind> commit)
    {
        var report = context.ReporterFor(blob);
        var (kind, source) = Compression.Detect(content);
        using var writer = Blobs.Create();
        using var watched = new WatchedStream(source, Count, context.CancellationToken, leaveOpen: true);
        using var kept = new TeeStream(watched, writer, leaveOpen: true);
        try
        {
            Read(kept, kind, diffId);
        }
        catch (ImageException)
        {
            // Where the blob is damaged, it is no wonder that its archive is, too.
            kept.CopyTo(Stream.Null);
            check(writer);
            throw;
        }

        // A decoder may stop before what follows the compressed data.
        kept.CopyTo(Stream.Null);
        commit(writer, kind);

        // A lying source must not fill the disk.
        void Count(long bytes)
        {
            if (bytes > blob.Size)
            {
                throw new ImageException($"The blob {blob.Digest} has more than the {blob.Size} bytes that its descriptor says.");
            }

            report(bytes);
        }
    }

    private void Read(Stream layer, CompressionKind kind, Digest diffId)
    {
        using var tar = new VerifyingStream(Compression.OpenRead(layer, kind, context.Catalog.Limits, leaveOpen: true), diffId, "The layer");
        using var reader = new LayerReader(tar, context.Catalog.Limits, leaveOpen: true);
        Walk(reader);
        tar.ReadToEnd(context.CancellationToken);
    }

    private void Walk(LayerReader reader)
    {
        while (reader.MoveNext(context.CancellationToken))
        {
        }
    }
}

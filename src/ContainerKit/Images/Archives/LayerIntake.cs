using System.Collections.Concurrent;
using ContainerKit.Content;
using ContainerKit.Layers;

namespace ContainerKit.Images.Archives;

/// <summary>
/// Copies the layers of an archive into a store, several at once. Each passes through whole, so that it is held to its limits, to its blob's
/// digest and to its diff ID on the way: an archive gives no image that is found out only when it is unpacked.
/// </summary>
internal sealed class LayerIntake(CopyContext context)
{
    // Enough that decoding and hashing need not wait for each other.
    private const int MaxBytesAhead = 1 << 20;
    private const int FewestAtOnce = 2, MostAtOnce = 4;

    // Several images of one archive often share layers, and so may one.
    private readonly ConcurrentDictionary<(Digest Blob, Digest DiffId), bool> _verified = new();

    // One layer gives work to several processors when it is decoded on one and hashed on another; several do so anyway.
    private bool _isAlone;

    private BlobStore Blobs => context.Catalog.Blobs;

    /// <summary>Copies the layers of one image; the first failure stops the others.</summary>
    /// <param name="layers">What tells them apart.</param>
    /// <param name="copy">Copies one, by one of the other methods here; called on several threads.</param>
    public void CopyAll<T>(IReadOnlyCollection<T> layers, Action<T, CancellationToken> copy)
    {
        _isAlone = layers.Count == 1;
        Transfers.RunAsync(
            layers,
            Math.Clamp(Environment.ProcessorCount, FewestAtOnce, MostAtOnce),
            (layer, token) => Task.Run(() => copy(layer, token), token),
            context.CancellationToken).GetAwaiter().GetResult();
    }

    /// <summary>Copies a layer whose blob is known by its digest.</summary>
    /// <param name="source">Where it lies; not asked when the store has the blob.</param>
    /// <param name="blob">What it is to be as it lies there.</param>
    /// <param name="diffId">What it is to be uncompressed.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ImageException">It is not what it is to be, or no tree could hold it.</exception>
    public void Copy(IBlobSource source, Descriptor blob, Digest diffId, CancellationToken cancellationToken)
    {
        if (!_verified.TryAdd((blob.Digest, diffId), true))
        {
            return;
        }

        if (Blobs.Has(blob))
        {
            var layer = new Layer(diffId, blob, Blobs, context.Catalog.Limits);
            Read(_isAlone ? layer.OpenAhead(MaxBytesAhead, cancellationToken) : layer.OpenTar(), cancellationToken);
            Blobs.Contents.Add(blob.Digest, diffId);
            context.ReporterFor(blob)(blob.Size);
            return;
        }

        using var content = source.OpenBlob(blob);
        Take(content, blob, Blobs.Create(blob.Digest), diffId, writer => writer.Check(blob), (writer, _) => writer.Commit(blob), cancellationToken);
        Blobs.Contents.Add(blob.Digest, diffId);
    }

    /// <summary>Copies a layer that only its diff ID identifies.</summary>
    /// <param name="content">The archive, maybe compressed.</param>
    /// <param name="size">How many bytes it has, at most.</param>
    /// <param name="diffId">What it is to be uncompressed.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The blob that it became.</returns>
    /// <inheritdoc cref="Copy(IBlobSource, Descriptor, Digest, CancellationToken)"/>
    public Descriptor Copy(Stream content, long size, Digest diffId, CancellationToken cancellationToken)
    {
        Descriptor? taken = null;
        Take(content, new Descriptor(MediaTypes.Layer, diffId, size), Blobs.Create(), diffId, _ => { }, (writer, kind) => taken = writer.Commit(MediaTypes.LayerOf(kind)), cancellationToken);
        Blobs.Contents.Add(taken!.Digest, diffId);
        return taken;
    }

    private void Take(Stream content, Descriptor blob, BlobWriter writer, Digest diffId, Action<BlobWriter> check, Action<BlobWriter, CompressionKind> commit, CancellationToken cancellationToken)
    {
        using var written = writer;
        var report = context.ReporterFor(blob);
        var (kind, source) = Compression.Detect(content);
        using var watched = new WatchedStream(source, Count, cancellationToken, leaveOpen: true);
        using var kept = new TeeStream(watched, writer, leaveOpen: true);
        try
        {
            Read(Layer.Verify(() => Compression.OpenRead(kept, kind, context.Catalog.Limits, leaveOpen: true), diffId, _isAlone ? MaxBytesAhead : 0, cancellationToken), cancellationToken);
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

    // Whoever opened what is read has it for himself again when this returns.
    private void Read(Stream tar, CancellationToken cancellationToken)
    {
        using var whole = tar;
        using var reader = new LayerReader(tar, context.Catalog.Limits, leaveOpen: true);
        while (reader.MoveNext(cancellationToken))
        {
        }

        // A reader stops at the archive's end mark, and the diff ID is of all that there is.
        var rest = new byte[64 << 10];
        while (tar.Read(rest) > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }
    }
}

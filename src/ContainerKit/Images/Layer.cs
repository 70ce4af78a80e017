using System.Runtime.CompilerServices;
using ContainerKit.Content;
using ContainerKit.Images;
using ContainerKit.Layers;

namespace ContainerKit;

/// <summary>One layer of an image: an archive of changes to the layers below.</summary>
public sealed class Layer : IFileTree
{
    private const int EntriesPerHop = 512;

    private const string What = "The layer";

    private readonly BlobStore _blobs;
    private readonly LayerLimits _limits;

    internal Layer(Digest diffId, Descriptor descriptor, BlobStore blobs, LayerLimits limits)
    {
        DiffId = diffId;
        Descriptor = descriptor;
        _blobs = blobs;
        _limits = limits;
    }

    /// <summary>The digest of the uncompressed archive: what the layer is, however it is stored.</summary>
    public Digest DiffId { get; }

    /// <summary>The stored blob, usually compressed.</summary>
    public Descriptor Descriptor { get; }

    /// <summary>Whether others may be forbidden to pass it on: the blob may be only where <see cref="Descriptor.Urls"/> say, and not in the store.</summary>
    public bool IsForeign => MediaTypes.IsForeign(Descriptor.MediaType);

    IReadOnlyList<Layer> IFileTree.FindLayers() => [this];

    /// <summary>The entries of the archive, in its order.</summary>
    /// <exception cref="ImageException">The blob is missing or damaged; damage may show only at the end.</exception>
    public async IAsyncEnumerable<LayerEntry> EntriesAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var tar = await Task.Run(OpenTar, cancellationToken).ConfigureAwait(false);
        using var reader = new LayerReader(tar, _limits, leaveOpen: true);
        while (true)
        {
            // Decompressing is work, not waiting: it is done off the caller's thread, many entries at a time.
            var entries = await Task.Run(() => ReadSome(tar, reader, cancellationToken), cancellationToken).ConfigureAwait(false);
            foreach (var entry in entries)
            {
                yield return entry;
            }

            if (entries.Count < EntriesPerHop)
            {
                yield break;
            }
        }
    }

    /// <summary>Opens the uncompressed archive. The stream fails at its end when the content is not what <see cref="DiffId"/> names.</summary>
    /// <exception cref="ImageException">The blob is missing or damaged.</exception>
    public Task<Stream> OpenAsync(CancellationToken cancellationToken = default) => Task.Run(Stream () => OpenTar(), cancellationToken);

    /// <inheritdoc cref="OpenAsync"/>
    internal VerifyingStream OpenTar() => new(Decompress(), DiffId, What);

    private Stream Decompress()
    {
        var (kind, blob) = OpenBlob();
        return Compression.OpenRead(blob, kind, _limits);
    }

    // The blob is known to be this layer: then its own bytes are hashed, which are fewer.
    private VerifiedSourceStream DecompressVerified()
    {
        var (kind, blob) = OpenBlob();
        var verified = new VerifyingStream(blob, Descriptor.Digest, "The blob");
        return new VerifiedSourceStream(Compression.OpenRead(verified, kind, _limits, leaveOpen: true), verified);
    }

    private (CompressionKind Kind, Stream Blob) OpenBlob()
    {
        if (IsForeign && !_blobs.Contains(Descriptor.Digest))
        {
            throw new ImageException($"The store has no blob {Descriptor.Digest}: it is a foreign layer, which its image only points at.")
            {
                Hint = Descriptor.Urls is [var url, ..] ? $"Its maker offers it at {url}." : null,
            };
        }

        return Compression.Detect(_blobs.OpenBlob(Descriptor));
    }

    /// <summary>
    /// The same, decompressed and verified ahead of its reader, on a thread each. What is made of it stays private until its end was read:
    /// that is where it fails when it is not what <see cref="DiffId"/> names.
    /// </summary>
    /// <param name="maxBytes">How far ahead, in bytes.</param>
    /// <param name="cancellationToken">Gives up.</param>
    internal ReadAheadStream OpenAhead(int maxBytes, CancellationToken cancellationToken) => _blobs.Contents.Are(Descriptor.Digest, DiffId)
        ? new ReadAheadStream(DecompressVerified, maxBytes, cancellationToken)
        : VerifyAhead(Decompress, DiffId, maxBytes, cancellationToken);

    /// <summary>Any archive that is to be a layer: verified like <see cref="OpenTar"/>, or ahead like <see cref="OpenAhead"/>.</summary>
    /// <param name="open">Opens it, uncompressed.</param>
    /// <param name="diffId">What it is to be.</param>
    /// <param name="maxBytesAhead">How far ahead, in bytes; 0 for not at all.</param>
    /// <param name="cancellationToken">Gives up.</param>
    internal static Stream Verify(Func<Stream> open, Digest diffId, int maxBytesAhead, CancellationToken cancellationToken) =>
        maxBytesAhead == 0 ? new VerifyingStream(open(), diffId, What) : VerifyAhead(open, diffId, maxBytesAhead, cancellationToken);

    private static ReadAheadStream VerifyAhead(Func<Stream> open, Digest diffId, int maxBytes, CancellationToken cancellationToken) => new(
        () => new VerifyingStream(new ReadAheadStream(open, maxBytes / 2, cancellationToken), diffId, What), maxBytes / 2, cancellationToken);

    /// <summary>What an archive may ask for.</summary>
    internal LayerLimits Limits => _limits;

    /// <summary>Has someone read the entries.</summary>
    /// <param name="read">Gets the entries before the archive is verified, and so keeps what it makes of them to itself until this returns.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ImageException">The blob is missing or damaged, or is not what <see cref="DiffId"/> names.</exception>
    internal void Read(Action<LayerReader> read, CancellationToken cancellationToken)
    {
        using var tar = OpenTar();
        using var reader = new LayerReader(tar, _limits, leaveOpen: true);
        read(reader);

        // A reader stops at the archive's end mark, and the hash is of all that there is.
        tar.ReadToEnd(cancellationToken);
    }

    private static List<LayerEntry> ReadSome(VerifyingStream tar, LayerReader reader, CancellationToken cancellationToken)
    {
        var entries = new List<LayerEntry>(EntriesPerHop);
        while (entries.Count < EntriesPerHop)
        {
            if (!reader.MoveNext(cancellationToken))
            {
                tar.ReadToEnd(cancellationToken);
                break;
            }

            entries.Add(reader.Current);
        }

        return entries;
    }
}

using System.IO.Compression;
using ContainerKit.Content;
using SharpCompress.Compressors.BZip2;

namespace ContainerKit.Layers;

/// <summary>How a stream is compressed.</summary>
internal enum CompressionKind
{
    None,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

/// <summary>Recognises compressed streams by their first bytes, and opens them.</summary>
internal static class Compression
{
    /// <summary>How many bytes it takes to tell.</summary>
    public const int DetectBytes = 10;

    // What the zstd command takes without being asked twice; a frame may ask for terabytes.
    private const int MaxZstdWindowLog = 27;

    /// <summary>The most that a zstd frame may have kept in memory.</summary>
    public const int MaxZstdWindowBytes = 1 << MaxZstdWindowLog;

    /// <summary>What the stream's first bytes say.</summary>
    public static CompressionKind Detect(ReadOnlySpan<byte> beginning) => beginning switch
    {
        [0x1F, 0x8B, ..] => CompressionKind.Gzip,
        [0x28, 0xB5, 0x2F, 0xFD, ..] => CompressionKind.Zstd,
        // A frame to be skipped, which zstd's own parallel writers put first.
        [>= 0x50 and <= 0x5F, 0x2A, 0x4D, 0x18, ..] => CompressionKind.Zstd,
        [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, ..] => CompressionKind.Xz,
        [(byte)'B', (byte)'Z', (byte)'h', >= (byte)'1' and <= (byte)'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => CompressionKind.Bzip2,
        [(byte)'B', (byte)'Z', (byte)'h', >= (byte)'1' and <= (byte)'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => CompressionKind.Bzip2,
        _ => CompressionKind.None,
    };

    /// <summary>Looks at a stream's beginning without taking it away.</summary>
    public static (CompressionKind Kind, Stream Stream) Detect(Stream stream)
    {
        var beginning = new byte[DetectBytes];
        var read = stream.ReadAtLeast(beginning, beginning.Length, throwOnEndOfStream: false);
        var kind = Detect(beginning.AsSpan(0, read));
        if (!stream.CanSeek)
        {
            return (kind, new PrefixedStream(beginning.AsMemory(0, read), stream));
        }

        stream.Seek(-read, SeekOrigin.Current);
        return (kind, stream);
    }

    /// <summary>What a user asked for.</summary>
    public static CompressionKind KindOf(LayerCompression wanted) => wanted switch
    {
        LayerCompression.Gzip => CompressionKind.Gzip,
        LayerCompression.Zstd => CompressionKind.Zstd,
        LayerCompression.None => CompressionKind.None,
        _ => throw new ArgumentOutOfRangeException(nameof(wanted), wanted, "There is no such compression."),
    };

    /// <summary>The stream's content, whatever it is compressed with.</summary>
    /// <returns>A stream that fails with <see cref="ImageException"/> when the compressed one is damaged, truncated, or a bomb.</returns>
    public static Stream OpenRead(Stream compressed, CompressionKind kind, LayerLimits? limits = null, bool leaveOpen = false)
    {
        if (kind == CompressionKind.None)
        {
            return leaveOpen ? new WatchedStream(compressed, null, CancellationToken.None, leaveOpen: true) : compressed;
        }

        var counted = new WatchedStream(compressed, null, CancellationToken.None, leaveOpen);
        return new DecompressedStream(counted, source => OpenDecoder(source, kind), kind, limits ?? LayerLimits.Default);
    }

    /// <summary>A stream that compresses what is written to it; only None, Gzip and Zstd are written.</summary>
    /// <remarks>
    /// gzip is what every client reads; at its fastest level it takes a third of the time of the usual one, for a tenth more bytes.
    /// </remarks>
    public static Stream OpenWrite(Stream compressed, CompressionKind kind, bool leaveOpen = false) => kind switch
    {
        CompressionKind.None => leaveOpen ? new UnownedStream(compressed) : compressed,
        CompressionKind.Gzip => new GZipStream(new GzipOutput(compressed, leaveOpen), CompressionLevel.Fastest, leaveOpen: false),
        CompressionKind.Zstd => new ZstdSharp.CompressionStream(compressed, level: 3, leaveOpen: leaveOpen),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Only gzip and zstd are written."),
    };

    private static Stream OpenDecoder(Stream source, CompressionKind kind)
    {
        switch (kind)
        {
            case CompressionKind.Gzip:
                return new StrictGzipStream(source);
            case CompressionKind.Zstd:
                var zstd = new ZstdSharp.DecompressionStream(source, checkEndOfStream: true, leaveOpen: false);
                zstd.SetParameter(ZstdSharp.Unsafe.ZSTD_dParameter.ZSTD_d_windowLogMax, MaxZstdWindowLog);
                return zstd;
            case CompressionKind.Xz:
                return new XzStreams(new ByteReadableStream(source));
            default:
                return BZip2Stream.Create(new ByteReadableStream(source), SharpCompress.Compressors.CompressionMode.Decompress, decompressConcatenated: true);
        }
    }
}

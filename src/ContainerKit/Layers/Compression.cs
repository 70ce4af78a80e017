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
    /// <summary>What the stream's first bytes say.</summary>
    public static CompressionKind Detect(ReadOnlySpan<byte> beginning) => throw new NotImplementedException();

    /// <summary>The stream's content, whatever it is compressed with.</summary>
    public static Stream OpenRead(Stream compressed, CompressionKind kind, LayerLimits? limits = null, bool leaveOpen = false) => throw new NotImplementedException();

    /// <summary>A stream that compresses what is written to it; only None, Gzip and Zstd are written.</summary>
    public static Stream OpenWrite(Stream compressed, CompressionKind kind, bool leaveOpen = false) => throw new NotImplementedException();
}

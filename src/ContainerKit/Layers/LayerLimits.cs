namespace ContainerKit;

/// <summary>How much a layer archive may ask for before it is refused. Nothing that an honest image holds comes near them.</summary>
public sealed record LayerLimits
{
    /// <summary>The limits that hold unless others are given.</summary>
    public static LayerLimits Default { get; } = new();

    /// <summary>Entries in one archive.</summary>
    public long MaxEntries { get; init; } = 5_000_000;

    /// <summary>Components in one path.</summary>
    public int MaxPathDepth { get; init; } = 512;

    /// <summary>Bytes in one path or link target; Linux takes no more than 4,095.</summary>
    public int MaxPathBytes { get; init; } = 4095;

    /// <summary>Bytes in one file, holes included.</summary>
    public long MaxFileBytes { get; init; } = 1L << 40;

    /// <summary>Bytes in the archive, uncompressed, and likewise in all its files together, holes not included.</summary>
    public long MaxTotalBytes { get; init; } = 1L << 40;

    /// <summary>Bytes in the extended attributes of one entry, names and values together.</summary>
    public int MaxExtendedAttributeBytes { get; init; } = 1 << 20;

    /// <summary>Bytes in one extended header (PAX records, a GNU long name, a sparse map).</summary>
    public int MaxHeaderBytes { get; init; } = 4 << 20;

    /// <summary>
    /// How many bytes one compressed byte may stand for, once a stream has given <see cref="RatioMattersFrom"/> bytes. Files shrink to a third or a tenth; gzip
    /// makes at most 1,032 of one byte, zstd far more, and only of a bomb, or of a layer that is nearly nothing but zeros.
    /// </summary>
    public int MaxCompressionRatio { get; init; } = 500;

    /// <summary>Bytes up to which no ratio is held against a compressed stream: an image may well have a file of zeros.</summary>
    public long RatioMattersFrom { get; init; } = 1L << 30;
}

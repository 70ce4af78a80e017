namespace ContainerKit;

/// <summary>With what a layer is compressed. What it is uncompressed, and so its diff ID, does not depend on it.</summary>
public enum LayerCompression
{
    /// <summary>gzip, which every client reads.</summary>
    Gzip,

    /// <summary>zstd, smaller and faster; clients of before 2019 and Docker's schema 2 do not know it.</summary>
    Zstd,

    /// <summary>Not at all: the blob's digest is the diff ID, on every machine and with every version of a compressor.</summary>
    None,
}

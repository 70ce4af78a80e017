namespace ContainerKit;

/// <summary>What an entry of a layer archive does to the tree that it is applied to.</summary>
public enum LayerEntryKind
{
    /// <summary>It puts an object (file, directory, symlink, device, fifo) at its path.</summary>
    Object,

    /// <summary>It gives an object of the same tree a further name.</summary>
    HardLink,

    /// <summary>It takes away what lower layers have at its path: a file <c>.wh.NAME</c> in the archive.</summary>
    Whiteout,

    /// <summary>It hides everything that lower layers have in the directory at its path: a file <c>.wh..wh..opq</c> in the archive.</summary>
    Opaque,
}

/// <summary>A stretch of a sparse file that holds data; everything between such stretches is a hole.</summary>
/// <param name="Offset">Where it begins, in bytes from the file's beginning.</param>
/// <param name="Length">How many bytes it has.</param>
public readonly record struct DataExtent(long Offset, long Length);

/// <summary>One entry of a layer archive. OCI image specification, layer.md.</summary>
public sealed record LayerEntry
{
    /// <summary>What it does.</summary>
    public LayerEntryKind Kind { get; init; }

    /// <summary>
    /// The absolute path inside the container, without <c>.</c>, <c>..</c> or doubled slashes, and <c>/</c> for the root itself.
    /// For a whiteout it is the path that goes away, for an opaque marker the directory. Bytes that are not UTF-8 are lone
    /// surrogates U+DC80 to U+DCFF.
    /// </summary>
    public required string Path { get; init; }

    /// <summary>Owner, mode, times, attributes. For a hard link or a marker, what the archive says of the entry itself.</summary>
    public required FileMetadata Metadata { get; init; }

    /// <summary>The absolute path of the object that a hard link gives a further name; null for everything else.</summary>
    public string? HardLinkTarget { get; init; }

    /// <summary>When the object was last read, if the archive says so.</summary>
    public UnixTime? AccessTime { get; init; }

    /// <summary>
    /// Where a sparse file has data, in ascending order; null when the file is not stored as a sparse one. The file's length is
    /// <see cref="FileMetadata.Size"/>.
    /// </summary>
    public IReadOnlyList<DataExtent>? DataExtents { get; init; }
}

using ContainerKit.Layers.Trees;

namespace ContainerKit;

/// <summary>How a container layer differs from what lies below, for one path. The letters are those of <c>docker diff</c>.</summary>
public enum FileChangeKind
{
    /// <summary>A: the path exists only now.</summary>
    Added,

    /// <summary>C: the path existed, and its content or its metadata is another now.</summary>
    Changed,

    /// <summary>D: the path existed, and is gone now.</summary>
    Deleted,
}

/// <summary>What a file system knows about one object, apart from its content.</summary>
public sealed record FileMetadata
{
    /// <summary>What kind of object it is.</summary>
    public required FileKind Kind { get; init; }

    /// <summary>Permission bits, with set-user-ID, set-group-ID and sticky: 0 to 07777.</summary>
    public required int Mode { get; init; }

    /// <summary>The owner, as the container sees it.</summary>
    public required uint UserId { get; init; }

    /// <summary>The group, as the container sees it.</summary>
    public required uint GroupId { get; init; }

    /// <summary>Length in bytes of a regular file; 0 for everything else.</summary>
    public long Size { get; init; }

    /// <summary>
    /// The SHA-256 of a regular file's content, where it is known: <see cref="ContainerHost.DiffAsync"/> tells it of files that are
    /// not empty. Null for everything else.
    /// </summary>
    public Digest? Digest { get; init; }

    /// <summary>When the content last changed.</summary>
    public UnixTime ModifiedTime { get; init; }

    /// <summary>Where a symbolic link points, exactly as stored; null for everything else.</summary>
    public string? LinkTarget { get; init; }

    /// <summary>A device's major number; 0 for everything else.</summary>
    public uint DeviceMajor { get; init; }

    /// <summary>A device's minor number; 0 for everything else.</summary>
    public uint DeviceMinor { get; init; }

    /// <summary>
    /// Extended attributes by full name, such as <c>security.capability</c>. Those that a storage driver keeps its own books in
    /// (<c>trusted.overlay.*</c>, <c>user.overlay.*</c>) are not among them.
    /// </summary>
    public IReadOnlyDictionary<string, ReadOnlyMemory<byte>> ExtendedAttributes { get; init; } = NoAttributes;

    internal static IReadOnlyDictionary<string, ReadOnlyMemory<byte>> NoAttributes { get; } =
        new Dictionary<string, ReadOnlyMemory<byte>>().AsReadOnly();
}

/// <summary>One path in which a tree of files differs from another.</summary>
/// <param name="Kind">Added, changed or deleted.</param>
/// <param name="Path">The absolute path inside the container, such as <c>/etc/motd</c>. Bytes that are not UTF-8 are lone surrogates U+DC80 to U+DCFF.</param>
/// <param name="Before">What was there; null for <see cref="FileChangeKind.Added"/>.</param>
/// <param name="After">What is there now; null for <see cref="FileChangeKind.Deleted"/>.</param>
public sealed record FileChange(FileChangeKind Kind, string Path, FileMetadata? Before, FileMetadata? After)
{
    internal FileContent? BeforeContent { get; init; }

    internal FileContent? AfterContent { get; init; }

    /// <summary>
    /// Opens what was in the file. It is read when it is asked for: from a layer, by reading the layer up to there, and such a stream
    /// fails at its end when the content is not what <see cref="FileMetadata.Digest"/> says.
    /// </summary>
    /// <returns>An empty stream for an empty file.</returns>
    /// <exception cref="InvalidOperationException">There was no regular file, or nobody looked: <see cref="ContainerHost.DiffAsync"/> does.</exception>
    /// <exception cref="ImageException">The layer is no longer in the store, or damaged.</exception>
    public Task<Stream> OpenBeforeAsync(CancellationToken cancellationToken = default) => OpenAsync(Before, BeforeContent, "was", cancellationToken);

    /// <summary>Opens what is in the file now; of a container, what is in it at that moment.</summary>
    /// <inheritdoc cref="OpenBeforeAsync"/>
    public Task<Stream> OpenAfterAsync(CancellationToken cancellationToken = default) => OpenAsync(After, AfterContent, "is", cancellationToken);

    private Task<Stream> OpenAsync(FileMetadata? file, FileContent? content, string isOrWas, CancellationToken cancellationToken) => (file, content) switch
    {
        (_, { } known) => known.OpenAsync(cancellationToken),
        ({ Kind: FileKind.File, Size: 0 }, _) => Task.FromResult(Stream.Null),
        ({ Kind: FileKind.File }, _) => throw new InvalidOperationException($"Nobody noted where the content of '{Path}' lies; ContainerHost.DiffAsync does."),
        _ => throw new InvalidOperationException($"'{Path}' {isOrWas} no regular file."),
    };
}

namespace ContainerKit.Linux;

/// <summary>What statx(2) says about one object.</summary>
internal readonly record struct FileStat
{
    /// <summary>Type and permission bits, as in <c>st_mode</c>.</summary>
    public required uint RawMode { get; init; }

    public required uint UserId { get; init; }

    public required uint GroupId { get; init; }

    public required long Size { get; init; }

    /// <summary>Allocated space in blocks of 512 bytes.</summary>
    public long Blocks { get; init; }

    public required ulong Inode { get; init; }

    public required uint LinkCount { get; init; }

    /// <summary>The file system, as major in the upper and minor in the lower 32 bits.</summary>
    public required ulong Device { get; init; }

    public uint DeviceMajor { get; init; }

    public uint DeviceMinor { get; init; }

    public UnixTime AccessTime { get; init; }

    public UnixTime ModifiedTime { get; init; }

    public UnixTime ChangeTime { get; init; }

    /// <summary>Whether it is marked as not to be changed, chattr(1)'s <c>i</c>.</summary>
    public bool IsImmutable { get; init; }

    /// <summary>Permission bits with set-user-ID, set-group-ID and sticky.</summary>
    public int Permissions => (int)(RawMode & 0xFFF);

    public FileKind Kind => KindOf(RawMode);

    public bool IsDirectory => (RawMode & FileTypeBits.TypeMask) == FileTypeBits.Directory;

    public bool IsRegular => (RawMode & FileTypeBits.TypeMask) == FileTypeBits.Regular;

    public bool IsSymlink => (RawMode & FileTypeBits.TypeMask) == FileTypeBits.Symlink;

    public static FileKind KindOf(uint rawMode) => (rawMode & FileTypeBits.TypeMask) switch
    {
        FileTypeBits.Regular => FileKind.File,
        FileTypeBits.Directory => FileKind.Directory,
        FileTypeBits.Symlink => FileKind.Symlink,
        FileTypeBits.CharacterDevice => FileKind.CharacterDevice,
        FileTypeBits.BlockDevice => FileKind.BlockDevice,
        FileTypeBits.Fifo => FileKind.Fifo,
        FileTypeBits.Socket => FileKind.Socket,
        var odd => throw new InvalidDataException($"The kernel reports a file type {odd:x} that nobody knows."),
    };
}

/// <summary>The type bits of <c>st_mode</c>.</summary>
internal static class FileTypeBits
{
    public const uint TypeMask = 0xF000, Regular = 0x8000, Directory = 0x4000, Symlink = 0xA000, CharacterDevice = 0x2000,
        BlockDevice = 0x6000, Fifo = 0x1000, Socket = 0xC000;

    public static uint Of(FileKind kind) => kind switch
    {
        FileKind.File => Regular,
        FileKind.Directory => Directory,
        FileKind.Symlink => Symlink,
        FileKind.CharacterDevice => CharacterDevice,
        FileKind.BlockDevice => BlockDevice,
        FileKind.Fifo => Fifo,
        FileKind.Socket => Socket,
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };
}

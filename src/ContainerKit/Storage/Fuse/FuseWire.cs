// What the kernel sends and takes, byte by byte: include/uapi/linux/fuse.h of Linux, protocol 7.31 to 7.45.
using System.Runtime.InteropServices;

namespace ContainerKit.Storage.Fuse;

/// <summary>What the kernel asks.</summary>
internal enum FuseOpcode : uint
{
    Lookup = 1, Forget = 2, GetAttr = 3, SetAttr = 4, ReadLink = 5, Symlink = 6, MkNod = 8, MkDir = 9, Unlink = 10, RmDir = 11, Rename = 12,
    Link = 13, Open = 14, Read = 15, Write = 16, StatFs = 17, Release = 18, FSync = 20, SetXAttr = 21, GetXAttr = 22, ListXAttr = 23,
    RemoveXAttr = 24, Flush = 25, Init = 26, OpenDir = 27, ReadDir = 28, ReleaseDir = 29, FSyncDir = 30, GetLk = 31, SetLk = 32, SetLkW = 33,
    Access = 34, Create = 35, Interrupt = 36, BMap = 37, Destroy = 38, IoCtl = 39, Poll = 40, NotifyReply = 41, BatchForget = 42,
    FAllocate = 43, ReadDirPlus = 44, Rename2 = 45, LSeek = 46, CopyFileRange = 47, SetupMapping = 48, RemoveMapping = 49, SyncFs = 50,
    TmpFile = 51, Statx = 52, CopyFileRange64 = 53,
}

/// <summary>What the server tells unasked.</summary>
internal enum FuseNotice
{
    InvalidateInode = 2,
    InvalidateEntry = 3,
    IncrementEpoch = 8,
}

/// <summary>What is negotiated at the start; the upper half travels in a field of its own.</summary>
[Flags]
internal enum FuseInitFlags : ulong
{
    None = 0,
    AsyncRead = 1 << 0,
    AtomicTruncate = 1 << 3,
    BigWrites = 1 << 5,
    DontMask = 1 << 6,
    ReadDirPlus = 1 << 13,
    AsyncDirectIo = 1 << 15,
    ParallelDirectoryOperations = 1 << 18,
    PosixAcl = 1 << 20,
    MaxPages = 1 << 22,
    CacheSymlinks = 1 << 23,
    NoOpenDirectorySupport = 1 << 24,
    HandleKillPrivilegesV2 = 1 << 28,
    SetXAttrExtended = 1 << 29,
    InitExtended = 1 << 30,
    DirectIoAllowsMaps = 1UL << 36,
    Passthrough = 1UL << 37,
    NoExportSupport = 1UL << 38,
    AllowIdMap = 1UL << 40,
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseInHeader
{
    public uint Length;
    public FuseOpcode Opcode;
    public ulong Unique;
    public ulong NodeId;
    public uint UserId;
    public uint GroupId;
    public uint ProcessId;
    public ushort ExtensionLength;
    public ushort Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseOutHeader
{
    public uint Length;

    /// <summary>0 or a negative errno; the code of a notice when <see cref="Unique"/> is 0.</summary>
    public int Error;
    public ulong Unique;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseInitIn
{
    public uint Major;
    public uint Minor;
    public uint MaxReadAhead;
    public uint Flags;
    public uint Flags2;
}

[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct FuseInitOut
{
    public uint Major;
    public uint Minor;
    public uint MaxReadAhead;
    public uint Flags;
    public ushort MaxBackground;
    public ushort CongestionThreshold;
    public uint MaxWrite;
    public uint TimeGranularity;
    public ushort MaxPages;
    public ushort MapAlignment;
    public uint Flags2;
    public uint MaxStackDepth;
}

/// <summary>struct fuse_open_out; also what CREATE answers after the entry.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseOpenOut
{
    public ulong Handle;
    public FuseOpenFlags Flags;
    public int BackingId;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseAttributesOut
{
    public ulong Valid;
    public uint ValidNanoseconds;
    public uint Padding;
    public FuseAttributes Attributes;
}

/// <summary>struct fuse_sx_time.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseTime
{
    public long Seconds;
    public uint Nanoseconds;
    public int Reserved;
}

/// <summary>struct fuse_statx_out with its struct fuse_statx.</summary>
[StructLayout(LayoutKind.Sequential, Size = 32 + 256)]
internal struct FuseStatxOut
{
    public ulong Valid;
    public uint ValidNanoseconds;
    public uint Flags;
    public ulong Spare0;
    public ulong Spare1;
    public uint Mask;
    public uint BlockSize;
    public ulong Attributes;
    public uint LinkCount;
    public uint UserId;
    public uint GroupId;
    public ushort Mode;
    public ushort Spare2;
    public ulong Inode;
    public ulong Size;
    public ulong Blocks;
    public ulong AttributesMask;
    public FuseTime AccessTime;
    public FuseTime BirthTime;
    public FuseTime ChangeTime;
    public FuseTime ModifiedTime;
    public uint DeviceMajor;
    public uint DeviceMinor;
    public uint FileSystemMajor;
    public uint FileSystemMinor;
}

/// <summary>struct fuse_statx_in and fuse_getattr_in, which begin alike.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseGetAttributesIn
{
    public const uint HasHandle = 1;

    public uint Flags;
    public uint Padding;
    public ulong Handle;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseMakeNodeIn
{
    public uint Mode;
    public uint Device;
    public uint Umask;
    public uint Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseMakeDirectoryIn
{
    public uint Mode;
    public uint Umask;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseRename2In
{
    public ulong NewParent;
    public uint Flags;
    public uint Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseOpenIn
{
    public const uint KillSetId = 1;

    public uint Flags;
    public uint OpenFlags;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseCreateIn
{
    public uint Flags;
    public uint Mode;
    public uint Umask;
    public uint OpenFlags;
}

/// <summary>struct fuse_read_in and fuse_write_in, which are alike.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseTransferIn
{
    public const uint KillSetId = 4;

    public ulong Handle;
    public ulong Offset;
    public uint Size;
    public uint TransferFlags;
    public ulong LockOwner;
    public uint Flags;
    public uint Padding;
}

/// <summary>A handle and what is to be done with it: release, flush, fsync.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseHandleIn
{
    public const uint DataOnly = 1;

    public ulong Handle;
    public uint Flags;
    public uint Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseAllocateIn
{
    public ulong Handle;
    public ulong Offset;
    public ulong Length;
    public uint Mode;
    public uint Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseSeekIn
{
    public ulong Handle;
    public ulong Offset;
    public uint Whence;
    public uint Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseCopyRangeIn
{
    public ulong FromHandle;
    public ulong FromOffset;
    public ulong ToNode;
    public ulong ToHandle;
    public ulong ToOffset;
    public ulong Length;
    public ulong Flags;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseSetXAttrIn
{
    public const uint KillSetGroupId = 1;

    public uint Size;
    public uint Flags;
    public uint SetXAttrFlags;
    public uint Padding;
}

/// <summary>A size and padding: getxattr and listxattr, both ways, and the answer to write.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseSize
{
    public uint Size;
    public uint Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseForgetOne
{
    public ulong NodeId;
    public ulong Count;
}

/// <summary>struct fuse_backing_map, for the ioctl that registers a backing file.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseBackingMap
{
    public int Descriptor;
    public uint Flags;
    public ulong Padding;
}

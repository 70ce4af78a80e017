using System.Runtime.InteropServices;
using ContainerKit.Linux;

namespace ContainerKit.Storage.Fuse;

/// <summary>struct fuse_attr: the wire's own layout, so that it is copied as it is.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseAttributes
{
    public ulong Inode;
    public long Size;

    /// <summary>In units of 512 bytes.</summary>
    public long Blocks;
    public long AccessSeconds;
    public long ModifiedSeconds;
    public long ChangeSeconds;
    public uint AccessNanoseconds;
    public uint ModifiedNanoseconds;
    public uint ChangeNanoseconds;

    /// <summary>Type and permissions, as in <c>st_mode</c>.</summary>
    public uint Mode;
    public uint LinkCount;
    public uint UserId;
    public uint GroupId;

    /// <summary>Of a device node, as <see cref="PackDevice"/> packs it.</summary>
    public uint Device;
    public uint BlockSize;
    public uint Flags;

    /// <summary>The numbers in the form of the kernel's new_encode_dev().</summary>
    public static uint PackDevice(uint major, uint minor) => (minor & 0xFF) | ((major & 0xFFF) << 8) | ((minor & ~0xFFu) << 12);

    public static uint DeviceMajor(uint packed) => (packed >> 8) & 0xFFF;

    public static uint DeviceMinor(uint packed) => (packed & 0xFF) | ((packed >> 12) & ~0xFFu);

    /// <summary>What statx(2) said, with an inode number of the file system's own.</summary>
    public static FuseAttributes From(in FileStat stat, ulong inode) => new()
    {
        Inode = inode,
        Size = stat.Size,
        Blocks = stat.Blocks,
        AccessSeconds = stat.AccessTime.Seconds,
        ModifiedSeconds = stat.ModifiedTime.Seconds,
        ChangeSeconds = stat.ChangeTime.Seconds,
        AccessNanoseconds = (uint)stat.AccessTime.Nanoseconds,
        ModifiedNanoseconds = (uint)stat.ModifiedTime.Nanoseconds,
        ChangeNanoseconds = (uint)stat.ChangeTime.Nanoseconds,
        Mode = stat.RawMode,
        LinkCount = stat.LinkCount,
        UserId = stat.UserId,
        GroupId = stat.GroupId,
        Device = PackDevice(stat.DeviceMajor, stat.DeviceMinor),
        BlockSize = 4096,
    };
}

/// <summary>struct fuse_entry_out: a name's node, its attributes, and how long the kernel may believe both.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseEntry
{
    /// <summary>So long that it does not end: for file systems that only their own server changes.</summary>
    public const ulong Forever = 1UL << 32;

    /// <summary>0 says that the name is not there.</summary>
    public ulong NodeId;
    public ulong Generation;

    /// <summary>In seconds.</summary>
    public ulong EntryValid;
    public ulong AttributesValid;
    public uint EntryValidNanoseconds;
    public uint AttributesValidNanoseconds;
    public FuseAttributes Attributes;
}

/// <summary>Attributes, how long the kernel may believe them, and the birth time where it was asked for and is known.</summary>
internal struct FuseAttributesReply
{
    public FuseAttributes Attributes;

    /// <summary>In seconds.</summary>
    public ulong Valid;
    public UnixTime? BirthTime;
}

/// <summary>struct fuse_kstatfs, as statfs(2) shows it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct FuseStatistics
{
    public ulong Blocks;
    public ulong BlocksFree;
    public ulong BlocksAvailable;
    public ulong Files;
    public ulong FilesFree;
    public uint BlockSize;
    public uint NameLength;
    public uint FragmentSize;
    private uint _padding;
    private fixed uint _spare[6];
}

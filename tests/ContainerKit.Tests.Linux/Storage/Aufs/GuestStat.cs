using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>What statx(2) says of something in the mount or in a branch, in the words of the scenarios.</summary>
internal sealed unsafe class GuestStat
{
    private readonly byte[] _data = new byte[256];

    private GuestStat()
    {
    }

    public uint Links => UInt32(0x10);

    public string Owner => $"{UInt32(0x14)}:{UInt32(0x18)}";

    public uint Mode => BinaryPrimitives.ReadUInt16LittleEndian(_data.AsSpan(0x1C));

    public ulong Inode => BinaryPrimitives.ReadUInt64LittleEndian(_data.AsSpan(0x20));

    public long Size => Int64(0x28);

    public long Blocks => Int64(0x30);

    public string Permissions => Convert.ToString(Mode & 0xFFF, 8).PadLeft(4, '0');

    public string RawDevice => $"{UInt32(0x80)}:{UInt32(0x84)}";

    public ulong Device => ((ulong)UInt32(0x88) << 32) | UInt32(0x8C);

    /// <summary>The type's letter: f d l p s c b.</summary>
    public string Kind => (Mode & 0xF000) switch
    {
        0x8000 => "f",
        0x4000 => "d",
        0xA000 => "l",
        0x1000 => "p",
        0xC000 => "s",
        0x2000 => "c",
        0x6000 => "b",
        var odd => $"{odd:x}",
    };

    public static GuestStat Of(string path) => Of(GuestCalls.AT_FDCWD, path, GuestCalls.AT_SYMLINK_NOFOLLOW);

    public static GuestStat Of(int descriptor) => Of(descriptor, "", GuestCalls.AT_EMPTY_PATH);

    public string AccessTime(long now) => TimeAt(0x40, now);

    public string ChangeTime(long now) => TimeAt(0x60, now);

    public string ModifiedTime(long now) => TimeAt(0x70, now);

    // The recorder wrote whole seconds where less than a microsecond was left over.
    private string TimeAt(int offset, long now)
    {
        var (seconds, nanoseconds) = (Int64(offset), UInt32(offset + 8));
        return seconds >= now ? "now"
            : nanoseconds < 1000 ? seconds.ToString(CultureInfo.InvariantCulture)
            : $"{seconds}.{nanoseconds:D9}";
    }

    private static GuestStat Of(int directory, string path, int flags)
    {
        var stat = new GuestStat();
        fixed (byte* data = stat._data)
        {
            return GuestCalls.statx(directory, path, flags, 0x7FF, data) < 0 ? throw new GuestException(Marshal.GetLastPInvokeError()) : stat;
        }
    }

    private uint UInt32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_data.AsSpan(offset));

    private long Int64(int offset) => BinaryPrimitives.ReadInt64LittleEndian(_data.AsSpan(offset));
}

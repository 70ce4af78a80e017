using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Linux;

/// <summary>
/// Lists an open directory by getdents64(2), without `.` and `..`, and without an allocation per name. The handle's own read
/// position moves, so a handle is listed by one at a time; a listing starts at the beginning.
/// </summary>
[SupportedOSPlatform("linux")]
internal unsafe ref struct DirectoryEntries
{
    private readonly SafeFileHandle _directory;
    private readonly Span<byte> _buffer;
    private int _filled;
    private int _position;

    /// <param name="directory">An open directory (not O_PATH).</param>
    /// <param name="buffer">Where the kernel puts names: 32 KiB is good, 1 KiB the least.</param>
    public DirectoryEntries(SafeFileHandle directory, Span<byte> buffer)
    {
        _directory = directory;
        _buffer = buffer;
        _ = Tmds.Linux.LibC.lseek((int)directory.DangerousGetHandle(), 0, Tmds.Linux.LibC.SEEK_SET);
    }

    /// <summary>The name, valid until the next step.</summary>
    public ReadOnlySpan<byte> Name { get; private set; }

    public ulong Inode { get; private set; }

    /// <summary>What the name stands for; null where the file system does not tell without a stat.</summary>
    public FileKind? Kind { get; private set; }

    public bool MoveNext()
    {
        do
        {
            if (_position >= _filled && !Fill())
            {
                return false;
            }

            // struct linux_dirent64: u64 d_ino, s64 d_off, u16 d_reclen, u8 d_type, char d_name[].
            var entry = _buffer[_position.._filled];
            Inode = BinaryPrimitives.ReadUInt64LittleEndian(entry);
            var length = BinaryPrimitives.ReadUInt16LittleEndian(entry[16..]);
            var type = (uint)entry[18] << 12;
            Kind = type == 0 ? null : FileStat.KindOf(type);
            var name = entry[19..length];
            Name = name[..name.IndexOf((byte)0)];
            _position += length;
        }
        while (Name.SequenceEqual("."u8) || Name.SequenceEqual(".."u8));

        return true;
    }

    /// <summary>All names of a directory, as text. For places where a list is wanted anyway.</summary>
    public static List<string> NamesOf(SafeFileHandle directory)
    {
        var entries = new DirectoryEntries(directory, new byte[32 * 1024]);
        var names = new List<string>();
        while (entries.MoveNext())
        {
            names.Add(LinuxPath.Decode(entries.Name));
        }

        return names;
    }

    private bool Fill()
    {
        fixed (byte* buffer = _buffer)
        {
            var counted = false;
            _directory.DangerousAddRef(ref counted);
            try
            {
                var count = LibC.getdents64((int)_directory.DangerousGetHandle(), buffer, (nuint)_buffer.Length);
                LinuxException.ThrowIf(count < 0 ? Marshal.GetLastPInvokeError() : 0, $"list a directory");
                (_filled, _position) = ((int)count, 0);
                return count > 0;
            }
            finally
            {
                _directory.DangerousRelease();
            }
        }
    }
}

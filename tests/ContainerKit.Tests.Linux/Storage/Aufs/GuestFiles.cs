using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>A name in a directory's listing.</summary>
internal sealed record GuestName(string Name, string Kind, ulong Inode);

/// <summary>Whole files, listings and attributes, by system calls that tell what the file system answered.</summary>
internal static unsafe class GuestFiles
{
    public static byte[] ReadAll(string path)
    {
        var descriptor = Open(path, 0, 0);
        try
        {
            var content = new MemoryStream();
            var buffer = new byte[65536];
            fixed (byte* data = buffer)
            {
                for (nint count; (count = Checked(GuestCalls.read(descriptor, data, (nuint)buffer.Length))) > 0;)
                {
                    content.Write(buffer, 0, (int)count);
                }
            }

            return content.ToArray();
        }
        finally
        {
            _ = GuestCalls.close(descriptor);
        }
    }

    public static void WriteAll(string path, ReadOnlySpan<byte> content, int flags, uint mode)
    {
        var descriptor = Open(path, flags, mode);
        try
        {
            Write(descriptor, content);
        }
        finally
        {
            _ = GuestCalls.close(descriptor);
        }
    }

    public static int Open(string path, int flags, uint mode) => (int)Checked(GuestCalls.open(path, flags | GuestCalls.O_CLOEXEC, mode));

    public static long Write(int descriptor, ReadOnlySpan<byte> content)
    {
        fixed (byte* data = content)
        {
            return Checked(GuestCalls.write(descriptor, data, (nuint)content.Length));
        }
    }

    /// <summary>All names, in the file system's own order.</summary>
    public static IReadOnlyList<GuestName> List(string path)
    {
        var descriptor = Open(path, GuestCalls.O_DIRECTORY, 0);
        try
        {
            var names = new List<GuestName>();
            var buffer = new byte[32768];
            fixed (byte* data = buffer)
            {
                for (nint count; (count = Checked(GuestCalls.getdents64(descriptor, data, (nuint)buffer.Length))) > 0;)
                {
                    Parse(buffer.AsSpan(0, (int)count), names);
                }
            }

            return names;
        }
        finally
        {
            _ = GuestCalls.close(descriptor);
        }
    }

    public static string ReadLink(string path)
    {
        var target = new byte[4096];
        fixed (byte* data = target)
        {
            return Encoding.UTF8.GetString(target, 0, (int)Checked(GuestCalls.readlink(path, data, (nuint)target.Length)));
        }
    }

    public static byte[] ReadAttribute(string path, string name)
    {
        var value = new byte[65536];
        fixed (byte* data = value)
        {
            return value[..(int)Checked(GuestCalls.lgetxattr(path, name, data, (nuint)value.Length))];
        }
    }

    public static IReadOnlyList<string> ListAttributes(string path)
    {
        var names = new byte[65536];
        fixed (byte* data = names)
        {
            var count = (int)Checked(GuestCalls.llistxattr(path, data, (nuint)names.Length));
            return Encoding.UTF8.GetString(names, 0, count).Split('\0', StringSplitOptions.RemoveEmptyEntries);
        }
    }

    public static void SetAttribute(string path, string name, ReadOnlySpan<byte> value)
    {
        fixed (byte* data = value)
        {
            Checked(GuestCalls.lsetxattr(path, name, data, (nuint)value.Length, 0));
        }
    }

    /// <summary>Throws what a call's result says; gives it back otherwise.</summary>
    public static nint Checked(nint result) => result < 0 ? throw new GuestException(Marshal.GetLastPInvokeError()) : result;

    // struct linux_dirent64: inode, offset, record length, type, name. getdents64(2)
    private static void Parse(ReadOnlySpan<byte> records, List<GuestName> names)
    {
        while (!records.IsEmpty)
        {
            var length = BinaryPrimitives.ReadUInt16LittleEndian(records[16..]);
            var name = records[19..length];
            names.Add(new GuestName(
                Encoding.UTF8.GetString(name[..name.IndexOf((byte)0)]),
                records[18] switch { 1 => "p", 2 => "c", 4 => "d", 6 => "b", 8 => "f", 10 => "l", 12 => "s", var odd => $"{odd}" },
                BinaryPrimitives.ReadUInt64LittleEndian(records)));
            records = records[length..];
        }
    }
}

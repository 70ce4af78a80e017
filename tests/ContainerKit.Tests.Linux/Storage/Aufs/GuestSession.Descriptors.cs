using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <content>Operations on what is open, and on mappings of it.</content>
internal sealed unsafe partial class GuestSession
{
    private const int PageSize = 4096;
    private const int MAP_SHARED = 1, MAP_PRIVATE = 2, MS_SYNC = 4;

    private void AddDescriptors()
    {
        _verbs["open"] = (op, _) => Open(op);
        _verbs["close"] = (op, _) => CloseDescriptor(op[1].GetString()!);
        _verbs["read"] = (op, _) => Read(op[2].GetInt32(), (buffer, size) => GuestCalls.read(Descriptor(op[1]), (byte*)buffer, size));
        _verbs["pread"] = (op, _) => Read(
            op[2].GetInt32(), (buffer, size) => GuestCalls.pread(Descriptor(op[1]), (byte*)buffer, size, op[3].GetInt64()));
        _verbs["write"] = (op, _) => $"{GuestFiles.Write(Descriptor(op[1]), BytesOf(op[2]))}";
        _verbs["pwrite"] = (op, _) => WriteAt(Descriptor(op[1]), BytesOf(op[2]), op[3].GetInt64());
        _verbs["dread"] = (op, _) => Aligned(buffer => GuestCalls.pread(Descriptor(op[1]), (byte*)buffer, PageSize, op[2].GetInt64()));
        _verbs["dwrite"] = (op, _) => Aligned(buffer => GuestCalls.pwrite(Descriptor(op[1]), (byte*)buffer, PageSize, op[2].GetInt64()));
        _verbs["lseekhole"] = (op, _) => $"{GuestFiles.Checked((nint)GuestCalls.lseek(Descriptor(op[1]), op[2].GetInt64(), 4))}";
        _verbs["lseekdata"] = (op, _) => $"{GuestFiles.Checked((nint)GuestCalls.lseek(Descriptor(op[1]), op[2].GetInt64(), 3))}";
        _verbs["fchmod"] = (op, _) => Done(GuestCalls.fchmod(Descriptor(op[1]), op[2].GetUInt32()));
        _verbs["fchown"] = (op, _) => Done(GuestCalls.fchown(Descriptor(op[1]), op[2].GetInt32(), op[3].GetInt32()));
        _verbs["ftruncate"] = (op, _) => Done(GuestCalls.ftruncate(Descriptor(op[1]), op[2].GetInt64()));
        _verbs["fallocate"] = (op, _) => Done(GuestCalls.fallocate(Descriptor(op[1]), op[2].GetInt32(), op[3].GetInt64(), op[4].GetInt64()));
        _verbs["fsync"] = (op, _) => Done(GuestCalls.fsync(Descriptor(op[1])));
        _verbs["flock"] = (op, _) => Done(GuestCalls.flock(Descriptor(op[1]), op[2].GetInt32()));
        _verbs["fsetxattr"] = (op, _) => SetAttribute(Descriptor(op[1]), op[2].GetString()!, BytesOf(op[3]));
        _verbs["getflags"] = (op, _) => Flags(Descriptor(op[1]), GuestCalls.FS_IOC_GETFLAGS, 0);
        _verbs["setflags"] = (op, _) => Flags(Descriptor(op[1]), GuestCalls.FS_IOC_SETFLAGS, op[2].GetInt32());
        _verbs["ficlone"] = (op, _) => Done(GuestCalls.ioctl(Descriptor(op[1]), GuestCalls.FICLONE, Descriptor(op[2])));
        _verbs["linkfd"] = (op, _) => Done(GuestCalls.linkat(
            GuestCalls.AT_FDCWD, $"/proc/self/fd/{Descriptor(op[1])}", GuestCalls.AT_FDCWD, PathOf(op[2]), GuestCalls.AT_SYMLINK_FOLLOW));
        _verbs["fdlink"] = (op, _) => Convert.ToHexString(Encoding.UTF8.GetBytes(GuestFiles.ReadLink($"/proc/self/fd/{Descriptor(op[1])}")));
        _verbs["mmap"] = (op, _) => Map(op);
        _verbs["mread"] = (op, _) => Read(op[3].GetInt32(), (buffer, size) => Copy(MappingOf(op[1]) + op[2].GetInt32(), buffer, size));
        _verbs["mwrite"] = (op, _) => Store(MappingOf(op[1]) + op[2].GetInt32(), BytesOf(op[3]));
        _verbs["msync"] = (op, _) => Done(GuestCalls.msync(MappingOf(op[1]), (nuint)_mappings[op[1].GetString()!].Length, MS_SYNC));
    }

    private int Descriptor(JsonElement name) =>
        _descriptors.TryGetValue(name.GetString()!, out var descriptor) ? descriptor : throw new GuestException("not open");

    private nint MappingOf(JsonElement name) =>
        _mappings.TryGetValue(name.GetString()!, out var mapping) ? mapping.Address : throw new GuestException("not mapped");

    private string Open(JsonElement operation)
    {
        var descriptor = GuestFiles.Open(PathOf(operation[2]), FlagsOf(operation[3].GetString()!), AnyoneReadsAndWrites);
        _descriptors[operation[1].GetString()!] = descriptor;
        return Nothing;
    }

    private string CloseDescriptor(string name)
    {
        return _descriptors.Remove(name, out var descriptor) ? Done(GuestCalls.close(descriptor)) : throw new GuestException("not open");
    }

    private static string Read(int size, Func<nint, nuint, nint> read)
    {
        var content = new byte[size];
        fixed (byte* buffer = content)
        {
            return Convert.ToHexString(content, 0, (int)GuestFiles.Checked(read((nint)buffer, (nuint)size)));
        }
    }

    private static string WriteAt(int descriptor, byte[] content, long offset)
    {
        fixed (byte* buffer = content)
        {
            return $"{GuestFiles.Checked(GuestCalls.pwrite(descriptor, buffer, (nuint)content.Length, offset))}";
        }
    }

    private static string Aligned(Func<nint, nint> transfer)
    {
        var buffer = NativeMemory.AlignedAlloc(PageSize, PageSize);
        try
        {
            new Span<byte>(buffer, PageSize).Fill((byte)'D');
            return $"{GuestFiles.Checked(transfer((nint)buffer))}";
        }
        finally
        {
            NativeMemory.AlignedFree(buffer);
        }
    }

    private static string SetAttribute(int descriptor, string name, byte[] value)
    {
        fixed (byte* data = value)
        {
            return Done(GuestCalls.fsetxattr(descriptor, name, data, (nuint)value.Length, 0));
        }
    }

    private static string Flags(int descriptor, nuint request, long value) => Done(GuestCalls.ioctl(descriptor, request, (nint)(&value)));

    private string Map(JsonElement operation)
    {
        var length = operation[3].GetInt32();
        var address = GuestFiles.Checked(GuestCalls.mmap(
            0, (nuint)length, operation[4].GetInt32(), operation[5].GetBoolean() ? MAP_SHARED : MAP_PRIVATE, Descriptor(operation[2]), 0));
        _mappings[operation[1].GetString()!] = (address, length);
        return Nothing;
    }

    private static nint Copy(nint source, nint target, nuint size)
    {
        Buffer.MemoryCopy((void*)source, (void*)target, size, size);
        return (nint)size;
    }

    private static string Store(nint target, byte[] content)
    {
        Marshal.Copy(content, 0, target, content.Length);
        return Nothing;
    }

    private static int FlagsOf(string names) => names.Split('|').Aggregate(0, (flags, name) => flags | name switch
    {
        "RDONLY" => 0,
        "WRONLY" => GuestCalls.O_WRONLY,
        "RDWR" => GuestCalls.O_RDWR,
        "CREAT" => GuestCalls.O_CREAT,
        "EXCL" => GuestCalls.O_EXCL,
        "TRUNC" => GuestCalls.O_TRUNC,
        "APPEND" => GuestCalls.O_APPEND,
        "NONBLOCK" => GuestCalls.O_NONBLOCK,
        "NOATIME" => GuestCalls.O_NOATIME,
        "DIRECTORY" => GuestCalls.O_DIRECTORY,
        "DIRECT" => GuestCalls.O_DIRECT,
        "TMPFILE" => GuestCalls.O_TMPFILE,
        _ => throw new ArgumentException($"'{name}' is no flag of open.", nameof(names)),
    });
}

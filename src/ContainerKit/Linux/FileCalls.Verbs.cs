using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Linux;

/// <summary>The same calls for those to whom a failure is an exception.</summary>
internal abstract partial class FileCalls
{
    private const int LongestTarget = 4096;

    public SafeFileHandle Open(SafeFileHandle? directory, FileName path, OpenFlags flags, int mode = 0, Resolve resolve = Resolve.NoSymlinks)
    {
        LinuxException.ThrowIf(TryOpen(directory, path, flags, mode, resolve, out var handle), $"open '{path}'");
        return handle;
    }

    public FileStat Stat(SafeFileHandle directory, FileName name = default)
    {
        LinuxException.ThrowIf(TryStat(directory, name, out var stat), $"read the attributes of '{name}'");
        return stat;
    }

    public void MakeDirectory(SafeFileHandle directory, FileName name, int mode) =>
        LinuxException.ThrowIf(TryMakeDirectory(directory, name, mode), $"make the directory '{name}'");

    public void MakeNode(SafeFileHandle directory, FileName name, uint rawMode, uint major = 0, uint minor = 0) =>
        LinuxException.ThrowIf(TryMakeNode(directory, name, rawMode, major, minor), $"make the node '{name}'");

    public void MakeSymlink(FileName target, SafeFileHandle directory, FileName name) =>
        LinuxException.ThrowIf(TryMakeSymlink(target, directory, name), $"make the symlink '{name}'");

    public void Link(SafeFileHandle oldDirectory, FileName oldName, SafeFileHandle newDirectory, FileName newName) =>
        LinuxException.ThrowIf(TryLink(oldDirectory, oldName, newDirectory, newName), $"link '{newName}' to '{oldName}'");

    public void Rename(SafeFileHandle oldDirectory, FileName oldName, SafeFileHandle newDirectory, FileName newName, RenameFlags flags = RenameFlags.None) =>
        LinuxException.ThrowIf(TryRename(oldDirectory, oldName, newDirectory, newName, flags), $"rename '{oldName}' to '{newName}'");

    public void Unlink(SafeFileHandle directory, FileName name, bool isDirectory = false) =>
        LinuxException.ThrowIf(TryUnlink(directory, name, isDirectory), $"remove '{name}'");

    public string ReadLink(SafeFileHandle directory, FileName name)
    {
        Span<byte> target = stackalloc byte[LongestTarget];
        LinuxException.ThrowIf(TryReadLink(directory, name, target, out var length), $"read the symlink '{name}'");
        return LinuxPath.Decode(target[..length]);
    }

    public void SetOwner(SafeFileHandle directory, FileName name, uint userId, uint groupId) =>
        LinuxException.ThrowIf(TrySetOwner(directory, name, userId, groupId), $"give '{name}' to {userId}:{groupId}");

    public void SetMode(SafeFileHandle directory, FileName name, int mode) =>
        LinuxException.ThrowIf(TrySetMode(directory, name, mode), $"set the mode of '{name}'");

    public void SetTimes(SafeFileHandle directory, FileName name, UnixTime? accessTime, UnixTime? modifiedTime) =>
        LinuxException.ThrowIf(TrySetTimes(directory, name, accessTime, modifiedTime), $"set the times of '{name}'");

    public void SetAttribute(SafeFileHandle directory, FileName name, FileName attribute, ReadOnlySpan<byte> value) =>
        LinuxException.ThrowIf(TrySetAttribute(directory, name, attribute, value), $"set the attribute '{attribute}' of '{name}'");

    /// <summary>The value of one extended attribute, or null when the object has none of that name.</summary>
    public byte[]? GetAttribute(SafeFileHandle directory, FileName name, FileName attribute)
    {
        Span<byte> small = stackalloc byte[256];
        var errno = TryGetAttribute(directory, name, attribute, small, out var length);
        if (errno is Errno.ENODATA or Errno.EOPNOTSUPP)
        {
            return null;
        }

        if (errno == 0)
        {
            return small[..length].ToArray();
        }

        if (errno != Errno.ERANGE)
        {
            throw new LinuxException(errno, $"read the attribute '{attribute.ToString()}' of '{name.ToString()}'");
        }

        // The kernel's own limit of a value is 64 KiB, so one more try always has room.
        var large = new byte[64 * 1024];
        LinuxException.ThrowIf(TryGetAttribute(directory, name, attribute, large, out length), $"read the attribute '{attribute}' of '{name}'");
        return large[..length];
    }

    /// <summary>The names of an object's extended attributes; none where the file system has no such thing.</summary>
    public IReadOnlyList<string> ListAttributes(SafeFileHandle directory, FileName name)
    {
        Span<byte> names = stackalloc byte[1024];
        var errno = TryListAttributes(directory, name, names, out var length);
        if (errno == Errno.EOPNOTSUPP)
        {
            return [];
        }

        if (errno == Errno.ERANGE)
        {
            names = new byte[64 * 1024];
            errno = TryListAttributes(directory, name, names, out length);
        }

        LinuxException.ThrowIf(errno, $"list the attributes of '{name}'");
        if (length == 0)
        {
            return [];
        }

        var list = new List<string>();
        foreach (var range in names[..length].Split((byte)0))
        {
            if (!names[range].IsEmpty)
            {
                list.Add(LinuxPath.Decode(names[range]));
            }
        }

        return list;
    }
}

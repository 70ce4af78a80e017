using ContainerKit.Linux;
using ContainerKit.Storage.Union.CopyUp;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

// Making objects, and changing those that are there.
internal sealed partial class UnionTree
{
    private const int SetIds = 0xC00;

    /// <summary>Opens a regular file for writing (and reading, when the flags say so), copied up first.</summary>
    /// <param name="path">The path; a symlink is followed.</param>
    /// <param name="flags"><see cref="OpenFlags.Write"/> or <see cref="OpenFlags.ReadWrite"/>, with Create, Exclusive, Truncate and Append as they are needed.</param>
    /// <param name="mode">Permission bits of a file that this call makes; no umask applies.</param>
    public SafeFileHandle OpenWrite(string path, OpenFlags flags, int mode = 0x1A4)
    {
        using var scope = Enter();
        var mayCreate = (flags & OpenFlags.Create) != 0;
        var isExclusive = mayCreate && (flags & OpenFlags.Exclusive) != 0;
        var node = mayCreate ? ResolveForCreation(path, followLast: !isExclusive) : Resolve(path, followLast: true);
        var access = flags & (OpenFlags.Write | OpenFlags.ReadWrite | OpenFlags.Append);
        if (!node.Exists)
        {
            MakeObject(node, new WantedStat(FileKind.File, mode & 0xFFF, 0, 0), MakeFile);
            return OpenNode(UpperNode(node.Directory, node.Name), access);
        }

        if (isExclusive)
        {
            throw Error(Errno.EEXIST, $"make the file '{path}'");
        }

        var isTruncating = (flags & OpenFlags.Truncate) != 0;
        if (!node.IsUpper && access is OpenFlags.Write or OpenFlags.ReadWrite)
        {
            RequireKindOfFile(node);
            return CopyUpOpen(node, withContent: !isTruncating);
        }

        RequireFile(node);
        var upper = CopyUp(node, withContent: !isTruncating);
        return OpenNode(upper, access | (isTruncating ? OpenFlags.Truncate : OpenFlags.Read));
    }

    /// <summary>
    /// Replaces a regular file's content, or makes the file. Room is taken before the first byte of the old content is lost: where there is none, everything
    /// is as it was before.
    /// </summary>
    /// <param name="path">The path; a symlink is followed.</param>
    /// <param name="room">How many bytes to take room for: as many as there will be, or 0 for a file with holes.</param>
    /// <param name="write">
    /// Writes from the beginning on, and answers how long the file is then. It is told whether it may set the file's length; where not, the file is empty.
    /// </param>
    public void ReplaceContent(string path, long room, Func<SafeFileHandle, bool, long> write)
    {
        using var scope = Enter();
        var isNew = !Exists(path);
        using var file = OpenWrite(path, OpenFlags.Write | OpenFlags.Create);
        try
        {
            var errno = DataCalls.TrySetLength(file, _calls.Stat(file).Size);
            if (errno == Errno.EACCES)
            {
                // A union that is served inside a user namespace lets nobody from outside do more to an open file than read and write.
                using var emptied = OpenWrite(path, OpenFlags.Write | OpenFlags.Truncate);
                write(emptied, false);
                return;
            }

            LinuxException.ThrowIf(errno, $"set a file's length");
            TakeRoom(file, room);
            FileWriting.SetLength(file, write(file, true));
        }
        catch when (isNew)
        {
            RemoveIfThere(Stat(path).Path);
            throw;
        }
    }

    private void TakeRoom(SafeFileHandle file, long room)
    {
        var length = _calls.Stat(file).Size;
        var errno = room == 0 ? 0 : DataCalls.TryAllocate(file, LibC.FALLOC_FL_KEEP_SIZE, 0, room);
        if (errno is Errno.ENOSPC or Errno.EDQUOT)
        {
            // What it got of it.
            FileWriting.SetLength(file, length);
        }

        // A file system that cannot promise room finds out while it is written.
        LinuxException.ThrowIf(errno is Errno.EOPNOTSUPP or Errno.ENOSYS ? 0 : errno, $"take room for a file");
    }

    public void MakeDirectory(string path, int mode = 0x1ED) =>
        Make(path, new WantedStat(FileKind.Directory, mode & 0xFFF, 0, 0), static (tree, directory, name, wanted) =>
            tree._calls.MakeDirectory(directory, name, tree._ownership.DiskModeOf(wanted)));

    public void MakeSymlink(string path, string target)
    {
        if (target.Length == 0)
        {
            throw Error(Errno.ENOENT, $"make the symlink '{path}'");
        }

        Make(path, new WantedStat(FileKind.Symlink, 0x1FF, 0, 0), (tree, directory, name, _) => tree._calls.MakeSymlink(target, directory, name));
    }

    /// <summary>Makes a device, fifo or socket.</summary>
    public void MakeNode(string path, FileKind kind, int mode, uint major = 0, uint minor = 0) =>
        Make(path, new WantedStat(kind, mode & 0xFFF, 0, 0, major, minor), MakeFile);

    public void SetMode(string path, int mode, bool followSymlink = true)
    {
        using var scope = Enter();
        var node = Resolve(path, followSymlink);
        if (node.Disk.IsSymlink)
        {
            throw Error(Errno.EOPNOTSUPP, $"set the mode of '{path}'");
        }

        Describe(CopyUp(node), wanted => wanted with { Mode = mode & 0xFFF });
    }

    /// <summary>Changes owner and group; <see cref="uint.MaxValue"/> leaves one as it is. As ever, a program loses its set-user-ID by it.</summary>
    public void SetOwner(string path, uint userId, uint groupId, bool followSymlink = true)
    {
        using var scope = Enter();
        Describe(CopyUp(Resolve(path, followSymlink)), wanted => wanted with
        {
            UserId = userId == uint.MaxValue ? wanted.UserId : userId,
            GroupId = groupId == uint.MaxValue ? wanted.GroupId : groupId,
            Mode = wanted.Kind == FileKind.Directory ? wanted.Mode : WithoutSetIds(wanted.Mode),
        });
    }

    public void SetTimes(string path, UnixTime? accessTime, UnixTime? modifiedTime, bool followSymlink = true)
    {
        using var scope = Enter();
        var node = CopyUp(Resolve(path, followSymlink));
        _calls.SetTimes(node.Handle, node.Name, accessTime, modifiedTime);
    }

    public void Truncate(string path, long length)
    {
        using var file = OpenWrite(path, length == 0 ? OpenFlags.Write | OpenFlags.Truncate : OpenFlags.Write);
        FileWriting.SetLength(file, length);
    }

    public void SetAttribute(string path, string name, ReadOnlySpan<byte> value, bool followSymlink = true)
    {
        using var scope = Enter();
        var node = CopyUp(Resolve(path, followSymlink));
        LinuxException.ThrowIf(IsHidden(name) ? Errno.EPERM : TrySetAttribute(node, name, value), $"set the attribute '{name}' of '{path}'");
    }

    public void RemoveAttribute(string path, string name, bool followSymlink = true)
    {
        using var scope = Enter();
        var node = CopyUp(Resolve(path, followSymlink));
        var errno = IsHidden(name) ? Errno.EPERM : _calls.TryRemoveAttribute(node.Handle, node.Name, name);
        if (errno == Errno.EACCES)
        {
            errno = WithWriting(node, attribute: name, value: default, isRemoval: true);
        }

        if (errno is Errno.ENODATA or Errno.EPERM && RecordsAttributes && !IsHidden(name)
            && _calls.TryRemoveAttribute(node.Handle, node.Name, AttributeRecord.Of(name)) == 0)
        {
            errno = 0;
        }

        LinuxException.ThrowIf(errno, $"remove the attribute '{name}' of '{path}'");
    }

    private static int WithoutSetIds(int mode) => (mode & 0x8) != 0 ? mode & ~SetIds : mode & ~0x800;

    private static void MakeFile(UnionTree tree, SafeFileHandle directory, string name, WantedStat wanted)
    {
        if (tree._dialect.WhyUnrepresentable(wanted.Kind, wanted.DeviceMajor, wanted.DeviceMinor) is { } reason)
        {
            throw new StorageException($"Cannot make '{name}': {reason}.");
        }

        var raw = FileTypeBits.Of(tree._ownership.DiskTypeOf(wanted.Kind)) | (uint)tree._ownership.DiskModeOf(wanted);
        tree._calls.MakeNode(directory, name, raw, wanted.DeviceMajor, wanted.DeviceMinor);
    }

    private void Make(string path, WantedStat wanted, Action<UnionTree, SafeFileHandle, string, WantedStat> make)
    {
        using var scope = Enter();
        var node = ResolveForCreation(path, followLast: false);
        if (node.Exists)
        {
            throw Error(Errno.EEXIST, $"make '{path}'");
        }

        MakeObject(node, wanted, make);
    }

    private void MakeObject(in UnionNode node, WantedStat wanted, Action<UnionTree, SafeFileHandle, string, WantedStat> make)
    {
        var directory = node.Directory;
        EnsureUpper(directory);
        var errno = _writer.Create(directory.Parts[0], node.Name, node.IsWhitedOutAbove, wanted.Kind == FileKind.Directory, (into, name) =>
        {
            make(this, into, name.ToString(), wanted);
            return wanted.Kind == FileKind.Symlink ? 0 : _ownership.TryDescribeNew(_calls, into, name, wanted);
        });
        LinuxException.ThrowIf(errno, $"make '{node.Path}'");
    }

    private void Describe(in UnionNode node, Func<WantedStat, WantedStat> change)
    {
        var present = WantedStat.Of(StatOf(node));
        LinuxException.ThrowIf(_ownership.TryChange(_calls, node.Handle, node.Name, present, change(present)), $"change the owner or mode of '{node.Path}'");
    }

    private int TrySetAttribute(in UnionNode node, string name, ReadOnlySpan<byte> value)
    {
        var errno = _calls.TrySetAttribute(node.Handle, node.Name, name, value);
        return errno == Errno.EACCES ? WithWriting(node, name, value, isRemoval: false) : errno;
    }

    // A user attribute takes the right to write; root inside has it always, and the owner that he is outside can give it to himself.
    private int WithWriting(in UnionNode node, string attribute, ReadOnlySpan<byte> value, bool isRemoval)
    {
        const int OwnerWrite = 0x80;
        var errno = _calls.TrySetMode(node.Handle, node.Name, node.Disk.Permissions | OwnerWrite);
        if (errno != 0)
        {
            return errno;
        }

        errno = isRemoval
            ? _calls.TryRemoveAttribute(node.Handle, node.Name, attribute)
            : _calls.TrySetAttribute(node.Handle, node.Name, attribute, value);
        _ = _calls.TrySetMode(node.Handle, node.Name, node.Disk.Permissions);
        return errno;
    }
}

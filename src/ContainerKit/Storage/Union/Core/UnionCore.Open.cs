using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union.Core;

// Files and their data. All who have a file open share one descriptor of it, which is exchanged when the file is copied up: so those
// who opened it before see what is written afterwards.
internal sealed partial class UnionCore
{
    private const int OwnerReadWrite = 0x180, SetUserId = 0x800, SetGroupId = 0x400, GroupExecute = 0x8;

    /// <summary>Opens a regular file once more, for <see cref="Close"/> to take back.</summary>
    /// <param name="inode">The file.</param>
    /// <param name="isForWriting">Whether it will be written.</param>
    /// <param name="isTruncating">Whether it loses its content now.</param>
    /// <param name="killsPrivileges">Whether the truncation takes set-ID bits away.</param>
    public int Open(Inode inode, bool isForWriting, bool isTruncating, bool killsPrivileges)
    {
        if (inode.Kind != FileKind.File)
        {
            return inode.Kind == FileKind.Directory ? Errno.EISDIR : Errno.ENXIO;
        }

        if (isForWriting && Upper is null && !inode.Branch.IsWritable)
        {
            return Errno.EROFS;
        }

        var errno = isTruncating || (isForWriting && CopiesUpAtOpen) ? CopyUp(inode, isTruncating ? 0 : long.MaxValue) : 0;
        if (errno != 0)
        {
            return errno;
        }

        lock (inode)
        {
            errno = OpenData(inode, (isForWriting || isTruncating) && inode.Branch.IsWritable);
            if (errno == 0 && isTruncating)
            {
                errno = KillPrivileges(inode, killsPrivileges);
                errno = errno != 0 ? errno : DataCalls.TrySetLength(inode.Data!, 0);
            }

            if (errno == 0)
            {
                inode.Opens++;
            }

            return errno;
        }
    }

    public void Close(Inode inode)
    {
        lock (inode)
        {
            if (--inode.Opens > 0)
            {
                return;
            }

            inode.Data?.Dispose();
            (inode.Data, inode.IsDataWritable) = (null, false);
        }

        if (inode.Lookups == 0)
        {
            Forget(inode, 0);
        }
    }

    public int Read(Inode inode, long offset, Span<byte> data, out int count)
    {
        count = 0;
        var errno = inode.Link is null ? 0 : ShowLinks(inode);
        while (errno == 0)
        {
            var file = inode.Data;
            try
            {
                return file is null ? Errno.EBADF : DataCalls.TryRead(file, data, offset, out count);
            }
            catch (ObjectDisposedException) when (!ReferenceEquals(file, inode.Data))
            {
                // It was copied up between the two lines; the copy is as good.
            }
        }

        return errno;
    }

    public int Write(Inode inode, long offset, ReadOnlySpan<byte> data, bool killsPrivileges, out int count)
    {
        int errno;
        do
        {
            count = 0;
            errno = PrepareWriting(inode, killsPrivileges, out var file);
            errno = errno != 0 ? errno : DataCalls.TryWrite(file!, data, offset, out count);
        }
        while (errno == 0 && !inode.Branch.IsWritable); // A branch came on top meanwhile: the copy there has not got it.

        return errno;
    }

    public int Allocate(Inode inode, long offset, long length, int mode)
    {
        int errno;
        do
        {
            errno = PrepareWriting(inode, killsPrivileges: false, out var file);
            errno = errno != 0 ? errno : DataCalls.TryAllocate(file!, mode, offset, length);
        }
        while (errno == 0 && !inode.Branch.IsWritable);

        return errno;
    }

    /// <summary>Finds data or a hole.</summary>
    public int Seek(Inode inode, long offset, int whence, out long result)
    {
        result = 0;
        if (_options.FollowsAufs && inode.Data is { } data)
        {
            // To AUFS a file is data up to its end.
            var errno = _calls.TryStat(data, default, out var stat);
            result = whence == LibC.SEEK_HOLE ? stat.Size : offset;
            return errno != 0 ? errno : offset < 0 || offset >= stat.Size ? Errno.ENXIO : 0;
        }

        return inode.Data is { } file ? DataCalls.TrySeek(file, offset, whence, out result) : Errno.EBADF;
    }

    public int CopyRange(Inode from, long fromOffset, Inode to, long toOffset, long length, out long count)
    {
        int errno;
        do
        {
            count = 0;
            errno = PrepareWriting(to, killsPrivileges: true, out var target);
            errno = errno != 0 ? errno : from.Data is { } source ? DataCalls.TryCopyRange(source, fromOffset, target!, toOffset, length, out count) : Errno.EBADF;
        }
        while (errno == 0 && !to.Branch.IsWritable);

        return errno;
    }

    public static int Synchronize(Inode inode, bool dataOnly)
    {
        // What lies in a branch that nobody writes to is on disk already, or was not written through here.
        return inode.Branch.IsWritable && inode.Data is { } file ? DataCalls.TrySynchronize(file, dataOnly) : 0;
    }

    public int SynchronizeDirectory(DirectoryInode directory)
    {
        _tree.EnterReadLock();
        try
        {
            var errno = PartsOf(directory, out var parts);
            if (errno != 0 || !parts[0].Branch.IsWritable)
            {
                return errno;
            }

            errno = _calls.TryOpen(parts[0].Handle, default, OpenFlags.Directory, 0, Resolve.NoSymlinks, out var readable);
            using (readable)
            {
                return errno != 0 ? errno : DataCalls.TrySynchronize(readable, dataOnly: false);
            }
        }
        finally
        {
            _tree.ExitReadLock();
        }
    }

    public int SynchronizeAll()
    {
        var outcome = 0;
        foreach (var upper in _uppers)
        {
            // syncfs(2) wants a descriptor that is more than a place.
            var errno = _calls.TryOpen(upper.Branch.Root, default, OpenFlags.Directory, 0, Resolve.NoSymlinks, out var readable);
            using (readable)
            {
                errno = errno != 0 ? errno : DataCalls.TrySynchronizeAll(readable);
            }

            outcome = outcome != 0 ? outcome : errno;
        }

        return outcome;
    }

    /// <summary>Makes a file's data writable: copies it up if that has not been done.</summary>
    private int PrepareWriting(Inode inode, bool killsPrivileges, out SafeFileHandle? file)
    {
        file = inode.Data;
        var isReady = inode.Branch.IsWritable && inode.IsDataWritable && file is not null;
        if (!isReady)
        {
            var errno = CopyUp(inode);
            if (errno != 0)
            {
                return errno;
            }

            lock (inode)
            {
                errno = OpenData(inode, isWritable: true);
                file = inode.Data;
                if (errno != 0)
                {
                    return errno;
                }
            }
        }

        return killsPrivileges || !inode.IsWithoutCapability ? KillPrivileges(inode, killsPrivileges) : 0;
    }

    /// <summary>What the kernel does to a file that is written, for a server that may write everything: capabilities go, and set-ID bits if it says so.</summary>
    private int KillPrivileges(Inode inode, bool killsSetIds)
    {
        _tree.EnterReadLock();
        try
        {
            var errno = Locate(inode, out var handle, out var name);
            if (errno != 0)
            {
                return errno;
            }

            if (!inode.IsWithoutCapability)
            {
                errno = _calls.TryRemoveAttribute(handle, name, "security.capability"u8);
                if (errno is not (0 or Errno.ENODATA or Errno.EOPNOTSUPP or Errno.EPERM))
                {
                    return errno;
                }

                inode.IsWithoutCapability = true;
            }

            errno = killsSetIds ? _calls.TryStat(handle, name, out var disk) is var failure and not 0 ? failure : DropSetIds(handle, name, disk) : 0;
            return errno;
        }
        finally
        {
            _tree.ExitReadLock();
        }
    }

    private int DropSetIds(SafeFileHandle handle, ReadOnlySpan<byte> name, in FileStat disk)
    {
        var seen = _ownership.Translate(_calls, handle, name, disk);
        var mode = seen.Permissions & ~SetUserId;
        mode &= (mode & GroupExecute) != 0 ? ~SetGroupId : ~0;
        var present = WantedStat.Of(seen);
        return mode == seen.Permissions ? 0 : _ownership.TryChange(_calls, handle, name, present, present with { Mode = mode });
    }

    /// <summary>Makes sure that an inode's data is open, under its monitor and without the tree's lock.</summary>
    private int OpenData(Inode inode, bool isWritable)
    {
        if (inode.Data is not null && (inode.IsDataWritable || !isWritable))
        {
            return 0;
        }

        _tree.EnterReadLock();
        try
        {
            return SetData(inode, isWritable);
        }
        finally
        {
            _tree.ExitReadLock();
        }
    }

    /// <summary>After copy-up: whoever has the file open gets the copy.</summary>
    private int ReopenData(Inode inode) => SetData(inode, isWritable: true);

    private int SetData(Inode inode, bool isWritable)
    {
        var errno = Locate(inode, out var handle, out var name);
        var disk = default(FileStat);
        errno = errno != 0 ? errno : _calls.TryStat(handle, name, out disk);
        var file = default(SafeFileHandle);
        errno = errno != 0 ? errno : OpenAt(inode, handle, name, disk, isWritable, out file);
        if (errno != 0)
        {
            return errno;
        }

        var old = inode.Data;
        (inode.Data, inode.IsDataWritable) = (file, isWritable);
        old?.Dispose();
        return 0;
    }

    private int OpenAt(Inode inode, SafeFileHandle handle, ReadOnlySpan<byte> name, in FileStat disk, bool isWritable, out SafeFileHandle? file)
    {
        if (!disk.IsRegular)
        {
            // Opening a fifo would wait, and opening a device would act on the host's.
            file = null;
            return Errno.ENXIO;
        }

        if (name.IsEmpty && inode.Held is null)
        {
            file = null;
            return Errno.ESTALE;
        }

        if (!IsAufs && !name.IsEmpty)
        {
            _dialect.RefuseForeign(_calls, handle, name, "a file");
        }

        // A layer's access times are nobody's business: several unions may share it.
        var flags = OpenFlags.NonBlocking | (isWritable ? OpenFlags.ReadWrite : OpenFlags.Read) | (inode.Branch.IsWritable ? 0 : OpenFlags.NoAccessTime);
        var errno = TryOpenAt(handle, name, flags, out file);
        if (errno == Errno.EPERM && (flags & OpenFlags.NoAccessTime) != 0)
        {
            errno = TryOpenAt(handle, name, flags & ~OpenFlags.NoAccessTime, out file);
        }

        var permissions = disk.Permissions;
        if (errno == Errno.EACCES && (permissions & OwnerReadWrite) != OwnerReadWrite && _calls.TrySetMode(handle, name, permissions | OwnerReadWrite) == 0)
        {
            // Root inside may do this to any file. Where that root is an ordinary user outside, he owns the file and lets himself in.
            errno = TryOpenAt(handle, name, flags, out file);
            _ = _calls.TrySetMode(handle, name, permissions);
        }

        return errno;
    }

    private int TryOpenAt(SafeFileHandle handle, ReadOnlySpan<byte> name, OpenFlags flags, out SafeFileHandle file) => name.IsEmpty
        ? _calls.TryReopen(handle, flags, out file)
        : _calls.TryOpen(handle, name, flags | OpenFlags.NoFollow, 0, Resolve.NoSymlinks, out file);
}

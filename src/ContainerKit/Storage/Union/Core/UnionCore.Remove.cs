using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union.Core;

// Taking names away.
internal sealed partial class UnionCore
{
    /// <summary>Removes a name of a file, or an empty directory.</summary>
    public int Remove(DirectoryInode directory, ReadOnlySpan<byte> name, bool isDirectory)
    {
        _tree.EnterWriteLock();
        try
        {
            var errno = TryFind(directory, name, out var inode, out var stat);
            if (errno != 0)
            {
                return errno;
            }

            errno = MayRemove(inode!, stat, isDirectory);
            errno = errno != 0 ? errno : RemoveFound(directory, name, inode!, stat);
            DropIfUnused(inode!);
            return errno;
        }
        finally
        {
            _tree.ExitWriteLock();
        }
    }

    private int MayRemove(Inode inode, in FileStat stat, bool isDirectory)
    {
        if (Upper is null)
        {
            return Errno.EROFS;
        }

        if (inode is DirectoryInode directory)
        {
            return isDirectory ? RequireEmpty(directory) : Errno.EISDIR;
        }

        return isDirectory ? Errno.ENOTDIR : stat.IsImmutable ? Errno.EPERM : 0;
    }

    private int RemoveFound(DirectoryInode directory, ReadOnlySpan<byte> name, Inode inode, in FileStat stat)
    {
        var errno = TargetFor(directory, name, out var target);
        var (below, upper) = (default(Finding), default(BranchDirectory));
        errno = errno != 0 ? errno : EnsureUpper(directory, target, out upper);
        errno = errno != 0 ? errno : _stack.Find(directory.Parts!, name, PartOf(directory.Parts!, target.Branch) + 1, out below);
        errno = errno != 0 ? errno : Hold(inode);
        errno = errno != 0 ? errno : target.Writer.Vacate(upper, name, below.Exists);
        if (errno == 0)
        {
            directory.RemoveChild(name);
            NoteGone(directory);
            LiftTimes(directory, upper);
            LoseName(directory, name, inode, stat);
        }

        return errno;
    }

    /// <summary>Keeps an object that somebody uses and that is about to lose its last known name.</summary>
    private int Hold(Inode inode)
    {
        if (!inode.IsUsed || inode.OtherNames is { Count: > 0 } || inode.Held is not null)
        {
            return 0;
        }

        if (inode is DirectoryInode directory)
        {
            return PartsOf(directory, out _);
        }

        var errno = Locate(inode, out var handle, out var name);
        errno = errno != 0 ? errno : _calls.TryOpen(handle, name, OpenFlags.PathOnly | OpenFlags.NoFollow, 0, Resolve.NoSymlinks, out var held) is var failure and not 0
            ? failure
            : Keep(held);
        return errno;

        int Keep(SafeFileHandle opened)
        {
            inode.Held = opened;
            return 0;
        }
    }

    /// <summary>Notes that an inode has lost a name on disk.</summary>
    /// <param name="directory">The directory that the name was in.</param>
    /// <param name="name">The name.</param>
    /// <param name="inode">What it stood for.</param>
    /// <param name="stat">Its attributes before.</param>
    private void LoseName(DirectoryInode directory, ReadOnlySpan<byte> name, Inode inode, in FileStat stat)
    {
        lock (_names)
        {
            inode.RemoveName(directory, name);
        }

        if (inode is DirectoryInode removed)
        {
            removed.IsRemoved = true;
            removed.Links = 0;
            VanishIfUpper(inode, stat);
            return;
        }

        if (inode.Links is not null || (!inode.Branch.IsWritable && (!IsAufs || (stat.LinkCount == 1 && !_options.FollowsAufs))))
        {
            inode.Links = (inode.Links ?? stat.LinkCount) - 1;
        }
        else if (!inode.Branch.IsWritable)
        {
            // AUFS shows the branch's own count of a lower file; the kernel has counted one off.
            Touched?.Invoke(inode);
        }

        if (inode.Link is { } link && inode.Links == 0)
        {
            // The last name is gone, and with the hidden one goes the file, unless somebody has it open.
            if (inode.IsUsed && inode.Held is null
                && _calls.TryOpen(link.Directory, link.Name, OpenFlags.PathOnly | OpenFlags.NoFollow, 0, Resolve.NoSymlinks, out var held) == 0)
            {
                inode.Held = held;
            }

            if (_calls.TryStat(link.Directory, link.Name, out var disk) == 0 && disk.LinkCount == 1 && !_options.FollowsAufs)
            {
                _table.Vanish(disk);
            }

            if (!_options.FollowsAufs)
            {
                _ = _calls.TryUnlink(link.Directory, link.Name, isDirectory: false);
            }

            inode.Link = null;
            return;
        }

        if (stat.LinkCount == 1)
        {
            VanishIfUpper(inode, stat);
        }
    }

    private void VanishIfUpper(Inode inode, in FileStat stat)
    {
        if (inode.Branch.IsWritable && inode.Link is null)
        {
            _table.Vanish(stat);
        }
    }
}

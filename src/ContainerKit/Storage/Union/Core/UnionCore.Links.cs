using ContainerKit.Linux;

namespace ContainerKit.Storage.Union.Core;

// Files of several names. A lower one is copied up once; the names that were not asked for follow when they are.
internal sealed partial class UnionCore
{
    /// <summary>Makes a further name; the inode has one lookup more then.</summary>
    public int Link(Inode inode, DirectoryInode directory, ReadOnlySpan<byte> name, out FileStat stat)
    {
        stat = default;
        if (inode is DirectoryInode)
        {
            return Errno.EPERM;
        }

        var errno = Check(directory, name);
        errno = errno != 0 ? errno : CopyUp(inode, isForLink: IsAufs && _options.KeepsLinks && inode.Name is not null);
        if (errno != 0)
        {
            return errno;
        }

        _tree.EnterWriteLock();
        try
        {
            errno = PlaceFor(directory, name, out var found);
            errno = errno != 0 ? errno : LinkUpper(inode, directory, name, found);
            if (errno != 0)
            {
                return errno;
            }

            var kept = new InodeName(directory, name.ToArray()) { IsShown = true };
            if (inode.Links is not null)
            {
                inode.Links++;
            }

            lock (_names)
            {
                inode.AddName(kept);
            }

            directory.AddChild(kept.Name, inode);
            NoteNew(directory, kept.Name);
            inode.Held?.Dispose();
            inode.Held = null;
            inode.AddLookups(1);
            return TryStat(inode, out stat);
        }
        finally
        {
            _tree.ExitWriteLock();
        }

        int Check(DirectoryInode into, ReadOnlySpan<byte> newName)
        {
            _tree.EnterReadLock();
            try
            {
                return PlaceFor(into, newName, out _);
            }
            finally
            {
                _tree.ExitReadLock();
            }
        }
    }

    private int LinkUpper(Inode inode, DirectoryInode directory, ReadOnlySpan<byte> name, in Finding found)
    {
        if (UpperOf(inode.Branch) is not { } branch)
        {
            // Another branch came on top in the meantime; the kernel asks once more.
            return Errno.ESTALE;
        }

        var errno = EnsureUpper(directory, branch, out var into);
        errno = errno != 0 ? errno : IsAbove(found, directory, branch) ? Errno.EXDEV : 0;
        if (errno != 0)
        {
            return errno;
        }

        errno = Locate(inode, out var handle, out var place);
        if (errno != 0)
        {
            return errno;
        }

        var from = place.ToArray();
        var isWhitedOut = ReferenceEquals(found.Whiteout, branch.Branch);
        return branch.Writer.Create(
            into, name, isWhitedOut, isDirectory: false, (made, as_) => _calls.TryLink(handle, new ReadOnlySpan<byte>(from), made, as_));
    }

    /// <summary>Puts all names of a copied-up file that were met into the writable branch, as AUFS does at the first read.</summary>
    private int ShowLinks(Inode inode)
    {
        if (!IsAufs || Upper is null || inode.Links is null || !HasUnshownName(inode))
        {
            return 0;
        }

        _tree.EnterWriteLock();
        try
        {
            foreach (var name in (IEnumerable<InodeName>)[inode.Name!, .. inode.OtherNames ?? []])
            {
                var errno = ShowLink(inode, name);
                if (errno != 0)
                {
                    return errno;
                }
            }

            return 0;
        }
        finally
        {
            _tree.ExitWriteLock();
        }
    }

    /// <summary>Whether the writable branch has an object, and not all of its names that were met.</summary>
    public bool HasUnshownName(Inode inode)
    {
        if (inode.Name is not { } first || inode.Link is null)
        {
            return false;
        }

        lock (_names)
        {
            return !first.IsShown || (inode.OtherNames?.Exists(name => !name.IsShown) ?? false);
        }
    }

    /// <summary>Makes sure that the writable branch has a name of a file that it has, under the exclusive lock.</summary>
    private int ShowLink(Inode inode, InodeName name)
    {
        if (name.IsShown || inode.Link is not { } link || UpperOf(inode.Branch) is not { } branch)
        {
            return 0;
        }

        var errno = EnsureUpper(name.Directory, branch, out var upper);
        var times = default(FileStat);
        errno = errno != 0 ? errno : _calls.TryStat(upper.Handle, default, out times);
        errno = errno != 0 ? errno : _calls.TryLink(link.Directory, link.Name, upper.Handle, name.Name);
        errno = errno is 0 or Errno.EEXIST ? _calls.TrySetTimes(upper.Handle, default, times.AccessTime, times.ModifiedTime) : errno;
        name.IsShown = errno == 0;
        return errno;
    }
}

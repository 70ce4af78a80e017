using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union.Core;

// How names lead to inodes, inodes to objects on disk, and how inodes go when nobody uses them.
internal sealed partial class UnionCore
{
    // A process has 1,024 descriptors at the least; the runtime asks for as many as the system allows.
    private const int MaxOpenParts = 2000;

    // Guards the lists of names. Taken last.
    private readonly Lock _names = new();
    private long _clock;
    private int _openParts;

    /// <summary>Looks a name up. The inode that comes out has one lookup more, for <see cref="Forget"/> to take back.</summary>
    public int LookUp(DirectoryInode directory, ReadOnlySpan<byte> name, out Inode inode, out FileStat stat)
    {
        _tree.EnterReadLock();
        try
        {
            var errno = TryFind(directory, name, out var found, out stat);
            inode = found!;
            if (errno == 0)
            {
                inode.AddLookups(1);
            }

            return errno;
        }
        finally
        {
            _tree.ExitReadLock();
        }
    }

    /// <summary>Gives lookups back. Who has none, and is not open, may be forgotten.</summary>
    public void Forget(Inode inode, ulong count)
    {
        if (inode.AddLookups(-(long)count) > 0)
        {
            return;
        }

        _tree.EnterWriteLock();
        try
        {
            DropIfUnused(inode);
            TrimParts();
        }
        finally
        {
            _tree.ExitWriteLock();
        }
    }

    /// <summary>Finds a name, under at least the shared lock.</summary>
    private int TryFind(DirectoryInode directory, ReadOnlySpan<byte> name, out Inode? inode, out FileStat stat)
    {
        (inode, stat) = (null, default);
        var errno = _dialect.CheckName(name);
        if (errno != 0 || directory.IsRemoved)
        {
            return errno != 0 ? errno : Errno.ENOENT;
        }

        if (directory.TryGetChild(name, out inode) && !IsOutdated(directory, name, inode!))
        {
            PreferName(inode!, directory, name);
            return TryStat(inode!, out stat);
        }

        errno = TryFindOnDisk(directory, name, out var part, out var disk);
        if (errno != 0)
        {
            return errno;
        }

        stat = _ownership.Translate(_calls, part.Handle, name, disk);
        inode = Meet(directory, name, disk, stat.Kind, part.Branch);
        return ReferenceEquals(inode.Branch, part.Branch) ? Present(inode, ref stat) : TryStat(inode, out stat);
    }

    /// <summary>The same for those who want to know the number of what a name stands for, and will do nothing with it: no inode is made.</summary>
    private int TryPeek(DirectoryInode directory, ReadOnlySpan<byte> name, out ulong number, out FileStat stat)
    {
        (number, stat) = (0, default);
        var errno = _dialect.CheckName(name);
        if (errno != 0 || directory.IsRemoved)
        {
            return errno != 0 ? errno : Errno.ENOENT;
        }

        if (directory.TryGetChild(name, out var inode) && !IsOutdated(directory, name, inode!))
        {
            number = inode!.Number;
            return TryStat(inode, out stat);
        }

        errno = TryFindOnDisk(directory, name, out var part, out var disk);
        if (errno == 0)
        {
            number = _table.NumberOf(disk);
            stat = _ownership.Translate(_calls, part.Handle, name, disk);
        }

        return errno;
    }

    /// <summary>Finds what nobody has met, or somebody else may have changed.</summary>
    private int TryFindOnDisk(DirectoryInode directory, ReadOnlySpan<byte> name, out BranchDirectory part, out FileStat disk)
    {
        (part, disk) = (default, default);
        var errno = PartsOf(directory, out var parts);
        var found = default(Finding);
        errno = errno != 0 ? errno : _stack.Find(parts, name, 0, out found);
        if (errno != 0 || !found.Exists)
        {
            return errno != 0 ? errno : Errno.ENOENT;
        }

        (part, disk) = (parts[found.Part], found.Disk);
        return _options.FollowsAufs && disk.IsDirectory ? CheckMarks(parts, name, found) : 0;
    }

    /// <summary>Of several names the one that was last asked for is what the next change is about.</summary>
    private void PreferName(Inode inode, DirectoryInode directory, ReadOnlySpan<byte> name)
    {
        if (inode.OtherNames is not { Count: > 0 })
        {
            return;
        }

        lock (_names)
        {
            for (var i = 0; i < inode.OtherNames.Count; i++)
            {
                if (inode.OtherNames[i].Is(directory, name))
                {
                    (inode.Name, inode.OtherNames[i]) = (inode.OtherNames[i], inode.Name!);
                    return;
                }
            }
        }
    }

    private Inode Meet(DirectoryInode directory, ReadOnlySpan<byte> name, in FileStat disk, FileKind kind, UnionBranch branch)
    {
        // Two who look at the same time must not note the name twice.
        lock (directory)
        {
            if (directory.TryGetChild(name, out var known))
            {
                return known!;
            }

            var inode = _table.Meet(disk, kind, branch);
            if (inode is { Name: null, Held: null })
            {
                // New, or without a name since its branch went, which is here again.
                inode.Branch = branch;
            }

            var kept = new InodeName(directory, name.ToArray());
            lock (_names)
            {
                inode.AddName(kept);
            }

            directory.AddChild(kept.Name, inode);
            return inode;
        }
    }

    private int TryStat(Inode inode, out FileStat stat)
    {
        var errno = Locate(inode, out var handle, out var name);
        errno = errno != 0 ? Fail(errno, out stat) : _calls.TryStat(handle, name, out stat);
        if (errno != 0)
        {
            return errno;
        }

        stat = _ownership.Translate(_calls, handle, name, stat);
        return Present(inode, ref stat);
    }

    /// <summary>Puts into the attributes what the disk does not know.</summary>
    private static int Present(Inode inode, ref FileStat stat)
    {
        if (inode.Links is { } links)
        {
            stat = stat with { LinkCount = links };
        }
        else if (inode is DirectoryInode { Parts.Count: > 1 })
        {
            // As of every file system that does not count: "unknown".
            stat = stat with { LinkCount = 1 };
        }

        return 0;
    }

    private static int Fail(int errno, out FileStat stat)
    {
        stat = default;
        return errno;
    }

    /// <summary>Where an inode is on disk: a directory of a branch and a name in it, or the object itself and no name.</summary>
    private int Locate(Inode inode, out SafeFileHandle handle, out ReadOnlySpan<byte> name)
    {
        name = default;
        if (inode.Held is { } held)
        {
            handle = held;
            return 0;
        }

        if (inode is DirectoryInode { Parts: { } open } directory)
        {
            directory.LastUse = Interlocked.Increment(ref _clock);
            handle = open[0].Handle;
            return 0;
        }

        if (inode.Link is { } link)
        {
            handle = link.Directory;
            name = link.Name;
            return 0;
        }

        handle = null!;
        if (inode.Name is not { } place)
        {
            return Errno.ESTALE;
        }

        var errno = PartsOf(place.Directory, out var parts);
        if (errno != 0)
        {
            return errno;
        }

        foreach (var part in parts)
        {
            if (ReferenceEquals(part.Branch, inode.Branch))
            {
                handle = part.Handle;
                name = place.Name;
                return 0;
            }
        }

        return Errno.ESTALE;
    }

    /// <summary>The directories that a directory is merged from, opened if they are not.</summary>
    private int PartsOf(DirectoryInode directory, out List<BranchDirectory> parts)
    {
        directory.LastUse = Interlocked.Increment(ref _clock);
        if (directory.Parts is { } open)
        {
            parts = open;
            return 0;
        }

        lock (directory)
        {
            parts = directory.Parts!;
            if (parts is not null)
            {
                return 0;
            }

            if (directory.Name is not { } place)
            {
                return Errno.ESTALE;
            }

            var errno = PartsOf(place.Directory, out var above);
            var found = default(Finding);
            errno = errno != 0 ? errno : _stack.Find(above, place.Name, 0, out found);
            if (errno != 0 || !found.Exists || !found.Disk.IsDirectory)
            {
                return errno != 0 ? errno : Errno.ESTALE;
            }

            var opened = new List<BranchDirectory>();
            try
            {
                errno = _stack.Open(above, place.Name, found, opened);
                if (errno == 0)
                {
                    parts = opened;
                    directory.Parts = opened;
                    Interlocked.Add(ref _openParts, opened.Count);
                    return 0;
                }
            }
            finally
            {
                if (directory.Parts is null)
                {
                    opened.ForEach(part => part.Handle.Dispose());
                }
            }

            return errno;
        }
    }

    /// <summary>Closes directories that were not needed for long, under the exclusive lock.</summary>
    private void TrimParts()
    {
        if (_openParts <= MaxOpenParts)
        {
            return;
        }

        var open = _table.All().OfType<DirectoryInode>().Where(each => each is { Parts: not null, IsRemoved: false } && !ReferenceEquals(each, Root));
        foreach (var directory in open.OrderBy(each => each.LastUse))
        {
            if (_openParts <= MaxOpenParts / 2)
            {
                return;
            }

            CloseParts(directory);
        }
    }

    private void CloseParts(DirectoryInode directory)
    {
        _openParts -= directory.Parts?.Count ?? 0;
        directory.CloseParts();
    }

    /// <summary>Lets an inode go that nobody uses, and then those above it, under the exclusive lock.</summary>
    private void DropIfUnused(Inode inode)
    {
        while (!inode.IsUsed && !inode.IsPinned && inode is not DirectoryInode { HasChildren: true } && !ReferenceEquals(inode, Root))
        {
            var above = inode.Name?.Directory;
            foreach (var name in (IEnumerable<InodeName?>)[inode.Name, .. inode.OtherNames ?? []])
            {
                name?.Directory.RemoveChild(name.Name);
            }

            if (inode is DirectoryInode directory)
            {
                CloseParts(directory);
            }

            (inode.Name, inode.OtherNames) = (null, null);
            inode.Close();
            _table.Drop(inode);
            if (above is null)
            {
                return;
            }

            inode = above;
        }
    }
}

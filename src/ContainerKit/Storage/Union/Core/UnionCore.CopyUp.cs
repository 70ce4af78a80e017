using System.Globalization;
using System.Text;
using ContainerKit.Linux;
using ContainerKit.Storage.Union.CopyUp;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union.Core;

// Copy-up: the content is copied outside of the tree's lock, under the inode's own, so that a large file holds up nobody else.
internal sealed partial class UnionCore
{
    /// <summary>Makes sure that the writable branch has an object.</summary>
    /// <param name="inode">The object.</param>
    /// <param name="length">How much of its content is wanted.</param>
    /// <param name="isForLink">
    /// Whether only another name is to be made of it: AUFS leaves the names that it has where they are then.
    /// </param>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public int CopyUp(Inode inode, long length = long.MaxValue, bool isForLink = false)
    {
        if (inode.Branch.IsWritable)
        {
            return 0;
        }

        if (inode is DirectoryInode directory)
        {
            _tree.EnterWriteLock();
            try
            {
                return EnsureUpper(directory, out _);
            }
            finally
            {
                _tree.ExitWriteLock();
            }
        }

        lock (inode)
        {
            while (!inode.Branch.IsWritable)
            {
                var errno = 0;
                if (isForLink || !TryCopyFileUp(inode, length, out errno))
                {
                    errno = CopyObjectUp(inode, length, isForLink);
                }

                if (errno != Errno.EAGAIN)
                {
                    return errno;
                }
            }

            return 0;
        }
    }

    private int CopyObjectUp(Inode inode, long length, bool isForLink)
    {
        var errno = BeginCopyUp(inode, out var upper, out var source, out var disk);
        if (errno != 0)
        {
            return errno;
        }

        var aside = upper!.Writer.StagingName();
        var isDone = false;
        using (source)
        {
            try
            {
                errno = MakeCopy(CopierFrom(inode.Branch, upper), source!, disk with { Size = Math.Min(disk.Size, length) }, upper, aside, length > 0, out var copy);
                errno = errno != 0 ? errno : EndCopyUp(inode, upper, aside, disk, copy, isForLink);
                isDone = errno == 0;
                return errno;
            }
            catch (LinuxException e)
            {
                return e.Errno;
            }
            finally
            {
                if (!isDone)
                {
                    _ = _calls.TryUnlink(upper.Staging, aside, isDirectory: false);
                }
            }
        }
    }

    private int BeginCopyUp(Inode inode, out UpperBranch? upper, out SafeFileHandle? source, out FileStat disk)
    {
        (source, disk) = (null, default);
        _tree.EnterWriteLock();
        try
        {
            upper = Upper;
            var errno = upper is null ? Errno.EROFS : inode.Name is { } named ? TargetOf(named.Directory, out upper) : 0;
            if (errno != 0)
            {
                return errno;
            }

            errno = Locate(inode, out var handle, out var name);
            errno = errno != 0 ? errno : _calls.TryStat(handle, name, out disk);
            errno = errno != 0 ? errno : disk.IsImmutable ? Errno.EPERM : 0;
            if (errno != 0)
            {
                return errno;
            }

            if (disk.IsRegular)
            {
                return OpenAt(inode, handle, name, disk, isWritable: false, out source);
            }

            return name.IsEmpty
                ? _calls.TryReopen(handle, OpenFlags.PathOnly, out source)
                : _calls.TryOpen(handle, name, OpenFlags.PathOnly | OpenFlags.NoFollow, 0, Resolve.NoSymlinks, out source);
        }
        finally
        {
            _tree.ExitWriteLock();
        }
    }

    private int MakeCopy(ObjectCopier copier, SafeFileHandle source, in FileStat disk, UpperBranch upper, string aside, bool withContent, out FileStat copy)
    {
        if (disk.IsRegular)
        {
            copier.CopyFile(source, default, disk, upper.Staging, aside, withContent, CancellationToken.None, out copy).Dispose();
            return 0;
        }

        copier.Copy(source, default, disk, upper.Staging, aside, withContent, CancellationToken.None);
        return _calls.TryStat(upper.Staging, aside, out copy);
    }

    private int EndCopyUp(Inode inode, UpperBranch upper, string aside, in FileStat disk, in FileStat copy, bool isForLink)
    {
        _tree.EnterWriteLock();
        try
        {
            if (UpperOf(upper.Branch) is null)
            {
                // Another branch came on top in the meantime.
                return Errno.EAGAIN;
            }

            var errno = inode.Name is { } place
                ? PlaceCopy(inode, place, upper, aside, disk, isForLink)
                : HoldCopy(inode, upper, aside);
            if (errno != 0)
            {
                return errno;
            }

            NoteCopy(inode, upper, disk, copy);
            return inode.Opens == 0 ? 0 : ReopenData(inode);
        }
        finally
        {
            _tree.ExitWriteLock();
        }
    }

    /// <summary>From here on the inode is its copy.</summary>
    private void NoteCopy(Inode inode, UpperBranch upper, in FileStat disk, in FileStat copy)
    {
        inode.Branch = upper.Branch;
        if (disk.LinkCount > 1 && !_options.KeepsLinks)
        {
            LeaveOtherNames(inode, disk);
        }

        _table.Equate(copy, inode);
        Touched?.Invoke(inode);
    }

    /// <summary>From here on the other names are those of another file, which stays what it was.</summary>
    private void LeaveOtherNames(Inode inode, in FileStat lower)
    {
        _table.Part(lower);
        lock (_names)
        {
            inode.OtherNames?.ForEach(name => name.Directory.RemoveChild(name.Name));
            inode.OtherNames = null;
        }
    }

    private int PlaceCopy(Inode inode, InodeName place, UpperBranch upper, string aside, in FileStat disk, bool isForLink)
    {
        if (isForLink)
        {
            // AUFS leaves the directory of the old name alone, too.
            var hidden = HideLink(inode, upper, aside, disk);
            place.IsShown = false;
            return hidden != 0 ? hidden : _calls.TryUnlink(upper.Staging, aside, isDirectory: false);
        }

        var errno = EnsureUpper(place.Directory, upper, out var into);
        var times = default(FileStat);
        errno = errno != 0 ? errno : _calls.TryStat(into.Handle, default, out times);
        if (errno != 0)
        {
            return errno;
        }

        if (disk.LinkCount > 1 && _options.KeepsLinks)
        {
            errno = HideLink(inode, upper, aside, disk);
            if (errno != 0)
            {
                return errno;
            }
        }

        errno = _calls.TryRename(upper.Staging, aside, into.Handle, place.Name, RenameFlags.None);
        if (errno != 0)
        {
            return errno;
        }

        inode.Held?.Dispose();
        inode.Held = null;
        return NotePlaced(place, into, times);
    }

    private int NotePlaced(InodeName place, in BranchDirectory into, in FileStat before)
    {
        place.IsShown = true;

        // To those who look at the directory nothing happened. AUFS lets it show.
        Touched?.Invoke(place.Directory);
        return IsAufs ? 0 : _calls.TrySetTimes(into.Handle, default, before.AccessTime, before.ModifiedTime);
    }

    /// <summary>A copy of what has lost its last name has none either.</summary>
    private int HoldCopy(Inode inode, UpperBranch upper, string aside)
    {
        var errno = _calls.TryOpen(upper.Staging, aside, OpenFlags.PathOnly | OpenFlags.NoFollow, 0, Resolve.NoSymlinks, out var held);
        if (errno != 0)
        {
            return errno;
        }

        inode.Held?.Dispose();
        inode.Held = held;
        return _calls.TryUnlink(upper.Staging, aside, isDirectory: false);
    }

    /// <summary>Keeps a name out of sight for what has names that do not lead to the writable branch.</summary>
    private int HideLink(Inode inode, UpperBranch upper, string aside, in FileStat disk)
    {
        var errno = LinksOf(upper, out var links);
        var copy = default(FileStat);
        errno = errno != 0 ? errno : _calls.TryStat(upper.Staging, aside, out copy);
        if (errno != 0)
        {
            return errno;
        }

        var number = string.Create(CultureInfo.InvariantCulture, $"{inode.Number}.{copy.Inode}");
        var name = Encoding.ASCII.GetBytes(IsAufs ? number : $"{BranchWriter.StagingPrefix}link-{number}");
        errno = _calls.TryLink(upper.Staging, aside, links!, name);
        if (errno == Errno.EEXIST)
        {
            // Left by an earlier union, which gave numbers of its own.
            errno = _calls.TryUnlink(links!, name, isDirectory: false);
            errno = errno != 0 ? errno : _calls.TryLink(upper.Staging, aside, links!, name);
        }

        if (errno == 0)
        {
            inode.Link = new HiddenLink(links!, name);
            inode.Links ??= disk.LinkCount;
        }

        return errno;
    }

    private int LinksOf(UpperBranch upper, out SafeFileHandle? links)
    {
        links = upper.Links;
        if (links is not null)
        {
            return 0;
        }

        if (!IsAufs)
        {
            links = upper.Staging;
            return 0;
        }

        const OpenFlags Flags = OpenFlags.PathOnly | OpenFlags.Directory | OpenFlags.NoFollow;
        var errno = _calls.TryOpen(upper.Branch.Root, AufsDialect.LinksName, Flags, 0, Resolve.NoSymlinks, out var opened);
        if (errno == Errno.ENOENT)
        {
            errno = AufsDialect.Prepare(_calls, upper.Branch.Root);
            errno = errno != 0 ? errno : _calls.TryOpen(upper.Branch.Root, AufsDialect.LinksName, Flags, 0, Resolve.NoSymlinks, out opened);
        }

        links = upper.Links = errno == 0 ? opened : null;
        return errno;
    }

    /// <summary>Makes sure that a directory is in the branch where its changes go, its parents first, under the exclusive lock.</summary>
    private int EnsureUpper(DirectoryInode directory, out BranchDirectory upper)
    {
        upper = default;
        var errno = TargetOf(directory, out var target);
        return errno != 0 ? errno : EnsureUpper(directory, target, out upper);
    }

    /// <summary>Makes sure that a writable branch has a directory.</summary>
    private int EnsureUpper(DirectoryInode directory, UpperBranch target, out BranchDirectory upper)
    {
        upper = default;
        var errno = directory.IsRemoved ? Errno.ENOENT : PartsOf(directory, out _);
        if (errno != 0)
        {
            return errno;
        }

        var parts = directory.Parts!;
        var present = PartOf(parts, target.Branch);
        if (present >= 0)
        {
            upper = parts[present];
            return 0;
        }

        if (directory.Name is not { } place)
        {
            return Errno.EROFS;
        }

        errno = EnsureUpper(place.Directory, target, out var above);
        errno = errno != 0 ? errno : _calls.TryStat(parts[0].Handle, default, out var disk) is var failure and not 0 ? failure
            : CopyDirectoryUp(directory, place, above, target, parts[0].Handle, disk);
        upper = errno == 0 ? parts[PartOf(parts, target.Branch)] : default;
        return errno;
    }

    private int CopyDirectoryUp(DirectoryInode directory, InodeName place, in BranchDirectory above, UpperBranch target, SafeFileHandle lower, FileStat disk)
    {
        var errno = _calls.TryStat(above.Handle, default, out var times);
        if (errno != 0)
        {
            return errno;
        }

        try
        {
            errno = target.Writer.Place(above.Handle, place.Name, (into, name) =>
            {
                CopierFrom(directory.Branch, target).Copy(lower, default, disk, into, name, withContent: false, CancellationToken.None);
                return 0;
            });
        }
        catch (LinuxException e)
        {
            errno = e.Errno;
        }

        errno = errno != 0 || IsAufs ? errno : _calls.TrySetTimes(above.Handle, default, times.AccessTime, times.ModifiedTime);
        errno = errno != 0 ? errno : _stack.OpenPart(above, place.Name, disk, out var opened) is var failure and not 0 ? failure : Adopt(opened);
        return errno;

        int Adopt(in BranchDirectory part)
        {
            // What lies below is merged into it as before, whatever the copy's own marks would say.
            var (parts, branchPlace) = (directory.Parts!, PlaceOf(part.Branch));
            var before = parts.FindIndex(each => PlaceOf(each.Branch) > branchPlace);
            parts.Insert(before < 0 ? parts.Count : before, part with { Marks = DirectoryMarks.None });
            directory.Branch = parts[0].Branch;
            _openParts++;
            Touched?.Invoke(directory);
            Touched?.Invoke(place.Directory);
            var outcome = _calls.TryStat(part.Handle, default, out var copy);
            _table.Equate(copy, directory);
            return outcome;
        }
    }
}

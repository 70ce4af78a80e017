using ContainerKit.Linux;
using ContainerKit.Storage.Union.CopyUp;

namespace ContainerKit.Storage.Union.Core;

// The short way up, for what nearly every file is: it has one name, and was not open when it lost it. Nothing is allocated on it.
internal sealed partial class UnionCore
{
    /// <summary>Copies a file up without ever giving the copy another name than its own.</summary>
    /// <returns>False when it has to go the long way, which then also finds the reason of a failure.</returns>
    private bool TryCopyFileUp(Inode inode, long length, out int errno)
    {
        errno = 0;
        if (!TryOpenLower(inode, out var upper, out var source, out var disk, out var hasAttributes))
        {
            return false;
        }

        var copy = default(ScopedFile);
        try
        {
            var wanted = disk with { Size = Math.Min(disk.Size, length) };
            return CopierFrom(inode.Branch, upper!).TryCopyNameless(source, wanted, hasAttributes, upper!.Staging, length > 0, out copy, out var made)
                && TryEndFileCopyUp(inode, upper, ref copy, disk, made, out errno);
        }
        catch (LinuxException e)
        {
            errno = e.Errno;
            return true;
        }
        finally
        {
            copy.Dispose();
            source.Dispose();
        }
    }

    private bool TryOpenLower(Inode inode, out UpperBranch? upper, out ScopedFile source, out FileStat disk, out bool hasAttributes)
    {
        (upper, disk, hasAttributes) = (Upper, default, false);
        source = default;
        if (inode.Kind != FileKind.File || upper is null)
        {
            return false;
        }

        _tree.EnterWriteLock();
        try
        {
            if (inode.Name is not { } named
                || TargetOf(named.Directory, out upper) != 0
                || !CopierFrom(inode.Branch, upper).CanBeNameless
                || Locate(inode, out var handle, out var name) != 0
                || name.IsEmpty
                || ObjectCopier.TryOpenSource(handle, name, out source, out hasAttributes) != 0)
            {
                return false;
            }

            var isOrdinary = false;
            try
            {
                isOrdinary = source.TryStat(out disk) == 0 && disk is { IsRegular: true, IsImmutable: false } && (disk.LinkCount == 1 || !_options.KeepsLinks);
                if (isOrdinary && hasAttributes && !IsAufs)
                {
                    _dialect.RefuseForeign(_calls, handle, name, "a file");
                }
            }
            catch
            {
                isOrdinary = false;
                throw;
            }
            finally
            {
                if (!isOrdinary)
                {
                    source.Dispose();
                }
            }

            return isOrdinary;
        }
        finally
        {
            _tree.ExitWriteLock();
        }
    }

    private bool TryEndFileCopyUp(Inode inode, UpperBranch upper, ref ScopedFile copy, in FileStat disk, in FileStat made, out int errno)
    {
        _tree.EnterWriteLock();
        try
        {
            if (UpperOf(upper.Branch) is null)
            {
                // Another branch came on top in the meantime.
                errno = Errno.EAGAIN;
                return true;
            }

            errno = 0;
            if (inode.Name is not { } place)
            {
                // Its last name went in the meantime, so it needs none.
                inode.Held = copy.Keep();
            }
            else if (!TryLinkCopy(place, upper, copy, out errno))
            {
                return false;
            }

            if (errno == 0)
            {
                NoteCopy(inode, upper, disk, made);
                errno = inode.Opens == 0 ? 0 : ReopenData(inode);
            }

            return true;
        }
        finally
        {
            _tree.ExitWriteLock();
        }
    }

    private bool TryLinkCopy(InodeName place, UpperBranch upper, in ScopedFile copy, out int errno)
    {
        errno = EnsureUpper(place.Directory, upper, out var into);
        var times = default(FileStat);
        errno = errno != 0 ? errno : _calls.TryStat(into.Handle, default, out times);
        if (errno != 0)
        {
            return true;
        }

        // Something has the name, or the file system links nothing nameless: a name aside, renamed into place, will do.
        if (copy.TryLink(into.Handle, place.Name) != 0)
        {
            return false;
        }

        errno = NotePlaced(place, into, times);
        return true;
    }
}

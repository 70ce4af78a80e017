using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>
/// Changes directories of the writable branch so that whoever looks after a crash sees the old state or the new one: made aside,
/// renamed into place, with the whiteouts that the dialect wants.
/// </summary>
/// <param name="calls">Who makes the calls.</param>
/// <param name="dialect">How whiteouts are written.</param>
/// <param name="staging">
/// Where objects are made aside: a directory of the branch's file system. Without one they are made in place, which is right only
/// where nobody will see the tree unless all went well.
/// </param>
/// <param name="removesBeside">
/// Whether a directory that goes is emptied under a hidden name beside its old one, as AUFS does, and stays there when it holds what is no whiteout.
/// </param>
[SupportedOSPlatform("linux")]
internal sealed class BranchWriter(FileCalls calls, IWhiteoutDialect dialect, SafeFileHandle? staging, bool removesBeside = false)
{
    /// <summary>How the names begin of what is made aside.</summary>
    public const string StagingPrefix = "ck-";

    private const int AnyMode = 0x1C0;
    private int _staged;

    /// <summary>Makes an object under a name; answers 0 or an <see cref="Errno"/>.</summary>
    public delegate int Maker(SafeFileHandle directory, FileName name);

    /// <summary>Puts a new object where nothing is, or a whiteout.</summary>
    /// <param name="directory">The directory of the writable branch.</param>
    /// <param name="name">Its name.</param>
    /// <param name="isWhitedOut">Whether the branch has a whiteout for it.</param>
    /// <param name="isDirectory">Whether it is a directory, which then has to hide what lies below.</param>
    /// <param name="make">Makes and describes it.</param>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public int Create(in BranchDirectory directory, FileName name, bool isWhitedOut, bool isDirectory, Maker make)
    {
        // A new object shows no half of anything, so its own name will do. A set-group-ID directory hands its group on.
        if (!isWhitedOut)
        {
            return make(directory.Handle, name);
        }

        if (!dialect.IsWhiteoutTheName && !isDirectory)
        {
            var made = make(directory.Handle, name);
            return made != 0 ? made : dialect.RemoveWhiteout(calls, directory.Handle, name);
        }

        var branch = directory.Branch;
        int MakeHiding(SafeFileHandle into, FileName as_)
        {
            var errno = make(into, as_);
            return errno != 0 || !isDirectory ? errno : dialect.MakeOpaque(calls, branch, into, as_);
        }

        if (staging is null)
        {
            var errno = dialect.IsWhiteoutTheName ? dialect.RemoveWhiteout(calls, directory.Handle, name) : 0;
            errno = errno != 0 ? errno : MakeHiding(directory.Handle, name);
            return errno != 0 ? errno : dialect.RemoveWhiteout(calls, directory.Handle, name);
        }

        var aside = StagingName();
        try
        {
            var errno = MakeHiding(staging, aside);
            if (errno == 0)
            {
                // Where the whiteout is the name it goes in the same moment: never does what lies below show through.
                var flags = isDirectory && dialect.IsWhiteoutTheName ? RenameFlags.Exchange : RenameFlags.None;
                errno = RenameIntoPlace(aside, directory.Handle, name, flags);
            }

            return errno != 0 || dialect.IsWhiteoutTheName ? errno : dialect.RemoveWhiteout(calls, directory.Handle, name);
        }
        finally
        {
            TreeRemover.Remove(calls, staging, aside);
        }
    }

    /// <summary>Makes an object aside and renames it to where nothing is, or another non-directory.</summary>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public int Place(SafeFileHandle directory, FileName name, Maker make)
    {
        if (staging is null)
        {
            return make(directory, name);
        }

        var aside = StagingName();
        var isPlaced = false;
        try
        {
            var errno = make(staging, aside);
            errno = errno != 0 ? errno : RenameIntoPlace(aside, directory, name, RenameFlags.None);
            isPlaced = errno == 0;
            return errno;
        }
        finally
        {
            if (!isPlaced)
            {
                TreeRemover.Remove(calls, staging, aside);
            }
        }
    }

    /// <summary>Takes away what the writable branch has under a name, and hides what lies below it.</summary>
    /// <param name="directory">The directory of the writable branch.</param>
    /// <param name="name">The name.</param>
    /// <param name="hasBelow">Whether something lies below.</param>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public int Vacate(in BranchDirectory directory, FileName name, bool hasBelow)
    {
        var upper = directory.Handle;
        if (!dialect.IsWhiteoutTheName)
        {
            return VacateBeside(directory, name, hasBelow);
        }

        var errno = dialect.TryFind(calls, directory, name, out var there, out var sight);
        if (errno != 0 || sight == Sight.Whiteout)
        {
            return errno != 0 || hasBelow ? errno : calls.TryUnlink(upper, name, isDirectory: false);
        }

        if (sight == Sight.Absent || (!hasBelow && !there.IsDirectory) || staging is null)
        {
            errno = sight == Sight.Absent ? 0 : TryRemoveTree(upper, name, there);
            return errno != 0 || !hasBelow ? errno : dialect.MakeWhiteout(calls, directory.Branch, upper, name);
        }

        var aside = StagingName();
        try
        {
            if (!hasBelow)
            {
                return MoveAside(upper, name, aside, there);
            }

            errno = dialect.MakeWhiteout(calls, directory.Branch, staging, aside);
            return errno != 0 ? errno : RenameIntoPlace(aside, upper, name, there.IsDirectory ? RenameFlags.Exchange : RenameFlags.None);
        }
        finally
        {
            TreeRemover.Remove(calls, staging, aside);
        }
    }

    /// <summary>Renames within the writable branch to where nothing is, a whiteout, or another non-directory.</summary>
    /// <param name="from">The object's directory.</param>
    /// <param name="name">Its name.</param>
    /// <param name="to">The new directory.</param>
    /// <param name="newName">The new name.</param>
    /// <param name="leavesWhiteout">Whether something lies below the old name.</param>
    /// <param name="isDirectory">Whether it is a directory.</param>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public int Rename(in BranchDirectory from, FileName name, in BranchDirectory to, FileName newName, bool leavesWhiteout, bool isDirectory)
    {
        var isThere = calls.TryStat(to.Handle, newName, out var there) == 0;
        if (isThere && (isDirectory || there.IsDirectory))
        {
            // rename(2) replaces a directory only by a directory and only an empty one, and ours may hold whiteouts.
            var outcome = calls.TryRename(from.Handle, name, to.Handle, newName, RenameFlags.Exchange);
            return outcome != 0 ? outcome : Vacate(from, name, leavesWhiteout);
        }

        var errno = leavesWhiteout && dialect.MayRenameLeaveWhiteout
            ? calls.TryRename(from.Handle, name, to.Handle, newName, RenameFlags.Whiteout)
            : Errno.EINVAL;
        if (errno is Errno.EINVAL or Errno.EPERM)
        {
            // In two steps, of which the first is the new name: after a crash between them the file has both, and never none.
            errno = calls.TryRename(from.Handle, name, to.Handle, newName, RenameFlags.None);
            errno = errno != 0 || !leavesWhiteout ? errno : dialect.MakeWhiteout(calls, from.Branch, from.Handle, name);
        }

        return errno != 0 || dialect.IsWhiteoutTheName ? errno : dialect.RemoveWhiteout(calls, to.Handle, newName);
    }

    private int VacateBeside(in BranchDirectory directory, FileName name, bool hasBelow)
    {
        var upper = directory.Handle;
        var errno = calls.TryStat(upper, name, out var there);
        if (errno is not (0 or Errno.ENOENT))
        {
            return errno;
        }

        // The whiteout first: after a crash between the two the name is in doubt, but what lies below never shows through.
        var isThere = errno == 0;
        errno = hasBelow ? dialect.MakeWhiteout(calls, directory.Branch, upper, name) : 0;
        if (errno != 0 || !isThere)
        {
            return errno;
        }

        if (!there.IsDirectory || staging is null)
        {
            errno = TryRemoveTree(upper, name, there);
        }
        else if (removesBeside)
        {
            errno = RemoveBeside(upper, name);
        }
        else
        {
            var aside = StagingName();
            errno = MoveAside(upper, name, aside, there);
            if (errno == 0)
            {
                TreeRemover.Remove(calls, staging, aside);
            }
        }

        if (errno != 0 && hasBelow)
        {
            _ = dialect.RemoveWhiteout(calls, upper, name);
        }

        return errno;
    }

    private int RemoveBeside(SafeFileHandle upper, FileName name)
    {
        var aside = AufsDialect.NameForRemoval(name, Interlocked.Increment(ref _staged));
        var errno = calls.TryRename(upper, name, upper, aside, RenameFlags.NoReplace);
        errno = errno != 0 ? errno : calls.TryOpen(upper, aside, OpenFlags.Directory | OpenFlags.NoFollow, 0, Resolve.NoSymlinks, out var directory) is var failure and not 0
            ? failure
            : Empty(directory);

        // The name is gone. What AUFS had left in the directory before is left again.
        return errno is Errno.ENOTEMPTY or Errno.EEXIST ? 0 : errno;

        int Empty(SafeFileHandle handle)
        {
            using (handle)
            {
                foreach (var entry in DirectoryEntries.NamesOf(handle))
                {
                    if (AufsDialect.IsMark(entry))
                    {
                        _ = calls.TryUnlink(handle, entry, isDirectory: false);
                    }
                }
            }

            return calls.TryUnlink(upper, aside, isDirectory: true);
        }
    }

    private int TryRemoveTree(SafeFileHandle directory, FileName name, in FileStat there)
    {
        if (!there.IsDirectory)
        {
            return calls.TryUnlink(directory, name, isDirectory: false);
        }

        TreeRemover.Remove(calls, directory, name.ToString());
        return 0;
    }

    private int RenameIntoPlace(FileName aside, SafeFileHandle directory, FileName name, RenameFlags flags)
    {
        var errno = calls.TryRename(staging!, aside, directory, name, flags);
        if (errno == Errno.EACCES && calls.TryStat(staging!, aside, out var disk) == 0 && disk.IsDirectory)
        {
            // A directory that changes its parent is written to, for its "..".
            errno = calls.TrySetMode(staging!, aside, disk.Permissions | AnyMode);
            errno = errno != 0 ? errno : calls.TryRename(staging!, aside, directory, name, flags);
            errno = errno != 0 ? errno : calls.TrySetMode(directory, name, disk.Permissions);
        }

        return errno;
    }

    private int MoveAside(SafeFileHandle upper, FileName name, FileName aside, in FileStat there)
    {
        var errno = calls.TryRename(upper, name, staging!, aside, RenameFlags.None);
        if (errno == Errno.EACCES)
        {
            errno = calls.TrySetMode(upper, name, there.Permissions | AnyMode);
            errno = errno != 0 ? errno : calls.TryRename(upper, name, staging!, aside, RenameFlags.None);
        }

        return errno;
    }

    /// <summary>A name in the staging directory that nobody has: one union writes there at a time, and the next sweeps what is left.</summary>
    public string StagingName() => $"{StagingPrefix}{Interlocked.Increment(ref _staged)}";
}

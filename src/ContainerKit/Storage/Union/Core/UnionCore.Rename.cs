using ContainerKit.Linux;

namespace ContainerKit.Storage.Union.Core;

// Renaming. A directory moves only when nothing of it lies below: mv(1) copies then, as it does between file systems.
internal sealed partial class UnionCore
{
    /// <summary>Renames, over what is at the new name if it may.</summary>
    public int Rename(DirectoryInode from, ReadOnlySpan<byte> name, DirectoryInode to, ReadOnlySpan<byte> newName, RenameFlags flags)
    {
        if ((flags & RenameFlags.Whiteout) != 0)
        {
            // A whiteout that is to be seen cannot be told from one that hides.
            return Errno.EINVAL;
        }

        while (true)
        {
            Inode? toCopy;
            _tree.EnterWriteLock();
            try
            {
                var errno = RenameUnlessLower(from, name, to, newName, flags, out toCopy);
                if (toCopy is null)
                {
                    return errno;
                }

                toCopy.AddLookups(1);
            }
            finally
            {
                _tree.ExitWriteLock();
            }

            // Outside of the lock, for it may take long; what was found then is looked for again.
            var outcome = CopyUp(toCopy);
            Forget(toCopy, 1);
            if (outcome != 0)
            {
                return outcome;
            }
        }
    }

    private int RenameUnlessLower(
        DirectoryInode from, ReadOnlySpan<byte> name, DirectoryInode to, ReadOnlySpan<byte> newName, RenameFlags flags, out Inode? toCopy)
    {
        toCopy = null;
        var errno = TryFind(from, name, out var source, out var sourceStat);
        if (errno != 0)
        {
            return errno;
        }

        errno = TryFind(to, newName, out var target, out var targetStat);
        errno = errno == Errno.ENOENT && !to.IsRemoved ? 0 : errno;
        errno = errno != 0 ? errno : MayRename(source!, to, target, targetStat, flags);
        if (errno != 0 || ReferenceEquals(source, target))
        {
            return errno;
        }

        var isExchange = (flags & RenameFlags.Exchange) != 0;
        if (isExchange && _options.FollowsAufs && (IsLowerFileFor(source!, target!) || IsLowerFileFor(target!, source!)))
        {
            return Errno.ENOTDIR;
        }

        toCopy = source is not DirectoryInode && !source!.Branch.IsWritable ? source
            : isExchange && target is not DirectoryInode && !target!.Branch.IsWritable ? target
            : null;
        if (toCopy is not null)
        {
            return 0;
        }

        var change = new Renaming(from, name.ToArray(), source!, to, newName.ToArray(), target);
        errno = isExchange ? ExchangeNames(change) : MoveName(change, targetStat);
        if (target is not null)
        {
            DropIfUnused(target);
        }

        DropIfUnused(source!);
        return errno;
    }

    // AUFS copies such a file up as if it were a directory too.
    private static bool IsLowerFileFor(Inode file, Inode directory) =>
        file is not DirectoryInode && directory is DirectoryInode && !file.Branch.IsWritable;

    private int MayRename(Inode source, DirectoryInode to, Inode? target, in FileStat targetStat, RenameFlags flags)
    {
        if (Upper is null)
        {
            return Errno.EROFS;
        }

        for (var above = to; source is DirectoryInode && above is not null; above = above.Name?.Directory)
        {
            if (ReferenceEquals(above, source))
            {
                return Errno.EINVAL;
            }
        }

        if (target is null)
        {
            return (flags & RenameFlags.Exchange) != 0 ? Errno.ENOENT : 0;
        }

        return (flags, source, target) switch
        {
            (RenameFlags.NoReplace, _, _) => Errno.EEXIST,
            (RenameFlags.Exchange, _, _) => 0,
            (_, DirectoryInode, DirectoryInode directory) => ReferenceEquals(source, target) ? 0 : RequireEmpty(directory),
            (_, DirectoryInode, _) => Errno.ENOTDIR,
            (_, _, DirectoryInode) => Errno.EISDIR,
            _ => targetStat.IsImmutable ? Errno.EPERM : 0,
        };
    }

    private int MoveName(Renaming change, in FileStat targetStat)
    {
        var errno = PrepareMove(change.Source, change.From, change.Name, out var outOf);
        if (errno != 0)
        {
            return errno;
        }

        var branch = UpperOf(outOf.Branch)!;
        errno = EnsureUpper(change.To, branch, out var into);
        var (above, below, leaves) = (default(Finding), default(Finding), default(Finding));
        errno = errno != 0 ? errno : _stack.Find(change.To.Parts!, change.NewName, 0, out above);
        errno = errno != 0 ? errno : _stack.Find(change.To.Parts!, change.NewName, PartOf(change.To.Parts!, branch.Branch) + 1, out below);
        errno = errno != 0 ? errno : _stack.Find(change.From.Parts!, change.Name, PartOf(change.From.Parts!, branch.Branch) + 1, out leaves);
        errno = errno != 0 ? errno : IsAbove(above, change.To, branch) ? Errno.EXDEV : 0;
        if (errno != 0)
        {
            return errno;
        }

        if (change.Source is DirectoryInode)
        {
            // Only the writable branch's own whiteout counts: one further down goes on hiding what is below it.
            errno = _dialect.TryFind(_calls, into, change.NewName, out _, out var sight);
            errno = errno != 0 || (sight != Sight.Whiteout && !below.Exists)
                ? errno
                : _dialect.MakeOpaque(_calls, outOf.Branch, outOf.Handle, change.Name);
        }

        errno = errno != 0 || change.Target is null ? errno : Hold(change.Target);
        errno = errno != 0 ? errno : branch.Writer.Rename(outOf, change.Name, into, change.NewName, leaves.Exists, change.Source is DirectoryInode);
        if (errno != 0)
        {
            return errno;
        }

        if (change.Target is not null)
        {
            change.To.RemoveChild(change.NewName);
            LoseName(change.To, change.NewName, change.Target, targetStat);
        }

        change.From.RemoveChild(change.Name);
        GiveName(change.Source, change.From, change.Name, change.To, change.NewName);
        NoteGone(change.From);
        NoteNew(change.To, change.NewName);
        LiftTimes(change.From, outOf);
        LiftTimes(change.To, into);
        return 0;
    }

    /// <summary>Whether another writable branch, further up, has a name or hides it: then what moves would not be seen. mv(1) copies.</summary>
    private bool IsAbove(in Finding found, DirectoryInode directory, UpperBranch branch)
    {
        var holder = found.Exists ? directory.Parts![found.Part].Branch : found.Whiteout;
        return holder is not null && _uppers.Count > 1 && PlaceOf(holder) < PlaceOf(branch.Branch);
    }

    private int ExchangeNames(Renaming change)
    {
        var target = change.Target!;
        var errno = PrepareMove(change.Source, change.From, change.Name, out var outOf);
        var into = default(BranchDirectory);
        errno = errno != 0 ? errno : PrepareMove(target, change.To, change.NewName, out into);
        errno = errno != 0 || ReferenceEquals(into.Branch, outOf.Branch) ? errno : Errno.EXDEV;
        errno = errno != 0 ? errno : HideBelow(change.Source, outOf, change.Name, change.To, change.NewName);
        errno = errno != 0 ? errno : HideBelow(target, into, change.NewName, change.From, change.Name);
        errno = errno != 0 ? errno : _calls.TryRename(outOf.Handle, change.Name, into.Handle, change.NewName, RenameFlags.Exchange);
        if (errno != 0)
        {
            return errno;
        }

        change.From.RemoveChild(change.Name);
        change.To.RemoveChild(change.NewName);
        GiveName(change.Source, change.From, change.Name, change.To, change.NewName);
        GiveName(target, change.To, change.NewName, change.From, change.Name);
        NoteGone(change.From);
        NoteGone(change.To);
        return 0;
    }

    private int HideBelow(Inode inode, in BranchDirectory directory, byte[] name, DirectoryInode to, byte[] newName)
    {
        if (inode is not DirectoryInode)
        {
            return 0;
        }

        var errno = _stack.Find(to.Parts!, newName, PartOf(to.Parts!, directory.Branch) + 1, out var below);
        return errno != 0 || !below.Exists ? errno : _dialect.MakeOpaque(_calls, directory.Branch, directory.Handle, name);
    }

    /// <summary>Sees that all of an object is in the writable branch under its name.</summary>
    private int PrepareMove(Inode inode, DirectoryInode directory, byte[] name, out BranchDirectory upper)
    {
        upper = default;
        var errno = inode is DirectoryInode moved ? RequireNothingBelow(moved) : 0;
        errno = errno != 0 ? errno : inode is DirectoryInode copied ? EnsureUpper(copied, out _) : 0;
        errno = errno != 0 ? errno : EnsureUpper(directory, UpperOf(inode.Branch)!, out upper);
        return errno != 0 || inode.Link is null ? errno : ShowLink(inode, inode.Name!.Is(directory, name) ? inode.Name : new InodeName(directory, name));
    }

    /// <summary>EXDEV when a directory shows anything of the branches below.</summary>
    private int RequireNothingBelow(DirectoryInode directory)
    {
        var errno = PartsOf(directory, out var parts);
        if (errno != 0 || (parts.Count == 1 && parts[0].Branch.IsWritable))
        {
            return errno;
        }

        // Overlayfs, without redirects, moves no directory that merges anything, empty or not.
        return !IsAufs || parts.Count > 1 || !parts[0].Branch.IsWritable
            ? IsAufs && IsShownByUpperAlone(parts) ? 0 : Errno.EXDEV
            : 0;
    }

    private bool IsShownByUpperAlone(List<BranchDirectory> parts)
    {
        foreach (var name in _stack.ReadNames(parts))
        {
            if (name.Part != 0 || !parts[0].Branch.IsWritable)
            {
                return false;
            }

            // A directory below may be merged in its turn.
            if (name.Kind is null or FileKind.Directory && _stack.Find(parts, name.Name, 1, out var below) == 0 && below.Exists)
            {
                return false;
            }
        }

        return true;
    }

    private void GiveName(Inode inode, DirectoryInode from, byte[] name, DirectoryInode to, byte[] newName)
    {
        var given = new InodeName(to, newName) { IsShown = true };
        lock (_names)
        {
            inode.RemoveName(from, name);
            inode.AddName(given);
        }

        to.AddChild(newName, inode);
        if (inode is DirectoryInode { Parts: { Count: > 1 } parts })
        {
            // What lay below lay below the old name.
            _openParts -= parts.Count - 1;
            parts[1..].ForEach(part => part.Handle.Dispose());
            parts.RemoveRange(1, parts.Count - 1);
        }
    }

    private sealed record Renaming(DirectoryInode From, byte[] Name, Inode Source, DirectoryInode To, byte[] NewName, Inode? Target);
}

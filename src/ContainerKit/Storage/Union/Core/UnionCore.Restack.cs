using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union.Core;

// Other branches for a union that is in use, as AUFS's remount gives it: added, taken away, made writable or read-only.
internal sealed partial class UnionCore
{
    private readonly List<UnionBranch> _former = [];

    /// <summary>The branches, the topmost first.</summary>
    public IReadOnlyList<UnionBranch> Branches => [.. Root.Parts!.Select(part => part.Branch)];

    /// <summary>
    /// Stacks the union anew. Objects that are still seen stay what they are, open files too; a name that shows another object now is looked up again, and
    /// whatever has no name any more answers ESTALE. The kernel has to be told by the caller.
    /// </summary>
    /// <param name="stack">The branches, the topmost first; those that the union did not have are taken over.</param>
    /// <param name="openStaging">Opens the directory where objects of a branch are made that becomes writable.</param>
    /// <param name="options">What else is chosen from now on.</param>
    /// <returns>0, or EBUSY when a file of a branch that would go is open, or no branch would be left: then nothing has changed.</returns>
    /// <exception cref="LinuxException">A branch cannot be made writable; nothing has changed.</exception>
    public int Restack(IReadOnlyList<(UnionBranch Branch, BranchOptions Options)> stack, Func<UnionBranch, SafeFileHandle> openStaging, UnionCoreOptions options)
    {
        _tree.EnterWriteLock();
        try
        {
            var gone = Branches.Except(stack.Select(each => each.Branch)).ToList();
            if (stack.Count == 0 || _table.All().Exists(inode => inode.Opens > 0 && gone.Contains(inode.Branch)))
            {
                return Errno.EBUSY;
            }

            ReplaceUppers(stack, openStaging);
            _options = options;
            _former.AddRange(gone);
            Root.Parts = [.. stack.Select(each => new BranchDirectory(each.Branch, each.Branch.Root, _dialect.ReadMarks(_calls, each.Branch, each.Branch.Root)))];
            Root.Branch = stack[0].Branch;
            _table.Equate(_calls.Stat(Root.Branch.Root), Root);
            LookAgain();
            return 0;
        }
        finally
        {
            _tree.ExitWriteLock();
        }
    }

    private void ReplaceUppers(IReadOnlyList<(UnionBranch Branch, BranchOptions Options)> stack, Func<UnionBranch, SafeFileHandle> openStaging)
    {
        var before = stack.Select(each => each.Branch.Options).ToList();
        var opened = new List<UpperBranch>();
        try
        {
            foreach (var (branch, options) in stack)
            {
                branch.Options = options;
            }

            var uppers = stack[0].Branch.IsWritable ? stack.Select(each => each.Branch).Where(branch => branch.IsWritable) : [];
            var next = uppers.Select(branch => UpperOf(branch) ?? OpenNew(branch)).ToList();
            var retired = _uppers.Except(next).ToList();
            _retired.AddRange(retired);
            _uppers.Clear();
            _uppers.AddRange(next);
            retired.ForEach(Retire);
        }
        catch
        {
            opened.ForEach(upper => upper.Dispose());
            for (var i = 0; i < stack.Count; i++)
            {
                stack[i].Branch.Options = before[i];
            }

            throw;
        }

        UpperBranch OpenNew(UnionBranch branch)
        {
            opened.Add(OpenUpper(branch, openStaging(branch)));
            return opened[^1];
        }
    }

    // What is in use there stays until the union goes; AUFS takes its own files away from a branch that becomes read-only.
    private void Retire(UpperBranch upper)
    {
        foreach (var inode in _table.All().Where(inode => inode.Link is { } link && ReferenceEquals(link.Directory, upper.Links)))
        {
            (inode.Link, inode.Links) = (null, null);
        }

        if (IsAufs)
        {
            _ = _calls.TryUnlink(upper.Branch.Root, AufsDialect.BaseName, isDirectory: false);
            _ = _calls.TryUnlink(upper.Branch.Root, AufsDialect.LinksName, isDirectory: true);
            _ = _calls.TryUnlink(upper.Branch.Root, AufsDialect.OrphansName, isDirectory: true);
        }
    }

    private void LookAgain()
    {
        var known = _table.All();
        foreach (var directory in known.OfType<DirectoryInode>().Where(each => !ReferenceEquals(each, Root) && !each.IsRemoved))
        {
            CloseParts(directory);
        }

        foreach (var inode in known)
        {
            if (inode is DirectoryInode directory)
            {
                // Whoever reads a listing goes on with it.
                (directory.HasDefaultAcl, directory.PreviousListing, directory.Listing) = (null, directory.Listing ?? directory.PreviousListing, null);
            }

            foreach (var name in (IEnumerable<InodeName?>)[inode.Name, .. inode.OtherNames?.ToList() ?? []])
            {
                if (name is not null && inode.Link is null && !IsStillSeen(inode, name))
                {
                    inode.RemoveName(name.Directory, name.Name);
                    name.Directory.RemoveChild(name.Name);
                }
            }
        }

        // Each takes those above it along, which must not go twice.
        foreach (var inode in known.Where(inode => ReferenceEquals(_table[inode.Id], inode)))
        {
            DropIfUnused(inode);
        }
    }

    private bool IsStillSeen(Inode inode, InodeName name)
    {
        if (PartsOf(name.Directory, out var parts) != 0 || _stack.Find(parts, name.Name, 0, out var found) != 0 || !found.Exists)
        {
            return false;
        }

        if (inode is DirectoryInode)
        {
            if (!found.Disk.IsDirectory)
            {
                return false;
            }

            _table.Equate(found.Disk, inode);
        }
        else if (!_table.Is(inode, found.Disk))
        {
            return false;
        }

        inode.Branch = parts[found.Part].Branch;
        return true;
    }
}

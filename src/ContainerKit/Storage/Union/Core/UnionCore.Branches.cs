using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union.Core;

// A new branch on top of a union that is in use, as AUFS's "ins:0:" does it: what was writable stays as it is from now on.
internal sealed partial class UnionCore
{
    private readonly List<UpperBranch> _retired = [];

    /// <summary>
    /// Gives the names of a file to a new inode, because those who opened the old one go on seeing what it was. Both are one object to stat(2).
    /// </summary>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public int Detach(Inode inode)
    {
        _tree.EnterWriteLock();
        try
        {
            if (inode.Name is null)
            {
                return 0;
            }

            var errno = Locate(inode, out var handle, out var place);
            if (errno == 0 && inode.Held is null)
            {
                errno = _calls.TryOpen(handle, place, OpenFlags.PathOnly | OpenFlags.NoFollow, 0, Resolve.NoSymlinks, out var held);
                inode.Held = errno == 0 ? held : null;
            }

            if (errno != 0)
            {
                return errno;
            }

            var next = _table.Succeed(inode, inode.Branch);
            (next.Name, next.OtherNames, next.Link, next.Links) = (inode.Name, inode.OtherNames, inode.Link, inode.Links);
            (inode.Name, inode.OtherNames, inode.Link) = (null, null, null);
            foreach (var name in (IEnumerable<InodeName>)[next.Name, .. next.OtherNames ?? []])
            {
                name.Directory.AddChild(name.Name, next);
            }

            return 0;
        }
        finally
        {
            _tree.ExitWriteLock();
        }
    }

    /// <summary>
    /// Makes a directory the new writable branch, and the old one read-only. All inodes stay what they are, open files too: whoever
    /// writes next copies up. Nothing is copied now. Descriptors whose data the kernel passes through to a file of the old branch go on writing there, so
    /// there must be none.
    /// </summary>
    /// <param name="branch">The new branch, writable and, but for what <see cref="AufsDialect.Prepare"/> makes, empty. Taken over.</param>
    /// <param name="staging">Where objects are made before they are renamed into it. Taken over.</param>
    public void PushBranch(UnionBranch branch, SafeFileHandle staging)
    {
        _tree.EnterWriteLock();
        try
        {
            var old = Upper ?? throw new InvalidOperationException("A union without a writable branch cannot get another on top.");
            if (_uppers.Count > 1)
            {
                throw new InvalidOperationException("A union of several writable branches cannot get another on top.");
            }

            var below = _calls.Stat(Root.Parts![0].Handle);
            _copier.CopyMetadata(Root.Parts[0].Handle, default, below, branch.Root, default);

            // Its staging directory stays open: files that were made there and have no other name yet are reached through it.
            old.Branch.Options = (old.Branch.Options & ~BranchOptions.Writable) | BranchOptions.HonoursWhiteouts;
            _retired.Add(old);
            _uppers[0] = OpenUpper(branch, staging);
            Root.Parts.Insert(0, new BranchDirectory(branch, branch.Root, DirectoryMarks.None));
            Root.Branch = branch;
            _table.Equate(_calls.Stat(branch.Root), Root);
        }
        finally
        {
            _tree.ExitWriteLock();
        }
    }
}

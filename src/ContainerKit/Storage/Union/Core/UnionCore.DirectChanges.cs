using ContainerKit.Linux;

namespace ContainerKit.Storage.Union.Core;

// What AUFS looks at again, or sooner, than a union must whose branches nobody else changes.
internal sealed partial class UnionCore
{
    /// <summary>Whether the branches have something else under a known name now. Then the name is forgotten, to be looked up anew.</summary>
    private bool IsOutdated(DirectoryInode directory, ReadOnlySpan<byte> name, Inode inode)
    {
        // What is out of sight has its name in memory alone.
        if (_options.DirectChanges == DirectChanges.AreNotMade || inode.Link is not null || IsAsKnown(directory, name, inode))
        {
            return false;
        }

        lock (_names)
        {
            inode.RemoveName(directory, name);
        }

        directory.RemoveChild(name);
        return true;
    }

    private bool IsAsKnown(DirectoryInode directory, ReadOnlySpan<byte> name, Inode inode)
    {
        if (PartsOf(directory, out var parts) != 0)
        {
            return false;
        }

        if (_options.DirectChanges == DirectChanges.OfEverything)
        {
            return _stack.Find(parts, name, 0, out var found) == 0 && found.Exists && _table.Is(inode, found.Disk);
        }

        // AUFS does not ask again whether a whiteout has come to what it knows.
        foreach (var part in parts)
        {
            var errno = _calls.TryStat(part.Handle, name, out var disk);
            if (errno == 0 || ReferenceEquals(part.Branch, inode.Branch))
            {
                return errno == 0 && _table.Is(inode, disk);
            }
        }

        return false;
    }

    /// <summary>Whether what the directories under a name say of themselves can be read: AUFS wants to know that when it is looked up.</summary>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    private int CheckMarks(List<BranchDirectory> parts, ReadOnlySpan<byte> name, in Finding found)
    {
        var opened = new List<BranchDirectory>();
        try
        {
            return _stack.Open(parts, name, found, opened);
        }
        catch (LinuxException e)
        {
            return e.Errno;
        }
        finally
        {
            opened.ForEach(part => part.Handle.Dispose());
        }
    }
}

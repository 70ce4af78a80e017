using ContainerKit.Linux;

namespace ContainerKit.Storage.Union;

// Giving, changing and taking away names: where whiteouts are written.
internal sealed partial class UnionTree
{
    /// <summary>Makes <paramref name="path"/> another name of the object at <paramref name="existing"/> (a symlink itself, not what it leads to).</summary>
    public void Link(string existing, string path)
    {
        using var scope = Enter();
        var source = Resolve(existing, followLast: false);
        var node = ResolveForCreation(path, followLast: false);
        if (node.Exists || source.Disk.IsDirectory)
        {
            throw Error(node.Exists ? Errno.EEXIST : Errno.EPERM, $"link '{path}' to '{existing}'");
        }

        var upper = CopyUp(source);
        EnsureUpper(node.Directory);
        var errno = _writer.Create(
            node.Directory.Parts[0], node.Name, node.IsWhitedOutAbove, isDirectory: false, (into, name) => _calls.TryLink(upper.Handle, upper.Name, into, name));
        LinuxException.ThrowIf(errno, $"link '{path}' to '{existing}'");
    }

    /// <summary>Removes a file, or an empty directory.</summary>
    public void Remove(string path)
    {
        using var scope = Enter();
        var node = Resolve(path, followLast: false);
        if (node.Disk.IsDirectory && !node.IsRoot && ListOf(Descend(node), readsRecords: false).Count > 0)
        {
            throw Error(Errno.ENOTEMPTY, $"remove '{path}'");
        }

        RemoveNode(node);
    }

    /// <summary>Removes whatever is at <paramref name="path"/>, with all that is in it.</summary>
    public void RemoveTree(string path)
    {
        using var scope = Enter();
        RemoveNode(Resolve(path, followLast: false));
    }

    /// <summary>Renames, over what is at <paramref name="to"/> if it may; a directory that lies partly below is copied up whole first.</summary>
    /// <param name="from">The object; a symlink itself.</param>
    /// <param name="to">Its new path.</param>
    /// <param name="overwrite">False refuses (EEXIST) when there is something at the new path.</param>
    public void Rename(string from, string to, bool overwrite = true)
    {
        using var scope = Enter();
        var source = ResolveForCreation(from, followLast: false);
        var target = ResolveForCreation(to, followLast: false);
        if (!MayRename(source, target, overwrite))
        {
            return;
        }

        var isDirectory = source.Disk.IsDirectory;
        var (sourcePath, targetPath) = (source.Path, target.Path);
        var hidesBelow = isDirectory && (target.IsWhitedOutAbove || FindBelow(target.Directory, target.Name).Exists);
        if (isDirectory)
        {
            hidesBelow |= MakeWhole(source);
            source = UpperNode(source.Directory, source.Name);
        }

        var upper = CopyUp(source);
        EnsureUpper(target.Directory);
        if (hidesBelow)
        {
            LinuxException.ThrowIf(_dialect.MakeOpaque(_calls, upper.Directory.Parts[0].Branch, upper.Handle, upper.Name), $"hide what lies below '{to}'");
        }

        _cache.Forget(sourcePath);
        _cache.Forget(targetPath);
        var leavesWhiteout = FindBelow(upper.Directory, upper.Name).Exists;
        var errno = _writer.Rename(upper.Directory.Parts[0], upper.Name, target.Directory.Parts[0], target.Name, leavesWhiteout, isDirectory);
        LinuxException.ThrowIf(errno, $"rename '{from}' to '{to}'");
    }

    private bool MayRename(in UnionNode source, in UnionNode target, bool overwrite)
    {
        var (from, to) = (source.Path, target.Path);
        var attempt = $"rename '{from}' to '{to}'";
        if (source.IsRoot || target.IsRoot)
        {
            throw Error(Errno.EBUSY, attempt);
        }

        if (!source.Exists)
        {
            throw Error(Errno.ENOENT, attempt);
        }

        if (from.StartsWith(to + "/", StringComparison.Ordinal))
        {
            throw Error(overwrite ? Errno.ENOTEMPTY : Errno.EEXIST, attempt);
        }

        if (source.Disk.IsDirectory && to.StartsWith(from + "/", StringComparison.Ordinal))
        {
            throw Error(Errno.EINVAL, attempt);
        }

        if (!target.Exists)
        {
            return true;
        }

        if (!overwrite)
        {
            throw Error(Errno.EEXIST, attempt);
        }

        // Two names of one file: POSIX has it that nothing happens. Two names of a lower one are two files as soon as one is written.
        var areOneFile = source.IsUpper && target.IsUpper && (source.Disk.Device, source.Disk.Inode) == (target.Disk.Device, target.Disk.Inode);
        if (from == to || areOneFile)
        {
            return false;
        }

        return (source.Disk.IsDirectory, target.Disk.IsDirectory) switch
        {
            (true, false) => throw Error(Errno.ENOTDIR, attempt),
            (false, true) => throw Error(Errno.EISDIR, attempt),
            (true, true) when ListOf(Descend(target), readsRecords: false).Count > 0 => throw Error(Errno.ENOTEMPTY, attempt),
            _ => true,
        };
    }

    /// <summary>Sees to it that nothing of a directory is below; says whether anything was.</summary>
    private bool MakeWhole(in UnionNode node)
    {
        var directory = Descend(node);
        if (directory.Upper is not null && directory.Parts.Count == 1)
        {
            return false;
        }

        CopyUpTree(directory.Path);
        return true;
    }

    private void RemoveNode(in UnionNode node)
    {
        if (node.IsRoot)
        {
            throw Error(Errno.EBUSY, "remove the root");
        }

        _cache.Forget(node.Path);
        EnsureUpper(node.Directory);
        Vacate(node.Directory, node.Name);
    }

    /// <summary>Takes away what the writable branch has under a name, and hides what lies below it.</summary>
    private void Vacate(UnionDirectory directory, string name) =>
        LinuxException.ThrowIf(_writer.Vacate(directory.Parts[0], name, FindBelow(directory, name).Exists), $"remove '{name}'");
}

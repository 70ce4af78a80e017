using ContainerKit.Linux;
using ContainerKit.Storage.Union.CopyUp;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

// Copy-up: how an object gets into the writable branch. Made aside and renamed into place, or without a name and linked, so that whoever looks after
// a crash sees the lower one or a whole copy.
internal sealed partial class UnionTree
{
    /// <summary>Makes sure that the writable branch has a directory, its parents first.</summary>
    private SafeFileHandle EnsureUpper(UnionDirectory directory) => directory.Upper ?? CopyDirectoryUp(directory);

    private SafeFileHandle CopyDirectoryUp(UnionDirectory directory)
    {
        _ = WritableRoot();
        var parent = DirectoryAt(ParentOf(directory.Path));
        var upperParent = EnsureUpper(parent);
        var name = directory.Path[(directory.Path.LastIndexOf('/') + 1)..];
        var times = _calls.Stat(upperParent);
        var disk = _calls.Stat(directory.Top);
        var top = directory.Top;
        Place(upperParent, name, (into, as_) => _copier.Copy(top, default, disk, into, as_, withContent: false, CancellationToken.None));
        _calls.SetTimes(upperParent, default, times.AccessTime, times.ModifiedTime);

        var handle = OpenPart(upperParent, name, disk);
        directory.Parts.Insert(0, new(parent.Parts[0].Branch, handle, DirectoryMarks.None));
        _cache.Grew();
        return handle;
    }

    /// <summary>Makes sure that the writable branch has an object, and gives the node that it is there.</summary>
    private UnionNode CopyUp(in UnionNode node, bool withContent = true)
    {
        if (node.IsUpper)
        {
            return node;
        }

        if (node.Disk.IsDirectory)
        {
            EnsureUpper(Descend(node));
            return UpperNode(node.Directory, node.Name);
        }

        if (node.Disk.IsRegular)
        {
            if (TryCopyFileUp(node, withContent, isKept: false, out _))
            {
                return UpperNode(node.Directory, node.Name);
            }

            _dialect.RefuseForeign(_calls, node.Handle, node.Name, node.Path);
        }

        return CopyUpAside(node, withContent);
    }

    private UnionNode CopyUpAside(in UnionNode node, bool withContent)
    {
        // Read before the directory gets its upper part, which moves the others.
        var (source, disk, name) = (node.Handle, node.Disk, node.Name);
        PlaceUnseen(node.Directory, name, (into, as_) => _copier.Copy(source, name, disk, into, as_, withContent, CancellationToken.None));
        return UpperNode(node.Directory, name);
    }

    /// <summary>Copies a lower file up, and opens the copy for reading and writing.</summary>
    private SafeFileHandle CopyUpOpen(in UnionNode node, bool withContent)
    {
        return TryCopyFileUp(node, withContent, isKept: true, out var kept) ? kept! : CopyUpOpenAside(node, withContent);
    }

    // A method of its own: what the function in it captures is made where the method begins.
    private SafeFileHandle CopyUpOpenAside(in UnionNode node, bool withContent)
    {
        _dialect.RefuseForeign(_calls, node.Handle, node.Name, node.Path);
        var (source, disk, name) = (node.Handle, node.Disk, node.Name);
        SafeFileHandle? copy = null;
        try
        {
            PlaceUnseen(node.Directory, name, (into, as_) => copy = _copier.CopyFile(source, name, disk, into, as_, withContent, CancellationToken.None, out _));
            return copy!;
        }
        catch
        {
            copy?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Copies a file up in the fewest calls, without ever giving the copy another name than its own.
    /// </summary>
    /// <returns>False when it has to be made aside, which then also finds the reason of a failure.</returns>
    private bool TryCopyFileUp(in UnionNode node, bool withContent, bool isKept, out SafeFileHandle? kept)
    {
        kept = null;
        if (_staging is null || !_copier.CanBeNameless || ObjectCopier.TryOpenSource(node.Handle, node.Name, out var source, out var hasAttributes) != 0)
        {
            return false;
        }

        var copy = default(ScopedFile);
        try
        {
            if (hasAttributes)
            {
                _dialect.RefuseForeign(_calls, node.Handle, node.Name, node.Path);
            }

            if (!_copier.TryCopyNameless(source, node.Disk, hasAttributes, _staging.Handle, withContent, out copy, out _))
            {
                return false;
            }

            var upper = EnsureUpper(node.Directory);
            var times = _calls.Stat(upper);
            if (copy.TryLink(upper, node.Name) != 0)
            {
                return false;
            }

            _calls.SetTimes(upper, default, times.AccessTime, times.ModifiedTime);
            kept = isKept ? copy.Keep() : null;
            return true;
        }
        finally
        {
            copy.Dispose();
            source.Dispose();
        }
    }

    // To those who look at the directory nothing happened.
    private void PlaceUnseen(UnionDirectory directory, string name, Action<SafeFileHandle, string> make)
    {
        var upper = EnsureUpper(directory);
        var times = _calls.Stat(upper);
        Place(upper, name, make);
        _calls.SetTimes(upper, default, times.AccessTime, times.ModifiedTime);
    }

    /// <summary>Copies up everything in a directory. Names of one lower file become names of one copy.</summary>
    private void CopyUpTree(string path, Dictionary<(ulong Device, ulong Inode), string>? linked = null)
    {
        linked ??= [];
        EnsureUpper(DirectoryAt(path));
        foreach (var child in ListOf(DirectoryAt(path), readsRecords: false))
        {
            var directory = DirectoryAt(path);
            LinuxException.ThrowIf(Find(directory, child.Name, 0, out var node), $"find '{child.Name}'");
            if (node.Disk.IsDirectory)
            {
                CopyUpTree(node.Path, linked);
            }
            else if (!node.IsUpper)
            {
                CopyUpLinked(node, linked);
            }
        }
    }

    private void CopyUpLinked(in UnionNode node, Dictionary<(ulong Device, ulong Inode), string> linked)
    {
        var key = (node.Disk.Device, node.Disk.Inode);
        if (node.Disk.LinkCount > 1 && linked.TryGetValue(key, out var first))
        {
            var times = _calls.Stat(EnsureUpper(node.Directory));
            _calls.Link(EnsureUpper(DirectoryAt(ParentOf(first))), first[(first.LastIndexOf('/') + 1)..], EnsureUpper(node.Directory), node.Name);
            _calls.SetTimes(EnsureUpper(node.Directory), default, times.AccessTime, times.ModifiedTime);
            return;
        }

        linked[key] = CopyUp(node).Path;
    }

    private UnionNode UpperNode(UnionDirectory directory, string name)
    {
        LinuxException.ThrowIf(Find(directory, name, 0, out var node), $"find '{name}'");

        // In the root of a container that runs, its programs move things as they like.
        return node.IsUpper ? node : throw new LinuxException(Errno.ENOENT, $"find '{name}', which was there a moment ago");
    }

    private void Place(SafeFileHandle directory, string name, Action<SafeFileHandle, string> make) => LinuxException.ThrowIf(
        _writer.Place(directory, name, (into, as_) =>
        {
            make(into, as_.ToString());
            return 0;
        }),
        $"put '{name}' in place");
}

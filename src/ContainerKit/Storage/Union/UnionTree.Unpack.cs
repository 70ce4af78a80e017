using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

// What unpacking a layer needs: objects put in place of whatever is there, described exactly, without looking below where that
// changes nothing. Paths given here are free of symlinks but for the last name: ResolveForUnpacking makes them so.
internal sealed partial class UnionTree
{
    private const int AnyMode = 0x1C0;
    private const string AccessAcl = "system.posix_acl_access", DefaultAcl = "system.posix_acl_default";

    private readonly SortedSet<string> _recordedAttributes = new(StringComparer.Ordinal), _lostAttributes = new(StringComparer.Ordinal);

    /// <summary>Which attributes this user could not set while unpacking, and are in records now.</summary>
    public IReadOnlyCollection<string> RecordedAttributes => _recordedAttributes;

    /// <summary>Which attributes this user could not set on objects that cannot have a record either.</summary>
    public IReadOnlyCollection<string> LostAttributes => _lostAttributes;

    /// <summary>Puts a new file in place of whatever is there. The caller fills it and hands it to <see cref="DescribeFile"/>.</summary>
    public SafeFileHandle PutFile(string path, in WantedStat wanted)
    {
        using var scope = Enter();
        const OpenFlags Flags = OpenFlags.Write | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoFollow;
        var (directory, name) = PlaceOf(path);
        var mode = _ownership.DiskModeOf(wanted);
        var errno = _calls.TryOpen(directory, name, Flags, mode, Linux.Resolve.NoSymlinks, out var file);
        if (errno == Errno.EEXIST)
        {
            Clear(path, directory, name);
            errno = _calls.TryOpen(directory, name, Flags, mode, Linux.Resolve.NoSymlinks, out file);
        }

        LinuxException.ThrowIf(errno, $"make the file '{path}'");
        UncoverPlace(directory, name);
        DropInheritedAcls(path, file, "");
        return file;
    }

    /// <summary>Gives a file that <see cref="PutFile"/> made its owner, mode, attributes and times.</summary>
    public void DescribeFile(SafeFileHandle file, string path, FileMetadata metadata, UnixTime accessTime)
    {
        // The mode it was made with went through the umask, and a set-group-ID directory gave it its group.
        DescribeObject(file, "", path, metadata, accessTime, isReplaced: false);
    }

    /// <summary>Puts a symlink, device, fifo or socket in place of whatever is there.</summary>
    public void PutSpecial(string path, FileMetadata metadata, UnixTime accessTime)
    {
        using var scope = Enter();
        var (directory, name) = PlaceOf(path);
        var errno = TryMakeSpecial(directory, name, metadata);
        if (errno == Errno.EEXIST)
        {
            Clear(path, directory, name);
            errno = TryMakeSpecial(directory, name, metadata);
        }

        LinuxException.ThrowIf(errno, $"make '{path}'");
        UncoverPlace(directory, name);
        if (metadata.Kind != FileKind.Symlink)
        {
            DropInheritedAcls(path, directory, name);
        }

        DescribeObject(directory, name, path, metadata, accessTime, isReplaced: false);
    }

    /// <summary>
    /// Makes a directory, or gives the one that is there another description. A directory that takes the place of something else
    /// shows nothing of what lies below.
    /// </summary>
    public void PutDirectory(string path, FileMetadata metadata)
    {
        using var scope = Enter();
        if (path == "/")
        {
            DescribeObject(WritableRoot(), "", path, metadata, metadata.ModifiedTime, isReplaced: true);
            _root.HasDefaultAcl = null;
            return;
        }

        var (directory, name) = PlaceOf(path);
        var parent = DirectoryAt(ParentOf(path));
        LinuxException.ThrowIf(Find(parent, name, 0, out var node), $"find '{path}'");
        var isMerged = node.Exists && node.Disk.IsDirectory;
        var isNew = !(isMerged && node.IsUpper);
        if (isNew)
        {
            var hadUpper = node.IsUpper || node.IsWhitedOutAbove;
            if (hadUpper)
            {
                Clear(path, directory, name);
            }

            _calls.MakeDirectory(directory, name, _ownership.DiskModeOf(WantedStat.Of(metadata)) | AnyMode);
            _cache.Forget(path);
            DropInheritedAcls(path, directory, name);

            // What it would be merged with, though it takes the place of something else. AUFS looks for that below files, too.
            var below = hadUpper ? FindBelow(parent, name) : node;
            if (node.IsWhitedOutAbove || (below.Exists && (below.Disk.IsDirectory ? hadUpper : _dialect.MergesAcrossFiles)))
            {
                LinuxException.ThrowIf(_dialect.MakeOpaque(_calls, parent.Parts[0].Branch, directory, name), $"hide what lies below '{path}'");
            }
        }

        if (node.IsWhitedOutAbove)
        {
            UncoverPlace(directory, name);
        }

        DescribeObject(directory, name, path, metadata, metadata.ModifiedTime, isReplaced: !isNew);
        if (_cache.TryGet(path) is { } known)
        {
            known.HasDefaultAcl = null;
        }
    }

    /// <summary>Puts another name of an existing object in place of whatever is there.</summary>
    public void PutLink(string path, string existing)
    {
        using var scope = Enter();
        var errno = TryResolve(existing, followLast: false, out var source);
        if (errno != 0 || source.Disk.IsDirectory)
        {
            throw Error(errno != 0 ? errno : Errno.EPERM, $"link '{path}' to '{existing}'");
        }

        if (source.Path == path)
        {
            return;
        }

        var upper = CopyUp(source);
        var (directory, name) = PlaceOf(path);
        errno = _calls.TryLink(upper.Handle, upper.Name, directory, name);
        if (errno == Errno.EEXIST)
        {
            Clear(path, directory, name);
            errno = _calls.TryLink(upper.Handle, upper.Name, directory, name);
        }

        LinuxException.ThrowIf(errno, $"link '{path}' to '{existing}'");
        UncoverPlace(directory, name);
    }

    /// <summary>Removes what is at a path, if there is anything.</summary>
    public void RemoveIfThere(string path)
    {
        using var scope = Enter();
        if (TryResolve(path, followLast: false, out var node) == 0)
        {
            RemoveNode(node);
        }
    }

    /// <summary>Hides everything in a directory but the paths that are to stay.</summary>
    /// <param name="path">The directory; if it is something else, nothing happens.</param>
    /// <param name="stays">Whether a path is to stay, for the directories above such a path as well.</param>
    public void HideBelow(string path, Func<string, bool> stays)
    {
        using var scope = Enter();
        if (TryResolve(path, followLast: false, out var node) != 0 || !node.Disk.IsDirectory)
        {
            return;
        }

        path = node.Path;
        var upper = EnsureUpper(Descend(node));
        Prune(path, upper, stays);
        if (path != "/")
        {
            _cache.Forget(path);
            if (!IsSingleBranch)
            {
                upper = EnsureUpper(DirectoryAt(path));
                LinuxException.ThrowIf(_dialect.MakeOpaque(_calls, _root.Parts[0].Branch, upper, default), $"hide what lies below '{path}'");
                _cache.Forget(path);
            }

            return;
        }

        // A union's root cannot be opaque; its entries are hidden one by one.
        foreach (var name in ListOf(_root, readsRecords: false))
        {
            if (!stays("/" + name.Name))
            {
                EnsureUpper(_root);
                Vacate(_root, name.Name);
                _cache.Forget("/" + name.Name);
            }
            else if (name.Kind == FileKind.Directory)
            {
                HideBelow("/" + name.Name, stays);
            }
        }
    }

    /// <summary>The times of a directory, before the first object is put into it.</summary>
    public (UnixTime Access, UnixTime Modified) TimesOfDirectory(string path)
    {
        using var scope = Enter();
        var stat = _calls.Stat(DirectoryAt(path).Top);
        return (stat.AccessTime, stat.ModifiedTime);
    }

    /// <summary>Sets the times of a directory of the writable branch; nothing happens when it is not there any more.</summary>
    public void SetDirectoryTimes(string path, UnixTime accessTime, UnixTime modifiedTime)
    {
        using var scope = Enter();
        if (TryResolve(path, followLast: false, out var node) == 0 && node.IsUpper && node.Disk.IsDirectory)
        {
            _calls.SetTimes(node.Handle, node.Name, accessTime, modifiedTime);
        }
    }

    private (SafeFileHandle Directory, string Name) PlaceOf(string path)
    {
        var slash = path.LastIndexOf('/');
        return (EnsureUpper(DirectoryAt(ParentOf(path))), path[(slash + 1)..]);
    }

    // The kernel gives new objects the list that their directory says, and the archive says all that they shall have.
    private void DropInheritedAcls(string path, SafeFileHandle at, FileName name)
    {
        var directory = DirectoryAt(ParentOf(path));
        if (directory.HasDefaultAcl ??= _calls.TryGetAttribute(directory.Top, default, DefaultAcl, default, out _) == 0)
        {
            _ = _calls.TryRemoveAttribute(at, name, DefaultAcl);
            _ = _calls.TryRemoveAttribute(at, name, AccessAcl);
        }
    }

    private int TryMakeSpecial(SafeFileHandle directory, string name, FileMetadata metadata)
    {
        if (metadata.Kind == FileKind.Symlink)
        {
            return _calls.TryMakeSymlink(metadata.LinkTarget ?? "", directory, name);
        }

        if (_dialect.WhyUnrepresentable(metadata.Kind, metadata.DeviceMajor, metadata.DeviceMinor) is { } reason)
        {
            throw new StorageException($"Cannot make '{name}': {reason}.");
        }

        var wanted = WantedStat.Of(metadata);
        var raw = FileTypeBits.Of(_ownership.DiskTypeOf(wanted.Kind)) | (uint)_ownership.DiskModeOf(wanted);
        return _calls.TryMakeNode(directory, name, raw, wanted.DeviceMajor, wanted.DeviceMinor);
    }

    /// <summary>Takes a whiteout away from beside what was just made; where it has the same name, it went when that was made.</summary>
    private void UncoverPlace(SafeFileHandle directory, string name) => LinuxException.ThrowIf(
        _dialect.IsWhiteoutTheName ? 0 : _dialect.RemoveWhiteout(_calls, directory, name), $"take away the whiteout of '{name}'");

    private void Clear(string path, SafeFileHandle directory, string name)
    {
        _cache.Forget(path);
        TreeRemover.Remove(_calls, directory, name);
    }

    private void Prune(string path, SafeFileHandle upper, Func<string, bool> stays)
    {
        using var readable = _calls.Open(upper, default, OpenFlags.Directory);
        foreach (var name in DirectoryEntries.NamesOf(readable))
        {
            var child = path.Length == 1 ? "/" + name : $"{path}/{name}";
            if (_dialect.IsBranchOwn(System.Text.Encoding.UTF8.GetBytes(name)))
            {
                continue;
            }

            if (!stays(child))
            {
                Clear(child, upper, name);
            }
            else if (_calls.Stat(upper, name).IsDirectory)
            {
                using var inner = _calls.Open(upper, name, OpenFlags.PathOnly | OpenFlags.Directory | OpenFlags.NoFollow);
                Prune(child, inner, stays);
            }
        }
    }

    /// <summary>Sets everything that is known about an object in the writable branch, in the one order that works.</summary>
    private void DescribeObject(SafeFileHandle directory, FileName name, string path, FileMetadata metadata, UnixTime accessTime, bool isReplaced)
    {
        if (isReplaced)
        {
            foreach (var old in _calls.ListAttributes(directory, name))
            {
                if ((RecordsAttributes && AttributeRecord.IsOne(old)) || (!IsHidden(old) && !metadata.ExtendedAttributes.ContainsKey(old)))
                {
                    _ = _calls.TryRemoveAttribute(directory, name, old);
                }
            }
        }

        // A change of owner takes capabilities away, so they follow it. An ordinary user has no owner to change, but cannot write
        // user attributes any more when the mode is set.
        var attributesFirst = !_ownership.IsOnFiles;
        if (attributesFirst)
        {
            SetAttributes(directory, name, path, metadata);
        }

        var errno = _ownership.TryDescribe(_calls, directory, name, WantedStat.Of(metadata), madeAs: null);
        LinuxException.ThrowIf(errno, $"set the owner and mode of '{path}'");
        if (!attributesFirst)
        {
            SetAttributes(directory, name, path, metadata);
        }

        _calls.SetTimes(directory, name, accessTime, metadata.ModifiedTime);
    }

    private void SetAttributes(SafeFileHandle directory, FileName name, string path, FileMetadata metadata)
    {
        foreach (var (attribute, value) in metadata.ExtendedAttributes)
        {
            // Somebody's books in an archive would change what the tree means.
            if (!IsHidden(attribute) && !OverlayDialect.IsOverlayAttribute(attribute))
            {
                var errno = _calls.TrySetAttribute(directory, name, attribute, value.Span);
                errno = AttributeRecord.Helps(errno) && RecordsAttributes ? RecordAttribute(directory, name, attribute, value.Span) : errno;
                LinuxException.ThrowIf(errno, $"set the attribute '{attribute}' of '{path}'");
            }
        }
    }

    private int RecordAttribute(SafeFileHandle directory, FileName name, string attribute, ReadOnlySpan<byte> value)
    {
        var errno = AttributeRecord.TryWrite(_calls, directory, name, attribute, value);

        // The kernel allows no user attributes on what is neither a file nor a directory: there it is lost, and that is told.
        var isLost = AttributeRecord.Helps(errno);
        (isLost ? _lostAttributes : _recordedAttributes).Add(attribute);
        return isLost ? 0 : errno;
    }
}

/// <summary>A directory that was made because an entry lies in it.</summary>
/// <param name="Path">Its path.</param>
/// <param name="ParentAccess">When the directory that it lies in had been read before that.</param>
/// <param name="ParentModified">When that one had been changed.</param>
internal readonly record struct MadeParent(string Path, UnixTime ParentAccess, UnixTime ParentModified);

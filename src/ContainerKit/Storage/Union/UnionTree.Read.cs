using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

// Everything that changes nothing.
internal sealed partial class UnionTree
{
    /// <summary>What a path stands for.</summary>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public int TryStat(string path, bool followSymlink, out UnionEntry entry)
    {
        using var scope = Enter();
        var errno = TryResolve(path, followSymlink, out var node);
        entry = errno == 0 ? new UnionEntry(node.Path, StatOf(node), IsOwn(node)) : default;
        return errno;
    }

    /// <inheritdoc cref="TryStat"/>
    public UnionEntry Stat(string path, bool followSymlink = true)
    {
        LinuxException.ThrowIf(TryStat(path, followSymlink, out var entry), $"find '{path}'");
        return entry;
    }

    public bool Exists(string path, bool followSymlink = true) => TryStat(path, followSymlink, out _) == 0;

    /// <summary>Everything about a path but its content: extended attributes (without anybody's books) and link target too.</summary>
    public FileMetadata ReadMetadata(string path, bool followSymlink = false)
    {
        using var scope = Enter();
        return MetadataOf(Resolve(path, followSymlink));
    }

    /// <summary>The names in a directory, merged over all branches, in ordinal order.</summary>
    /// <param name="path">The directory; a symlink is followed.</param>
    /// <param name="readsRecords">
    /// Whether a device that lies on disk as a file is told as a device. That takes two more calls for every file, so whoever wants
    /// names, or to tell directories from the rest, does without.
    /// </param>
    public IReadOnlyList<UnionName> List(string path, bool readsRecords = true)
    {
        using var scope = Enter();
        return ListOf(DirectoryOf(Resolve(path, followLast: true)), readsRecords);
    }

    /// <summary>Opens a regular file for reading.</summary>
    public SafeFileHandle OpenRead(string path)
    {
        using var scope = Enter();
        var node = Resolve(path, followLast: true);
        RequireFile(node);
        return OpenNode(node, OpenFlags.Read);
    }

    public string ReadLink(string path)
    {
        using var scope = Enter();
        var node = Resolve(path, followLast: false);
        return node.Disk.IsSymlink ? ReadTarget(node) : throw Error(Errno.EINVAL, $"read the symlink '{path}'");
    }

    /// <summary>The value of an extended attribute, or null when the object has none of that name.</summary>
    public byte[]? GetAttribute(string path, string name, bool followSymlink = true)
    {
        using var scope = Enter();
        var node = Resolve(path, followSymlink);
        return IsHidden(name) ? null
            : _calls.GetAttribute(node.Handle, node.Name, name) ?? (RecordsAttributes ? _calls.GetAttribute(node.Handle, node.Name, AttributeRecord.Of(name)) : null);
    }

    public IReadOnlyList<string> ListAttributes(string path, bool followSymlink = true)
    {
        using var scope = Enter();
        var node = Resolve(path, followSymlink);
        return
        [
            .. _calls.ListAttributes(node.Handle, node.Name)
                .Select(name => RecordsAttributes && AttributeRecord.IsOne(name) ? AttributeRecord.NameOf(name) : name)
                .Where(name => !IsHidden(name))
                .Distinct(),
        ];
    }

    /// <summary>Whether attributes that cannot be set stand in records: not for the host's root, who can set all that there is.</summary>
    private bool RecordsAttributes => _ownership.RecordsDevices;

    private bool IsHidden(string attribute) => _dialect.IsOwnAttribute(attribute) || _ownership.IsOwnAttribute(attribute);

    private FileStat StatOf(in UnionNode node) => _ownership.Translate(_calls, node.Handle, node.Name, node.Disk);

    private FileMetadata MetadataOf(in UnionNode node)
    {
        var stat = StatOf(node);
        return ObjectReader.Read(_calls, node.Handle, node.Name, stat, IsHidden);
    }

    private UnionDirectory DirectoryOf(in UnionNode node) =>
        node.Disk.IsDirectory ? Descend(node) : throw Error(Errno.ENOTDIR, $"open the directory '{node.Path}'");

    private void RequireFile(in UnionNode node)
    {
        RequireKindOfFile(node);
        if (!IsSingleBranch)
        {
            _dialect.RefuseForeign(_calls, node.Handle, node.Name, node.Path);
        }
    }

    private void RequireKindOfFile(in UnionNode node)
    {
        // Opening a fifo would wait, and opening a device would act on the host's.
        var kind = StatOf(node).Kind;
        if (kind != FileKind.File)
        {
            throw Error(kind == FileKind.Directory ? Errno.EISDIR : Errno.ENXIO, $"open '{node.Path}'");
        }
    }

    private SafeFileHandle OpenNode(in UnionNode node, OpenFlags flags)
    {
        flags |= OpenFlags.NoFollow | OpenFlags.NonBlocking;
        var errno = _calls.TryOpen(node.Handle, node.Name, flags, 0, Linux.Resolve.NoSymlinks, out var handle);
        if (errno == Errno.EACCES && node.Disk.IsRegular)
        {
            // Root inside may do this to any file. Where that root is an ordinary user outside, he owns the file and lets himself in.
            const int OwnerReadWrite = 0x180;
            var permissions = node.Disk.Permissions;
            if ((permissions & OwnerReadWrite) != OwnerReadWrite && _calls.TrySetMode(node.Handle, node.Name, permissions | OwnerReadWrite) == 0)
            {
                errno = _calls.TryOpen(node.Handle, node.Name, flags, 0, Linux.Resolve.NoSymlinks, out handle);
                _ = _calls.TrySetMode(node.Handle, node.Name, permissions);
            }
        }

        LinuxException.ThrowIf(errno, $"open '{node.Path}'");
        return handle;
    }

    private List<UnionName> ListOf(UnionDirectory directory, bool readsRecords)
    {
        var list = new List<UnionName>();
        foreach (var (bytes, kind, part) in _stack.ReadNames(directory.Parts))
        {
            var name = LinuxPath.Decode(bytes);
            list.Add(new UnionName(name, KindOf(directory.Parts[part], name, kind, readsRecords && _ownership.RecordsDevices)));
        }

        list.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        return list;
    }

    private FileKind KindOf(in BranchDirectory part, string name, FileKind? kind, bool readsRecords) =>
        kind is { } known && (known is not FileKind.File || !readsRecords)
            ? known
            : _ownership.Translate(_calls, part.Handle, name, _calls.Stat(part.Handle, name)).Kind;
}

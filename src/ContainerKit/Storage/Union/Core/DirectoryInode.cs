using System.Runtime.Versioning;

namespace ContainerKit.Storage.Union.Core;

/// <summary>A directory of a union, with those of its names that were met.</summary>
[SupportedOSPlatform("linux")]
internal sealed class DirectoryInode(ulong number, UnionBranch branch) : Inode(number, FileKind.Directory, branch)
{
    private Dictionary<byte[], Inode>? _children;

    /// <summary>The directories that it is merged from, the topmost first; null while they are closed.</summary>
    public List<BranchDirectory>? Parts { get; set; }

    /// <summary>When the parts were last needed, on the union's own clock.</summary>
    public long LastUse { get; set; }

    /// <summary>Whether it was removed: nothing can be in it any more.</summary>
    public bool IsRemoved { get; set; }

    /// <summary>Whether new objects in it get an ACL; null while nobody has looked.</summary>
    public bool? HasDefaultAcl { get; set; }

    /// <summary>The listing that is being read.</summary>
    public Listing? Listing { get; set; }

    /// <summary>The one before, which those who began with it go on with.</summary>
    public Listing? PreviousListing { get; set; }

    public bool HasChildren => _children is { Count: > 0 };

    public IEnumerable<Inode> Children => _children?.Values ?? Enumerable.Empty<Inode>();

    public bool TryGetChild(ReadOnlySpan<byte> name, out Inode? child)
    {
        lock (this)
        {
            child = null;
            return _children is not null && _children.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name, out child);
        }
    }

    public void AddChild(byte[] name, Inode child)
    {
        lock (this)
        {
            (_children ??= new Dictionary<byte[], Inode>(NameComparer.Instance))[name] = child;
        }
    }

    public void RemoveChild(ReadOnlySpan<byte> name)
    {
        lock (this)
        {
            _children?.GetAlternateLookup<ReadOnlySpan<byte>>().Remove(name);
        }
    }

    public void CloseParts()
    {
        foreach (var part in Parts ?? [])
        {
            part.Handle.Dispose();
        }

        Parts = null;
    }

    public override void Close()
    {
        CloseParts();
        base.Close();
    }
}

using System.Runtime.Versioning;
using ContainerKit.Linux;
using ContainerKit.Storage.Union.CopyUp;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>
/// One file tree seen through a stack of directories: at most one writable on top, any number of read-only ones below. Looks
/// paths up, lists merged directories, and changes files by copying them up first, without a mount and without privilege.
/// </summary>
/// <remarks>
/// Paths are the container's own. Symlinks are resolved by the union, inside the union's root; the host's path resolution never
/// sees more than one component. Calls are serialised, so any thread may make them. A failure is a <see cref="LinuxException"/>
/// with the errno that the same call gives inside a container, or a <see cref="StorageException"/> where a branch is not what
/// this library writes. The branches must not change behind its back: it is for trees that nobody has mounted, and there is one
/// union at a time for a writable branch.
/// <para>
/// Files: UnionTree.cs (what it is made of), .Lookup.cs (paths), .Read.cs, .Write.cs, .Names.cs (link, rename, remove),
/// .CopyUp.cs, .Unpack.cs (what a layer needs), .Parents.cs (where its entries go), .Upper.cs (what comparisons ask).
/// </para>
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed partial class UnionTree : IDisposable
{
    // A process has 1,024 descriptors at the least, and other things to do with them.
    private const int MaxCachedDescriptors = 400;

    private readonly Lock _gate = new();
    private readonly FileCalls _calls;
    private readonly IWhiteoutDialect _dialect;
    private readonly TreeOwnership _ownership;
    private readonly RootedDirectory? _staging;
    private readonly DirectoryCache _cache = new(MaxCachedDescriptors);
    private readonly ObjectCopier _copier;
    private readonly UnionDirectory _root = new("/");
    private readonly BranchWriter _writer;
    private readonly StackReader _stack;

    /// <param name="writable">The branch that changes go to; null for a read-only union. Taken over, as are the others.</param>
    /// <param name="readOnly">The branches below, the topmost first.</param>
    /// <param name="dialect">How whiteouts and opaque directories are written.</param>
    /// <param name="ownership">Where owners and modes are kept.</param>
    /// <param name="staging">
    /// Where files are made before they are renamed into the writable branch: a directory of the same file system. Without one
    /// they are made in place, which is right only where nobody will see the tree unless all went well.
    /// </param>
    /// <param name="ownBranches">How many branches, counted from the top, are what a comparison looks into: <see cref="UnionEntry.IsOwn"/>.</param>
    public UnionTree(
        RootedDirectory? writable,
        IReadOnlyList<RootedDirectory> readOnly,
        IWhiteoutDialect dialect,
        TreeOwnership ownership,
        RootedDirectory? staging = null,
        int ownBranches = 1)
    {
        _calls = writable?.Calls ?? readOnly[0].Calls;
        _dialect = dialect;
        _ownership = ownership;
        _staging = staging;
        _copier = new ObjectCopier(_calls, dialect.IsOwnAttribute);
        _stack = new StackReader(_calls, dialect, ownership);
        _writer = new BranchWriter(_calls, dialect, staging?.Handle);
        IsWritable = writable is not null;
        IsSingleBranch = IsWritable ? readOnly.Count == 0 : readOnly.Count == 1;
        if (writable is not null)
        {
            AddBranch(new UnionBranch(writable, BranchOptions.Writable) { IsOwn = true });
        }

        foreach (var branch in readOnly)
        {
            AddBranch(new UnionBranch(branch, BranchOptions.HonoursWhiteouts) { IsOwn = IsWritable && _root.Parts.Count < ownBranches });
        }
    }

    /// <summary>
    /// One directory as the root of everything: also that of a running container, for the time of a few calls. Taken over.
    /// </summary>
    public static UnionTree OfDirectory(RootedDirectory directory, TreeOwnership? ownership = null) =>
        new(directory, [], PlainDialect.Instance, ownership ?? TreeOwnership.Direct);

    /// <summary>Whether it has a writable branch.</summary>
    public bool IsWritable { get; }

    /// <summary>Whether there is nothing to merge: every object is where it seems to be.</summary>
    public bool IsSingleBranch { get; }

    /// <summary>Who makes its file calls.</summary>
    public FileCalls Calls => _calls;

    public void Dispose()
    {
        lock (_gate)
        {
            _cache.Dispose();
            _root.Dispose();
            _staging?.Dispose();
        }
    }

    /// <summary>Takes the union for one operation. Nothing that an earlier one found is held now, so old directories can go.</summary>
    private Lock.Scope Enter()
    {
        var scope = _gate.EnterScope();
        _cache.Trim();
        return scope;
    }

    // The root is merged whatever its branches say of themselves: so do the kernel's overlayfs and AUFS.
    private void AddBranch(UnionBranch branch) => _root.Parts.Add(new(branch, branch.Root, _dialect.ReadMarks(_calls, branch, branch.Root)));

    private SafeFileHandle WritableRoot() =>
        _root.Upper ?? throw new LinuxException(Errno.EROFS, "change a tree that is open for reading only");

    private static LinuxException Error(int errno, string attempt) => new(errno, attempt);
}

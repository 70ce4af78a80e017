using System.Runtime.Versioning;
using ContainerKit.Linux;
using ContainerKit.Storage.Union.CopyUp;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union.Core;

/// <summary>
/// One file tree seen through a stack of branches, as a kernel wants a file system: inodes, names as bytes, error numbers. Nothing is
/// allocated to look up what is known, to read attributes, and to read and write data.
/// </summary>
/// <remarks>
/// The tree's lock is shared by those who look and exclusive for those who change names; data is read, written and copied up outside
/// of it. The branches must not change behind its back, and there is one union at a time for a writable branch.
/// <para>
/// Files: UnionCore.cs (what it is made of), .Lookup.cs, .List.cs, .Attributes.cs, .ExtendedAttributes.cs, .Open.cs (files and their
/// data), .CopyUp.cs, .Make.cs, .Remove.cs, .Rename.cs, .Links.cs, .Branches.cs (a new one on top), .Restack.cs (other ones),
/// .Placing.cs (which writable branch), .DirectChanges.cs (what others do to the branches), .Permissions.cs (those of several directories).
/// </para>
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed partial class UnionCore : IDisposable
{
    private readonly ReaderWriterLockSlim _tree = new(LockRecursionPolicy.NoRecursion);
    private readonly FileCalls _calls;
    private readonly IWhiteoutDialect _dialect;
    private readonly TreeOwnership _ownership;
    private readonly StackReader _stack;
    private readonly ObjectCopier _copier;
    private readonly ObjectCopier _losingCopier;
    private readonly InodeTable _table;
    private UnionCoreOptions _options;
    private readonly ulong _outsideNumber;
    private ulong _listings;

    // The writable branches, the topmost first.
    private readonly List<UpperBranch> _uppers = [];
    private bool _isDisposed;

    /// <param name="branches">
    /// The topmost first; taken over. Of several writable ones that is changed which has an object. If the first is not writable, names cannot be
    /// changed at all, while files of a writable one further down can be written: as in AUFS.
    /// </param>
    /// <param name="dialect">How whiteouts and opaque directories are written.</param>
    /// <param name="ownership">Where owners and modes are kept.</param>
    /// <param name="staging">
    /// For each writable branch, where objects are made before they are renamed into it: a directory of the same file system, which nobody else uses.
    /// None if the first branch is not writable. Taken over.
    /// </param>
    /// <param name="calls">Who makes the file calls.</param>
    /// <param name="options">What else there is to choose.</param>
    public UnionCore(
        IReadOnlyList<UnionBranch> branches, IWhiteoutDialect dialect, TreeOwnership ownership, IReadOnlyList<SafeFileHandle> staging, FileCalls calls, UnionCoreOptions? options = null)
    {
        _calls = calls;
        _dialect = dialect;
        _ownership = ownership;
        _options = options ?? new UnionCoreOptions();
        _table = new InodeTable(_options.KeepsNumbers, dealsAgain: _options.FollowsAufs);
        _stack = new StackReader(_calls, dialect, ownership);
        _copier = new ObjectCopier(_calls, IsNotCopied, makesHoles: _options.FollowsAufs);
        _losingCopier = new ObjectCopier(_calls, IsNotCopied, losesAttributes: true, makesHoles: _options.FollowsAufs);
        _uppers.AddRange(branches.Where(branch => branch.IsWritable).Zip(staging, OpenUpper));
        Root = (DirectoryInode)_table.Meet(_calls.Stat(branches[0].Root), FileKind.Directory, branches[0]);
        Root.Parts = [.. branches.Select(branch => new BranchDirectory(branch, branch.Root, _dialect.ReadMarks(_calls, branch, branch.Root)))];
        Root.AddLookups(1);
        _outsideNumber = _options.FollowsAufs ? InodeTable.NobodysNumber : Root.Number;
    }

    public DirectoryInode Root { get; }

    public IWhiteoutDialect Dialect => _dialect;

    /// <summary>Is told which inode has other attributes now, though nobody asked for that; called under the tree's lock.</summary>
    public Action<Inode>? Touched { get; set; }

    /// <summary>Whether a file is copied up when it is opened for writing; otherwise when it is first written, as AUFS does.</summary>
    public bool CopiesUpAtOpen { get; set; }

    /// <summary>Whether there is no branch that anything could be written to.</summary>
    public bool IsReadOnly => !Root.Parts!.Exists(part => part.Branch.IsWritable);

    /// <summary>How changes of the branches are met.</summary>
    public DirectChanges DirectChanges => _options.DirectChanges;

    /// <summary>The topmost writable branch, if names can be changed at all.</summary>
    private UpperBranch? Upper => _uppers.Count > 0 ? _uppers[0] : null;

    private bool IsAufs => _dialect is AufsDialect;

    /// <summary>The inode of an id that an answer gave.</summary>
    public Inode? Find(ulong id) => _table[id];

    /// <summary>All inodes that the union remembers now.</summary>
    public IReadOnlyList<Inode> Known() => _table.All();

    public void Dispose()
    {
        _tree.EnterWriteLock();
        try
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            foreach (var inode in _table.All())
            {
                if (!IsAufs && inode.Link is { } link)
                {
                    // AUFS's stay, and are found by its tools. Ours would only be swept.
                    _ = _calls.TryUnlink(link.Directory, link.Name, isDirectory: false);
                }

                inode.Close();
            }

            _uppers.ForEach(upper => upper.Dispose());
            _retired.ForEach(upper => upper.Dispose());
            _former.ForEach(branch => branch.Dispose());
        }
        finally
        {
            _tree.ExitWriteLock();
        }
    }

    private bool IsNotCopied(string attribute) => _dialect is not AufsDialect && _dialect.IsOwnAttribute(attribute);

    private ObjectCopier CopierFrom(UnionBranch lower, UpperBranch upper) =>
        (lower.Options & upper.Branch.Options & BranchOptions.LosesAttributes) != 0 ? _losingCopier : _copier;

    private UpperBranch OpenUpper(UnionBranch branch, SafeFileHandle staging) =>
        new(branch, staging, new BranchWriter(_calls, _dialect, staging, _options.FollowsAufs));

    /// <summary>The writable branch with what belongs to it.</summary>
    private sealed record UpperBranch(UnionBranch Branch, SafeFileHandle Staging, BranchWriter Writer) : IDisposable
    {
        public SafeFileHandle? Links { get; set; }

        public void Dispose()
        {
            Links?.Dispose();
            Staging.Dispose();
        }
    }
}

/// <summary>What is to choose about a union beside its branches.</summary>
internal sealed record UnionCoreOptions
{
    /// <summary>AUFS's <c>plink</c>: the names of a lower file stay names of one file when it is copied up.</summary>
    public bool KeepsLinks { get; init; } = true;

    /// <summary>AUFS's <c>diropq=a</c>: every new directory is opaque.</summary>
    public bool MakesOpaque { get; init; }

    /// <summary>Whether ACLs can be set; those that lower files have are obeyed all the same, as AUFS does without <c>acl</c>.</summary>
    public bool HasAcls { get; init; } = true;

    /// <summary>
    /// Whether also that is done which AUFS alone does, such as a third number for <c>..</c> near the root: for those who mount a union in AUFS's own
    /// words. Containers are better off without.
    /// </summary>
    public bool FollowsAufs { get; init; }

    /// <summary>AUFS without <c>dirperm1</c>: the directories of all branches must let somebody in, and not the topmost alone.</summary>
    public bool ChecksAllDirectories { get; init; }

    /// <summary><c>noxino</c> takes it away: an object has its number for as long as the union lives, and not only until it is forgotten.</summary>
    public bool KeepsNumbers { get; init; } = true;

    /// <summary>Which of several writable branches gets what is new.</summary>
    public CreatePolicy CreatePolicy { get; init; }

    /// <summary>AUFS's <c>udba</c>: how changes are met that somebody makes in the branches themselves.</summary>
    public DirectChanges DirectChanges { get; init; }
}

/// <summary>How changes of the branches are met that are made behind the union's back.</summary>
internal enum DirectChanges
{
    /// <summary>There are none, so that everything may be remembered.</summary>
    AreNotMade,

    /// <summary>A name that is known is looked at again; that there is none, and what a directory lists, is remembered.</summary>
    OfKnownNames,

    /// <summary>Nothing is remembered.</summary>
    OfEverything,
}

/// <summary>On whose behalf something is made.</summary>
/// <param name="UserId">The owner of what is made.</param>
/// <param name="GroupId">Its group, unless the directory hands its own on.</param>
/// <param name="Umask">What is taken from the mode, unless the directory has a default ACL.</param>
internal readonly record struct Caller(uint UserId, uint GroupId, uint Umask = 0);

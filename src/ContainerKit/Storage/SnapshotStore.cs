using System.Runtime.Versioning;
using System.Text;
using ContainerKit.Content;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;

namespace ContainerKit.Storage;

/// <summary>Snapshots by name: their parents, their locks between processes, recovery after a crash, and clean-up.</summary>
/// <remarks>
/// <code>
/// ROOT/snapshots/DRIVER/
///   lock                     flock: shared by all who make, publish or remove, exclusive for garbage collection
///   c-HASH/ w-HASH/ v-HASH/  a committed snapshot, a writable one, a view; flock on the directory itself while it is in use
///     snapshot.json          what it is, written when it is made
///     name                   of a committed one: its name
///     fs/ work/ …            the driver's
///   .tmp-RANDOM/             being made by whoever holds its lock
///   .rm-RANDOM/              being removed
/// </code>
/// A name is published by one rename, and taken away by one. How often a snapshot is used is not written down anywhere: it is
/// counted by looking. Locks are taken in this order: the store's, a snapshot's own, its chain's.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed partial class SnapshotStore : IDisposable
{
    private const int DirectoryMode = 0x1ED, RecordMode = 0x1A4, MaxRecordBytes = 1 << 20;

    // Others hold a lock for moments (to look, to sweep) or for good; after this it is for good.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(300), ChainPatience = TimeSpan.FromSeconds(10);

    private readonly string _directory;
    private readonly SnapshotStoreOptions _options;
    private readonly ChainLocks _chain = new();

    private SnapshotStore(string directory, IStorageDriver driver, SnapshotStoreOptions options)
    {
        _directory = directory;
        _options = options;
        Driver = driver;
    }

    public IStorageDriver Driver { get; }

    /// <summary>Opens the store below <paramref name="directory"/> (made when it is not there), and sweeps what dead processes left.</summary>
    /// <param name="directory">The directory that holds one directory per driver: <c>ROOT/snapshots</c>.</param>
    /// <param name="driver">Who stacks.</param>
    /// <param name="options">How new snapshots are written.</param>
    /// <exception cref="StorageException">The directory cannot be made or read.</exception>
    public static SnapshotStore Open(string directory, IStorageDriver driver, SnapshotStoreOptions? options = null)
    {
        var path = Path.Combine(Path.GetFullPath(directory), driver.Name);
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"The store's directory '{path}' cannot be made: {e.Message}", e);
        }

        var store = new SnapshotStore(path, driver, options ?? new SnapshotStoreOptions());
        store.Sweep();
        return store;
    }

    /// <summary>The snapshot of that name, or null.</summary>
    public Snapshot? TryFind(string name)
    {
        foreach (var kind in SnapshotNames.Kinds)
        {
            if (TryRead(SnapshotNames.DirectoryOf(kind, name)) is { } found)
            {
                return found.Id == name
                    ? found
                    : throw new StorageException($"The names '{name}' and '{found.Id}' cannot be told apart by their hashes; choose another.");
            }
        }

        return null;
    }

    /// <summary>All snapshots, in no order.</summary>
    public IReadOnlyList<Snapshot> List() =>
    [
        .. Directory.EnumerateDirectories(_directory)
            .Select(path => Path.GetFileName(path))
            .Where(name => SnapshotNames.KindOf(name) is not null)
            .Select(TryRead)
            .OfType<Snapshot>(),
    ];

    /// <summary>Makes a writable snapshot, and holds it.</summary>
    /// <exception cref="StorageException">The name is taken, there is no such parent, or there is no room.</exception>
    public SnapshotLease Prepare(string name, string? parent = null, CancellationToken ct = default) =>
        Make(name, SnapshotKind.Writable, parent, ct);

    /// <summary>
    /// Makes a writable snapshot that nobody else can find, to be filled and committed. It goes away when this process does; until
    /// then whoever does not commit it removes it.
    /// </summary>
    /// <inheritdoc cref="Prepare"/>
    public SnapshotLease PrepareNameless(string? parent = null, CancellationToken ct = default)
    {
        const string Name = "unfinished";
        using var store = LockStore(exclusive: false, ct);
        return MakeOn(Name, SnapshotKind.Writable, parent is null ? [] : ChainFor(Name, parent, ct), isNamed: false, ct);
    }

    /// <summary>Makes a read-only look at a committed snapshot, and holds it.</summary>
    /// <inheritdoc cref="Prepare"/>
    public SnapshotLease View(string name, string parent, CancellationToken ct = default) => Make(name, SnapshotKind.View, parent, ct);

    /// <summary>
    /// Makes a writable snapshot a committed one of another name, which ends the lease. When that name exists already (someone
    /// else was faster), the existing one stays and this one is removed.
    /// </summary>
    /// <exception cref="StorageException">It is not a writable one, or the store cannot be written.</exception>
    public Snapshot Commit(SnapshotLease writable, string committedName) => Commit(writable, committedName, isMounted: false);

    private Snapshot Commit(SnapshotLease writable, string committedName, bool isMounted)
    {
        var snapshot = writable.Snapshot;
        RequireLease(writable);
        if (snapshot.Kind != SnapshotKind.Writable)
        {
            throw new StorageException($"'{snapshot.Id}' cannot be committed: it is not a writable snapshot.");
        }

        using var store = LockStore(exclusive: false, CancellationToken.None);
        var target = SnapshotNames.DirectoryOf(SnapshotKind.Committed, committedName);
        if (TryRead(target) is { } existing)
        {
            Remove(writable);
            return existing;
        }

        if (TryFind(committedName) is { } other)
        {
            throw new StorageException($"'{snapshot.Id}' cannot be committed as '{committedName}': that is a {Describe(other.Kind)} already.");
        }

        try
        {
            WriteWhole(snapshot.Directory, "name", Encoding.UTF8.GetBytes(committedName));
            Publish(snapshot.Directory, target);
        }
        catch (LinuxException e) when (e.Errno == Errno.EEXIST)
        {
            Remove(writable);
            return TryRead(target) ?? throw StorageErrors.Translate(e, $"commit '{committedName}'", _directory);
        }
        catch (LinuxException e)
        {
            throw StorageErrors.Translate(e, $"commit '{snapshot.Id}' as '{committedName}'", _directory);
        }

        if (!isMounted)
        {
            RemoveBelow(Path.Combine(_directory, target), "work");
        }

        writable.Dispose();
        return TryRead(target)!;
    }

    /// <summary>What to mount to see the snapshot; clears what an earlier mount left that would stop this one.</summary>
    public IReadOnlyList<Mount> Mounts(SnapshotLease lease)
    {
        RequireLease(lease);
        if (lease.Snapshot.Kind == SnapshotKind.Writable)
        {
            // After a volatile mount was not unmounted cleanly, work/work/incompat/volatile forbids the next one: on principle, as the
            // data may be lost. After a power failure they are, and that is what was agreed to; after a kill they are not.
            RemoveBelow(Path.Combine(lease.Snapshot.Directory, "work"), "work");
        }

        return Driver.Mounts(lease.Snapshot);
    }

    /// <summary>In what a snapshot differs from its parent, in path order. Nothing may change it meanwhile.</summary>
    public IEnumerable<FileChange> Changes(SnapshotLease lease, CancellationToken ct = default) => Changes(lease, since: null, ct);

    /// <summary>The same, from one that it is built on further down.</summary>
    /// <param name="lease">The snapshot, held.</param>
    /// <param name="since">The name of the committed snapshot to compare with; null for the parent.</param>
    /// <param name="ct">Stops the enumeration.</param>
    public IEnumerable<FileChange> Changes(SnapshotLease lease, string? since, CancellationToken ct = default)
    {
        RequireLease(lease);
        var baseline = BaselineOf(lease.Snapshot, since);
        return baseline.OwnLayers == 1 ? Driver.Changes(lease.Snapshot, ct) : SnapshotTrees.Compare(Driver, lease.Snapshot, baseline, ct);
    }

    /// <summary>The snapshot's files, for use while it is not mounted. The tree must be disposed before the lease.</summary>
    /// <param name="lease">The snapshot, held.</param>
    /// <param name="isPrivate">Whether it will be thrown away unless all goes well, so that files need not be made aside: faster.</param>
    public UnionTree OpenTree(SnapshotLease lease, bool isPrivate = false)
    {
        RequireLease(lease);
        if (lease.Snapshot.Kind == SnapshotKind.Writable)
        {
            SweepStaging(lease.Snapshot);
        }

        return SnapshotTrees.Open(Driver, lease.Snapshot, isPrivate);
    }

    /// <summary>What the snapshot adds to its parent, as the entries of a layer. To be disposed before the lease.</summary>
    public LayerSource OpenLayer(SnapshotLease lease, CancellationToken ct = default) => OpenLayer(lease, since: null, ct);

    /// <summary>What the snapshot adds to one that it is built on, as the entries of one layer. To be disposed before the lease.</summary>
    /// <inheritdoc cref="Changes(SnapshotLease, string?, CancellationToken)"/>
    public LayerSource OpenLayer(SnapshotLease lease, string? since, CancellationToken ct = default)
    {
        RequireLease(lease);
        return LayerSource.Open(Driver, lease.Snapshot, BaselineOf(lease.Snapshot, since), ct);
    }

    public void Dispose() => _chain.Dispose();

    private static void RequireLease(SnapshotLease lease) => ObjectDisposedException.ThrowIf(lease.IsOver, lease);

    private static string Describe(SnapshotKind kind) => kind switch
    {
        SnapshotKind.Committed => "committed snapshot",
        SnapshotKind.Writable => "writable snapshot",
        _ => "view",
    };

    private Baseline BaselineOf(Snapshot snapshot, string? since)
    {
        if (since is null)
        {
            return Baseline.ParentOf(snapshot);
        }

        for (var i = 0; i < snapshot.Parents.Count; i++)
        {
            if (snapshot.Parents[i].Id == since || snapshot.Parents[i].Id == FlatNameOf(since))
            {
                return Baseline.Below(snapshot, i);
            }
        }

        // The stack was flattened since, and holds the other's files as its own.
        return TryFind(since) is { } other
            ? Baseline.Elsewhere(other)
            : throw new StorageException($"'{snapshot.Id}' cannot be compared with '{since}', which is gone.");
    }

    private FileLock LockStore(bool exclusive, CancellationToken ct) => FileLock.Acquire(Path.Combine(_directory, "lock"), exclusive, ct);
}

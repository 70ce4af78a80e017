using System.Runtime.Versioning;
using ContainerKit.Storage.Union;

namespace ContainerKit.Storage;

/// <summary>Snapshots by name: their parents, their locks between processes, recovery after a crash, and clean-up.</summary>
[SupportedOSPlatform("linux")]
internal sealed class SnapshotStore : IDisposable
{
    /// <summary>Opens the store below <paramref name="directory"/> (made when it is not there), and sweeps what dead processes left.</summary>
    /// <param name="directory">The directory that holds one directory per driver: <c>ROOT/snapshots</c>.</param>
    /// <param name="driver">Who stacks.</param>
    /// <param name="options">How new snapshots are written.</param>
    public static SnapshotStore Open(string directory, IStorageDriver driver, SnapshotStoreOptions? options = null) => throw new NotImplementedException();

    public IStorageDriver Driver => throw new NotImplementedException();

    /// <summary>The snapshot of that name, or null.</summary>
    public Snapshot? TryFind(string name) => throw new NotImplementedException();

    public IReadOnlyList<Snapshot> List() => throw new NotImplementedException();

    /// <summary>Makes a writable snapshot, and holds it.</summary>
    /// <exception cref="StorageException">The name is taken, or there is no such parent.</exception>
    public SnapshotLease Prepare(string name, string? parent = null, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>Makes a read-only look at a committed snapshot, and holds it.</summary>
    public SnapshotLease View(string name, string parent, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>
    /// Makes a writable snapshot a committed one of another name, which ends the lease. When that name exists already (someone
    /// else was faster), the existing one stays and this one is removed.
    /// </summary>
    public Snapshot Commit(SnapshotLease writable, string committedName) => throw new NotImplementedException();

    /// <summary>Holds an existing snapshot.</summary>
    /// <exception cref="StorageException">There is no such snapshot, or somebody else holds it.</exception>
    public SnapshotLease Acquire(string name, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>The same, or null when there is no such snapshot or somebody else holds it.</summary>
    public SnapshotLease? TryAcquire(string name) => throw new NotImplementedException();

    /// <summary>Removes a snapshot. One that is not there is no error.</summary>
    /// <exception cref="StorageException">Others are built on it, or somebody holds it.</exception>
    public void Remove(string name) => throw new NotImplementedException();

    /// <summary>Removes a snapshot that is held here, which ends the lease.</summary>
    public void Remove(SnapshotLease lease) => throw new NotImplementedException();

    /// <summary>Removes every committed snapshot that is not needed, that nothing is built on, and that nobody holds.</summary>
    /// <returns>What was removed.</returns>
    public IReadOnlyList<string> Collect(Func<Snapshot, bool> isNeeded, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>What to mount to see the snapshot; clears what an earlier mount left that would stop this one.</summary>
    public IReadOnlyList<Mount> Mounts(SnapshotLease lease) => throw new NotImplementedException();

    /// <summary>In what a snapshot differs from its parent, in path order. It must not be mounted for writing meanwhile, or be paused.</summary>
    public IEnumerable<FileChange> Changes(SnapshotLease lease, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>The snapshot's files, for use while it is not mounted. The tree must be disposed before the lease.</summary>
    public UnionTree OpenTree(SnapshotLease lease) => throw new NotImplementedException();

    /// <summary>What the snapshot adds to its parent, as the entries of a layer.</summary>
    public LayerSource OpenLayer(SnapshotLease lease, CancellationToken ct = default) => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}

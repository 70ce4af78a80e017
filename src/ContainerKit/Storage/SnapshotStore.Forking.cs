using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage;

// How what a writable snapshot holds becomes common ground: it is frozen, and a new one of its name stands on it.
internal sealed partial class SnapshotStore
{
    private const string FrozenPrefix = "frozen ";

    /// <summary>
    /// Makes what a writable snapshot holds a committed one, on which more can be built, and puts a new one of the old name on top.
    /// That costs two renames, whatever it holds (with a driver that copies, a copy). When it has changed nothing, it stays as it is.
    /// </summary>
    /// <param name="writable">The snapshot, held; the lease is over afterwards.</param>
    /// <param name="ct">Gives up before the first rename.</param>
    /// <returns>The name of what others can be built on.</returns>
    /// <remarks>
    /// Between the two renames nothing has the old name. Who dies there, or looks there, makes it again: <see cref="TryRestore"/>.
    /// </remarks>
    /// <exception cref="StorageException">The store cannot be written.</exception>
    public string Freeze(SnapshotLease writable, CancellationToken ct = default)
    {
        RequireLease(writable);
        using var closes = writable;
        using var store = LockStore(exclusive: false, ct);
        var snapshot = writable.Snapshot;
        if (snapshot.Parents is [var parent, ..] && SnapshotTrees.IsUntouched(Driver, snapshot))
        {
            return parent.Id;
        }

        var frozen = Frozen(snapshot);
        if (snapshot.Parents.Count + 2 > Driver.MaxLayers)
        {
            // Rare: first it has to be committed, and then the whole stack becomes one.
            Commit(writable, frozen.Id);
            Prepare(snapshot.Id, frozen.Id, CancellationToken.None).Dispose();
            return frozen.Id;
        }

        // All that takes long, and all that can fail for want of room, comes before the renames.
        var (temporary, record, itsLock) = MakeAside(snapshot.Id, SnapshotKind.Writable, [frozen, .. snapshot.Parents], ct);
        using (itsLock)
        {
            try
            {
                Commit(writable, frozen.Id);
                Publish(temporary, SnapshotNames.DirectoryOf(SnapshotKind.Writable, record.Name));
            }
            catch (Exception e)
            {
                Discard(temporary, itsLock);
                if (e is not LinuxException error)
                {
                    throw;
                }

                // Somebody looked between the renames, and has made it again already.
                if (error.Errno != Errno.EEXIST)
                {
                    throw StorageErrors.Translate(error, $"freeze the snapshot '{snapshot.Id}'", _directory);
                }
            }
        }

        return frozen.Id;
    }

    /// <summary>
    /// The same for a snapshot that is mounted and stays so: the new one comes on top of it in the mount. Nothing may change it meanwhile.
    /// </summary>
    /// <param name="writable">The snapshot, held; the lease is over afterwards, unless it has changed nothing.</param>
    /// <param name="open">Opens a new snapshot's branch, so that it can be put on top of the mount at once.</param>
    /// <param name="ct">Gives up before the first rename.</param>
    /// <returns>The name of what others can be built on, and the lease of what is written from now on.</returns>
    /// <remarks>When it fails and the lease is over, the mount goes on writing into what is common ground: it must end.</remarks>
    /// <exception cref="StorageException">The store cannot be written, or no more layers can be stacked.</exception>
    public (string Frozen, SnapshotLease Writable) FreezeMounted(SnapshotLease writable, Func<Snapshot, IOpenedBranch> open, CancellationToken ct = default)
    {
        RequireLease(writable);
        using var store = LockStore(exclusive: false, ct);
        var snapshot = writable.Snapshot;
        if (snapshot.Parents is [var parent, ..] && SnapshotTrees.IsUntouched(Driver, snapshot))
        {
            return (parent.Id, writable);
        }

        if (snapshot.Parents.Count + 2 > Driver.MaxLayers)
        {
            throw new StorageException($"The snapshot '{snapshot.Id}' cannot get another layer while it is mounted: it has as many as the driver {Driver.Name} stacks ({Driver.MaxLayers}).")
            {
                Hint = "Stop the container first: then its layers become one.",
            };
        }

        var frozen = Frozen(snapshot);
        var (temporary, record, itsLock) = MakeAside(snapshot.Id, SnapshotKind.Writable, [frozen, .. snapshot.Parents], ct);
        IOpenedBranch? branch = null;
        SnapshotLease? lease = null;
        try
        {
            branch = open(ToSnapshot(record, snapshot.Id, SnapshotKind.Writable, temporary) with { Parents = [frozen, .. snapshot.Parents] });
            Commit(writable, frozen.Id, isMounted: true);
            lease = PublishOrAcquire(snapshot.Id, temporary, record, itsLock);
            if (lease.Snapshot.StableId != record.StableId)
            {
                // Somebody looked between the renames, and has made it again already.
                branch.Dispose();
                branch = open(lease.Snapshot);
            }

            branch.PutOnTop();
            return (frozen.Id, lease);
        }
        catch (Exception e)
        {
            branch?.Dispose();
            lease?.Dispose();
            if (lease is null)
            {
                using (itsLock)
                {
                    Discard(temporary, itsLock);
                }
            }

            throw e is LinuxException error ? StorageErrors.Translate(error, $"freeze the snapshot '{snapshot.Id}'", _directory) : e;
        }
    }

    /// <summary>Makes a writable snapshot again that was lost while it was being frozen.</summary>
    /// <returns>Whether it is there now; false when it was never frozen.</returns>
    public bool TryRestore(string name, CancellationToken ct = default)
    {
        if (TryFind(name) is not null)
        {
            return true;
        }

        if (List().Where(snapshot => IsFrozenOf(snapshot, name)).MaxBy(MadeAt) is not { } frozen)
        {
            return false;
        }

        try
        {
            Prepare(name, frozen.Id, ct).Dispose();
            return true;
        }
        catch (StorageException) when (TryFind(name) is not null)
        {
            // Whoever was freezing it has come to the end of it.
            return true;
        }
    }

    /// <summary>Removes what was frozen below a snapshot that is gone by now, as far as nothing else is built on it and nobody holds it.</summary>
    public void RemoveFrozen(IReadOnlyList<Snapshot> parents)
    {
        foreach (var frozen in parents.TakeWhile(parent => parent.Id.StartsWith(FrozenPrefix, StringComparison.Ordinal)))
        {
            using var store = LockStore(exclusive: false, CancellationToken.None);
            if (ChildrenOf(frozen).Count > 0 || DirectoryLock.TryTake(frozen.Directory, exclusive: true, out var itsLock) != LockResult.Taken)
            {
                return;
            }

            using (itsLock)
            {
                if (ChildrenOf(frozen).Count > 0)
                {
                    return;
                }

                RemoveLocked(frozen.Directory, itsLock!);
            }
        }
    }

    private SnapshotLease PublishOrAcquire(string name, string temporary, SnapshotRecord record, SafeFileHandle itsLock)
    {
        var directory = SnapshotNames.DirectoryOf(SnapshotKind.Writable, name);
        try
        {
            Publish(temporary, directory);
        }
        catch (LinuxException e) when (e.Errno == Errno.EEXIST)
        {
            var lease = Acquire(name, CancellationToken.None);
            using (itsLock)
            {
                Discard(temporary, itsLock);
            }

            return lease;
        }

        var snapshot = ToSnapshot(record, name, SnapshotKind.Writable, Path.Combine(_directory, directory));
        return new SnapshotLease(snapshot, itsLock, _chain, HoldChain(name, snapshot.Parents));
    }

    private static Snapshot Frozen(Snapshot snapshot) =>
        snapshot with { Id = $"{FrozenPrefix}{snapshot.Id} {SnapshotNames.NewStableId()[..16]}", Kind = SnapshotKind.Committed };

    private static bool IsFrozenOf(Snapshot snapshot, string name) =>
        snapshot.Kind == SnapshotKind.Committed && snapshot.Id.StartsWith($"{FrozenPrefix}{name} ", StringComparison.Ordinal);

    // The time of the record, which is written when a layer is begun.
    private static UnixTime MadeAt(Snapshot snapshot) => SnapshotTrees.CreationTime(snapshot) ?? default;
}

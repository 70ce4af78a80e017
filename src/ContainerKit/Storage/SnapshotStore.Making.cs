using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage;

// How a snapshot comes to be: aside, under a lock that says its maker is alive, and then by one rename.
internal sealed partial class SnapshotStore
{
    private SnapshotLease Make(string name, SnapshotKind kind, string? parent, CancellationToken ct)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        using var store = LockStore(exclusive: false, ct);
        if (TryFind(name) is { } existing)
        {
            throw new StorageException($"'{name}' cannot be made: there is a {Describe(existing.Kind)} of that name.");
        }

        return MakeOn(name, kind, parent is null ? [] : ChainFor(name, parent, ct), isNamed: true, ct);
    }

    private SnapshotLease MakeOn(string name, SnapshotKind kind, IReadOnlyList<Snapshot> parents, bool isNamed, CancellationToken ct)
    {
        // Held first: as long as it is, nobody removes what this will be built on.
        var chain = HoldChain(name, parents);
        SafeFileHandle? itsLock = null;
        string? temporary = null;
        try
        {
            (temporary, var record, itsLock) = MakeAside(name, kind, parents, ct);
            var directory = temporary;
            if (isNamed)
            {
                directory = Path.Combine(_directory, SnapshotNames.DirectoryOf(kind, name));
                Publish(temporary, Path.GetFileName(directory));
            }

            return new SnapshotLease(ToSnapshot(record, name, kind, directory), itsLock, _chain, chain);
        }
        catch (Exception e)
        {
            _chain.Release(chain);
            using (itsLock)
            {
                if (itsLock is not null)
                {
                    Discard(temporary!, itsLock);
                }
            }

            if (e is LinuxException error)
            {
                throw error.Errno == Errno.EEXIST
                    ? new StorageException($"'{name}' cannot be made: somebody else made one of that name at the same time.", e)
                    : StorageErrors.Translate(error, $"make the snapshot '{name}'", _directory);
            }

            throw;
        }
    }

    /// <summary>Makes all of a snapshot but its name in the store. What it is built on must be held.</summary>
    private (string Path, SnapshotRecord Record, SafeFileHandle Lock) MakeAside(string name, SnapshotKind kind, IReadOnlyList<Snapshot> parents, CancellationToken ct)
    {
        var (temporary, itsLock) = MakeTemporary();
        try
        {
            var record = NewRecord(name, kind, parents, SnapshotNames.StableIdOf(Path.GetFileName(temporary)));
            Driver.Create(ToSnapshot(record, name, kind, temporary) with { Parents = parents }, ct);

            // After all else: its time is when the snapshot was made.
            WriteWhole(temporary, SnapshotRecord.FileName, record.ToJson());
            return (temporary, record, itsLock);
        }
        catch (Exception e)
        {
            using (itsLock)
            {
                Discard(temporary, itsLock);
            }

            throw e is LinuxException error ? StorageErrors.Translate(error, $"make the snapshot '{name}'", _directory) : e;
        }
    }

    private (string Path, SafeFileHandle Lock) MakeTemporary()
    {
        using var store = RootedDirectory.Open(_directory);
        while (true)
        {
            var name = SnapshotNames.TemporaryOf(SnapshotNames.NewStableId());
            FileCalls.Local.MakeDirectory(store.Handle, name, DirectoryMode);

            // Somebody who sweeps may have seen it before its lock: then it is his, and another one is made.
            var path = Path.Combine(_directory, name);
            if (DirectoryLock.TryTake(path, exclusive: true, out var handle) == LockResult.Taken)
            {
                FileCalls.Local.SetMode(handle!, default, DirectoryMode);
                return (path, handle!);
            }
        }
    }

    private SnapshotRecord NewRecord(string name, SnapshotKind kind, IReadOnlyList<Snapshot> parents, string stableId) => new(
        name,
        kind,
        [.. parents.Select(each => each.Id)],
        stableId,
        [.. parents.Select(each => each.StableId)],
        Driver.Name,
        _options.UserAttributes,
        _options.IdMap is { } map ? TextOf(map) : null);

    private void Discard(string temporary, SafeFileHandle itsLock)
    {
        try
        {
            RemoveLocked(temporary, itsLock);
        }
        catch (Exception e) when (e is StorageException or HostCapabilityException)
        {
            // The failure that led here is the one to tell; the next open sweeps.
        }
    }

    /// <summary>The parents of what is built on <paramref name="parent"/>, flattened into one where a driver cannot stack so many.</summary>
    private List<Snapshot> ChainFor(string name, string parent, CancellationToken ct)
    {
        var snapshot = TryFind(parent) ?? throw new StorageException($"'{name}' cannot be made: there is no snapshot '{parent}' to build it on.") { IsBaseGone = true };
        if (snapshot.Kind != SnapshotKind.Committed)
        {
            throw new StorageException($"'{name}' cannot be built on '{parent}', which is a {Describe(snapshot.Kind)}: commit it first.");
        }

        if (snapshot.UserAttributes != _options.UserAttributes || snapshot.IdMap != (_options.IdMap is { } map ? TextOf(map) : null))
        {
            throw new StorageException($"'{name}' cannot be built on '{parent}': its files were written for another user namespace, and would be read wrong.");
        }

        // One for the new snapshot itself.
        return snapshot.Parents.Count + 2 <= Driver.MaxLayers ? [snapshot, .. snapshot.Parents] : [Flatten(snapshot, ct)];
    }

    private Snapshot Flatten(Snapshot chain, CancellationToken ct)
    {
        var name = FlatNameOf(chain.Id);
        if (TryFind(name) is { } done)
        {
            return done;
        }

        using var held = Acquired(chain, ct);
        var making = MakeOn(name, SnapshotKind.Writable, [], isNamed: false, ct);
        try
        {
            using (var from = SnapshotTrees.Open(Driver, chain))
            using (var to = SnapshotTrees.Open(Driver, making.Snapshot, isPrivate: true))
            {
                TreeFlattener.Copy(from, to, ct);
            }

            return Commit(making, name);
        }
        catch (Exception e)
        {
            Remove(making);
            throw e is LinuxException error ? StorageErrors.Translate(error, $"flatten the {chain.Parents.Count + 1} layers of '{chain.Id}' into one", _directory) : e;
        }
    }

    private static string FlatNameOf(string name) => $"flat {name}";

    private SnapshotLease Acquired(Snapshot snapshot, CancellationToken ct) =>
        TryHold(snapshot.Id, Patience, ct, out _) ?? throw new StorageException($"'{snapshot.Id}' is being removed.");

    private static string TextOf(UserMap map) => $"{string.Join(',', map.Users)};{string.Join(',', map.Groups)}";
}

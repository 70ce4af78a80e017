using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage;

// How a snapshot goes: by one rename, and then at leisure. What a process leaves that dies on the way is swept by the next that opens.
internal sealed partial class SnapshotStore
{
    /// <summary>Removes a snapshot. One that is not there is no error.</summary>
    /// <exception cref="StorageException">Others are built on it, or somebody holds it.</exception>
    public void Remove(string name, CancellationToken ct = default)
    {
        if (!TryRemove(name, ct))
        {
            throw new StorageException($"Cannot remove '{name}': it is in use by a container, task or process.");
        }
    }

    /// <summary>The same, or false when somebody holds it for longer than a moment.</summary>
    /// <exception cref="StorageException">Others are built on it.</exception>
    public bool TryRemove(string name, CancellationToken ct = default)
    {
        using var store = LockStore(exclusive: false, ct);
        var deadline = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        while (TryFind(name) is { } snapshot)
        {
            RefuseIfBuiltOn(snapshot);
            switch (DirectoryLock.TryTake(snapshot.Directory, exclusive: true, out var itsLock))
            {
                case LockResult.Taken:
                    using (itsLock)
                    {
                        // Again, now that nobody can build on it any more.
                        RefuseIfBuiltOn(snapshot);
                        RemoveLocked(snapshot.Directory, itsLock!);
                    }

                    return true;
                case LockResult.Busy when Environment.TickCount64 >= deadline:
                    return false;
            }

            ct.WaitHandle.WaitOne(2);
            ct.ThrowIfCancellationRequested();
        }

        return true;
    }

    /// <summary>Removes a writable snapshot or a view that is held here, which ends the lease. One whose lease is over already is left alone.</summary>
    public void Remove(SnapshotLease lease)
    {
        if (lease.IsOver)
        {
            return;
        }

        if (lease.Snapshot.Kind == SnapshotKind.Committed)
        {
            throw new StorageException($"Cannot remove '{lease.Snapshot.Id}' while it is held: it is a committed snapshot, which others may hold as well.");
        }

        using (lease)
        using (var itsLock = FileCalls.Local.Open(null, lease.Snapshot.Directory, OpenFlags.Directory, resolve: Resolve.Host))
        {
            RemoveLocked(lease.Snapshot.Directory, itsLock);
        }
    }

    /// <summary>Removes every committed snapshot that is not needed, that nothing is built on, and that nobody holds.</summary>
    /// <param name="isNeeded">Whether a snapshot is to stay for reasons of its own.</param>
    /// <param name="ct">Stops between two.</param>
    /// <returns>What was removed.</returns>
    public IReadOnlyList<string> Collect(Func<Snapshot, bool> isNeeded, CancellationToken ct = default)
    {
        using var store = LockStore(exclusive: true, ct);
        var all = List().ToDictionary(snapshot => snapshot.Id, StringComparer.Ordinal);
        var children = all.Values
            .Where(snapshot => snapshot.Parents.Count > 0)
            .GroupBy(snapshot => snapshot.Parents[0].Id, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);
        var removed = new List<string>();
        var candidates = new Stack<Snapshot>(all.Values.Where(IsLeaf));
        while (candidates.TryPop(out var snapshot))
        {
            ct.ThrowIfCancellationRequested();
            if (isNeeded(snapshot) || DirectoryLock.TryTake(snapshot.Directory, exclusive: true, out var itsLock) != LockResult.Taken)
            {
                continue;
            }

            using (itsLock)
            {
                RemoveLocked(snapshot.Directory, itsLock!);
            }

            removed.Add(snapshot.Id);

            // Its parent may have been there for its sake alone.
            if (snapshot.Parents is [var parent, ..] && --children[parent.Id] == 0 && all.TryGetValue(parent.Id, out var next) && IsLeaf(next))
            {
                candidates.Push(next);
            }
        }

        return removed;

        bool IsLeaf(Snapshot snapshot) => snapshot.Kind == SnapshotKind.Committed && children.GetValueOrDefault(snapshot.Id) == 0;
    }

    private void RefuseIfBuiltOn(Snapshot snapshot)
    {
        if (snapshot.Kind != SnapshotKind.Committed)
        {
            return;
        }

        var children = ChildrenOf(snapshot);
        if (children.Count > 0)
        {
            throw new StorageException($"Cannot remove '{snapshot.Id}': {string.Join(", ", children)} {(children.Count == 1 ? "is" : "are")} built on it.");
        }
    }

    private List<string> ChildrenOf(Snapshot snapshot) =>
        [.. List().Where(other => other.Parents is [var parent, ..] && parent.Id == snapshot.Id).Select(child => $"'{child.Id}'").Order()];

    private void RemoveLocked(string directory, SafeFileHandle itsLock)
    {
        try
        {
            // Where nobody can be had to remove the files, the name stays as well.
            var calls = _options.Calls ?? FileCalls.Local;
            _ = calls.Stat(itsLock);
            using var store = RootedDirectory.Open(_directory);
            var name = Path.GetFileName(directory);
            var stableId = StableIdOf(name);
            var aside = SnapshotNames.IsHidden(name) ? name : SnapshotNames.RemovedOf(stableId);
            if (aside != name)
            {
                FileCalls.Local.Rename(store.Handle, name, store.Handle, aside);
            }

            Driver.Remove(Doomed(Path.Combine(_directory, aside), stableId));
            TreeRemover.Empty(calls, itsLock);
            FileCalls.Local.Unlink(store.Handle, aside, isDirectory: true);
        }
        catch (LinuxException e)
        {
            throw StorageErrors.Translate(e, $"remove '{directory}'", _directory);
        }
    }

    private string StableIdOf(string directoryName)
    {
        if (SnapshotNames.IsHidden(directoryName))
        {
            return SnapshotNames.StableIdOf(directoryName);
        }

        try
        {
            return TryRead(directoryName) is { StableId.Length: > 0 } snapshot ? snapshot.StableId : SnapshotNames.NewStableId();
        }
        catch (StorageException)
        {
            // Nobody can tell any more what belongs to it outside of its directory; what is in it goes all the same.
            return SnapshotNames.NewStableId();
        }
    }

    private Snapshot Doomed(string directory, string stableId) => new()
    {
        Id = Path.GetFileName(directory),
        StableId = stableId,
        Kind = SnapshotKind.Writable,
        Directory = directory,
        Calls = _options.Calls,
    };

    private void Sweep()
    {
        foreach (var path in Directory.EnumerateDirectories(_directory).Where(path => SnapshotNames.IsHidden(Path.GetFileName(path))))
        {
            // A held lock means a living maker, or a living remover. The rest belongs to nobody.
            if (DirectoryLock.TryTake(path, exclusive: true, out var itsLock) == LockResult.Taken)
            {
                using (itsLock)
                {
                    TryRemoveLocked(path, itsLock!);
                }
            }
        }
    }

    private void TryRemoveLocked(string directory, SafeFileHandle itsLock)
    {
        try
        {
            RemoveLocked(directory, itsLock);
        }
        catch (HostCapabilityException)
        {
            // Just now nobody may touch files of these owners. A later open tries again, and this one is for other things.
        }
    }

    /// <summary>Removes what a union left that died while it put a file in place.</summary>
    private void SweepStaging(Snapshot snapshot)
    {
        var work = Path.Combine(snapshot.Directory, "work");
        if (FileCalls.Local.TryOpen(null, work, OpenFlags.Directory, 0, Resolve.Host, out var handle) != 0)
        {
            return;
        }

        using (handle)
        {
            foreach (var name in DirectoryEntries.NamesOf(handle).Where(name => name.StartsWith(Union.BranchWriter.StagingPrefix, StringComparison.Ordinal)))
            {
                TreeRemover.Remove(_options.Calls ?? FileCalls.Local, handle, name);
            }
        }
    }
}

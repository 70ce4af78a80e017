using ContainerKit.Linux;

namespace ContainerKit.Storage;

// How a snapshot is held: its own lock first, then those of all that it is built on.
internal sealed partial class SnapshotStore
{
    /// <summary>Holds an existing snapshot.</summary>
    /// <exception cref="StorageException">There is no such snapshot, or somebody else holds it.</exception>
    public SnapshotLease Acquire(string name, CancellationToken ct = default)
    {
        return TryAcquire(name, out var isThere, ct)
            ?? throw new StorageException(isThere ? $"'{name}' is in use by another container, task or process." : $"There is no snapshot '{name}'.");
    }

    /// <summary>The same, or null when there is no such snapshot or somebody else holds it for longer than a moment; <paramref name="isThere"/> tells which.</summary>
    public SnapshotLease? TryAcquire(string name, out bool isThere, CancellationToken ct = default)
    {
        using var store = LockStore(exclusive: false, ct);
        var lease = TryHold(name, Patience, ct, out var result);
        isThere = result != LockResult.Absent;
        return lease;
    }

    /// <summary>Holds a snapshot, or answers null when there is none or somebody else holds it just now.</summary>
    public SnapshotLease? TryAcquire(string name)
    {
        using var store = LockStore(exclusive: false, CancellationToken.None);
        return TryHold(name, TimeSpan.Zero, CancellationToken.None, out _);
    }

    /// <summary>
    /// Looks at a snapshot that somebody else holds and does not change meanwhile; what it is built on is held as ever. The holder may remove it, and
    /// then what is read is not there.
    /// </summary>
    /// <exception cref="StorageException">There is no such snapshot.</exception>
    public SnapshotLease Borrow(string name, CancellationToken ct = default)
    {
        using var store = LockStore(exclusive: false, ct);
        var snapshot = TryFind(name) ?? throw new StorageException($"There is no snapshot '{name}'.");
        var directory = FileCalls.Local.Open(null, snapshot.Directory, OpenFlags.Directory | OpenFlags.NoFollow, resolve: Resolve.Host);
        try
        {
            return new SnapshotLease(snapshot, directory, _chain, HoldChain(snapshot.Id, snapshot.Parents));
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    private SnapshotLease? TryHold(string name, TimeSpan patience, CancellationToken ct, out LockResult result)
    {
        var deadline = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        while (true)
        {
            if (TryFind(name) is not { } snapshot)
            {
                result = LockResult.Absent;
                return null;
            }

            result = TryLock(snapshot, out var lease);
            if (result == LockResult.Taken || (result == LockResult.Busy && Environment.TickCount64 >= deadline))
            {
                return lease;
            }

            // Absent: renamed or removed a moment ago. Looking again tells which.
            ct.WaitHandle.WaitOne(2);
            ct.ThrowIfCancellationRequested();
        }
    }

    private LockResult TryLock(Snapshot snapshot, out SnapshotLease? lease)
    {
        lease = null;
        var result = DirectoryLock.TryTake(snapshot.Directory, exclusive: snapshot.Kind != SnapshotKind.Committed, out var itsLock);
        if (result != LockResult.Taken)
        {
            return result;
        }

        try
        {
            lease = new SnapshotLease(snapshot, itsLock!, _chain, HoldChain(snapshot.Id, snapshot.Parents));
            return LockResult.Taken;
        }
        catch
        {
            itsLock!.Dispose();
            throw;
        }
    }

    private List<string> HoldChain(string name, IReadOnlyList<Snapshot> parents)
    {
        var directories = parents.Select(parent => parent.Directory).ToList();
        var deadline = Environment.TickCount64 + (long)ChainPatience.TotalMilliseconds;
        LockResult result;
        string? refused;

        // Whoever has just committed one still holds it alone, while he tidies up behind it.
        while ((result = _chain.TryTake(directories, out refused)) == LockResult.Busy && Environment.TickCount64 < deadline)
        {
            Thread.Sleep(2);
        }

        return result switch
        {
            LockResult.Taken => directories,
            LockResult.Busy => throw new StorageException($"'{name}' cannot be used: '{parents.First(parent => parent.Directory == refused)}', on which it is built, is being removed.") { IsBaseGone = true },
            _ => throw new StorageException($"'{name}' cannot be used: '{parents.First(parent => parent.Directory == refused)}', on which it is built, is gone.") { IsBaseGone = true },
        };
    }
}

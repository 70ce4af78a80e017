using ContainerKit.Containers.Layering;
using ContainerKit.Containers.Runs;
using ContainerKit.Storage;

namespace ContainerKit.Containers.Catalog;

// What is removed because nobody needs it, or because its process is gone.
internal sealed partial class ContainerCatalog
{
    /// <summary>Removes the snapshots that neither an image nor a container needs.</summary>
    public void Prune(CancellationToken cancellationToken)
    {
        using var lease = Images.Catalog.Lease(cancellationToken);
        foreach (var record in Records())
        {
            TryRestore(record, cancellationToken);
        }

        // Looked up when nobody can make a snapshot any more: an image that came before that is seen, and one that comes later waits.
        var needed = new Lazy<HashSet<string>>(() => [.. Images.Catalog.List().SelectMany(Unpacker.NamesOf), .. UsedSnapshots()]);
        Snapshots.Collect(snapshot => needed.Value.Contains(snapshot.Id), cancellationToken);
        Unpacker.ForgetGone();
    }

    /// <summary>Removes the unnamed containers of processes that are gone, those that were to go at their end, and what was left half-made or half-removed.</summary>
    public void Sweep()
    {
        foreach (var directory in Directory.EnumerateDirectories(store.Containers))
        {
            if (DirectoryLock.TryTake(directory, exclusive: true, out var held) == LockResult.Taken)
            {
                using (held)
                {
                    TrySweep(directory);
                }
            }
        }

        SweepVolumes();
        cgroups.Sweep();
        if (Environment.IsPrivilegedProcess)
        {
            Networks.Sweep();
        }
    }

    /// <summary>Whether it has run, was to be removed then, and nobody has its layer. Its host may have been killed before it could write down the end.</summary>
    public bool IsOver(ContainerRecord record) => record.Options.IsRemovedAtEnd && !IsLayerHeld(record) &&
        (ExitRecord.TryRead(DirectoryOf(record.Id)) is not null || RunningProcess.TryRead(DirectoryOf(record.Id)) is not null);

    /// <summary>Clears a network of a container that has ended when nobody of its own was there.</summary>
    public void SweepNetworkOf(ContainerRecord record)
    {
        if (RunNetwork.NameOf(record) is { } name && Environment.IsPrivilegedProcess && Networks.Find(name) is { } network)
        {
            Networks.Sweep(network);
        }
    }

    private void TrySweep(string directory)
    {
        try
        {
            SweepOne(directory);
        }
        catch (Exception e) when (e is StorageException or HostCapabilityException)
        {
            // Somebody looks at its files just now, or they cannot be removed while the host is as it is: that must not keep a store from
            // opening.
            Logger.NotSwept(Path.GetFileName(directory), e.Message);
        }
    }

    private void SweepOne(string directory)
    {
        // What has its dot is nobody's, and its record may be half-written.
        var name = Path.GetFileName(directory);
        if (name.StartsWith('.'))
        {
            Snapshots.Remove(name[1..]);
            DeleteDirectory(directory);
        }
        else if (TryRead(name) is { } record)
        {
            if (record.Name is null || IsOver(record))
            {
                Remove(record);
                Logger.Swept(record.Id);
            }
            else
            {
                TryRestore(record, CancellationToken.None);
            }
        }
    }

    /// <summary>Gives a container its layer back whose process died, or just is, between the two renames of a fork.</summary>
    private bool TryRestore(ContainerRecord record, CancellationToken cancellationToken)
    {
        if (record.Driver != Snapshots.Driver.Name || !Snapshots.TryRestore(record.Id, cancellationToken))
        {
            return false;
        }

        // Whoever removes a container takes its directory away first, and then the layer that he finds.
        if (!Directory.Exists(DirectoryOf(record.Id)))
        {
            Snapshots.TryRemove(record.Id, cancellationToken);
        }

        return true;
    }
}

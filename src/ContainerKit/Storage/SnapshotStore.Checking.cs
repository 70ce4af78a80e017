using ContainerKit.Layers.Trees;
using ContainerKit.Linux;

namespace ContainerKit.Storage;

/// <summary>A snapshot that is not as it should be.</summary>
/// <param name="Directory">The name of its directory, which is there even where its record is not.</param>
/// <param name="Id">Its name; null when nobody can tell.</param>
/// <param name="Problem">What is wrong, as a sentence.</param>
internal sealed record SnapshotDamage(string Directory, string? Id, string Problem)
{
    /// <summary>The name of what it is built on and is gone; null when that is not what is wrong.</summary>
    public string? MissingParent { get; init; }
}

// Whether what is written down about snapshots makes sense, and whether the files of those that were unpacked are what their layers say.
internal sealed partial class SnapshotStore
{
    /// <summary>Reads every snapshot's record, and looks for its files and for what it is built on.</summary>
    /// <param name="damages">Gets those that are damaged.</param>
    /// <param name="ct">Stops between two.</param>
    /// <returns>How many snapshots there are.</returns>
    public int Check(ICollection<SnapshotDamage> damages, CancellationToken ct)
    {
        using var store = LockStore(exclusive: false, ct);
        var names = Directory.EnumerateDirectories(_directory).Select(path => Path.GetFileName(path)).Where(name => SnapshotNames.KindOf(name) is not null).ToList();
        foreach (var name in names)
        {
            ct.ThrowIfCancellationRequested();
            if (FindDamage(name) is { } damage)
            {
                damages.Add(damage);
            }
        }

        return names.Count;
    }

    /// <summary>Compares what a committed snapshot has with what it should have. What it shows of others is theirs.</summary>
    /// <param name="name">The snapshot; one that is not there has nothing wrong.</param>
    /// <param name="expected">What it should show.</param>
    /// <param name="ct">Gives up.</param>
    public SnapshotDamage? FindDamage(string name, LayerTree expected, CancellationToken ct)
    {
        if (TryAcquire(name, out _, ct) is not { } lease)
        {
            return null;
        }

        using (lease)
        {
            var snapshot = lease.Snapshot;
            try
            {
                // Where the layers below were made one, only the whole tells whether that was done right.
                var isFlat = snapshot.Parents.Any(parent => parent.Id == FlatNameOf(name) || parent.Id.StartsWith(FlatNameOf(""), StringComparison.Ordinal));
                using var tree = SnapshotTrees.Open(Driver, snapshot with { Kind = SnapshotKind.Writable }, isPrivate: true, ownLayers: isFlat ? int.MaxValue : 1);
                return new TreeVerifier(expected, tree, isLossy: snapshot.UserAttributes).FindDifferences(ct) is { } difference
                    ? new SnapshotDamage(Path.GetFileName(snapshot.Directory), name, $"The snapshot '{name}' is damaged: {difference}.")
                    : null;
            }
            catch (Exception e) when (e is StorageException or IOException or UnauthorizedAccessException)
            {
                return new SnapshotDamage(Path.GetFileName(snapshot.Directory), name, $"The snapshot '{name}' is damaged: {e.Message}");
            }
        }
    }

    private SnapshotDamage? FindDamage(string directoryName)
    {
        var directory = Path.Combine(_directory, directoryName);
        try
        {
            if (TryRead(directoryName) is not { } snapshot)
            {
                // It may have been removed meanwhile.
                return Directory.Exists(directory) ? new SnapshotDamage(directoryName, NameIn(directory), $"The snapshot '{directory}' has lost the record of what it is.") : null;
            }

            if (snapshot.Parents.FirstOrDefault(parent => !Directory.Exists(parent.Directory)) is { } missing)
            {
                return new SnapshotDamage(directoryName, snapshot.Id, $"The snapshot '{snapshot}' is built on '{missing}', which is gone.") { MissingParent = missing.Id };
            }

            return HasFiles(snapshot) || TryRead(directoryName) is null
                ? null
                : new SnapshotDamage(directoryName, snapshot.Id, $"The snapshot '{snapshot}' has lost its files.");
        }
        catch (Exception e) when (e is StorageException or IOException or UnauthorizedAccessException)
        {
            return new SnapshotDamage(directoryName, NameIn(directory), $"The snapshot '{directory}' cannot be read: {e.Message}");
        }
    }

    // A committed one has its name beside the record.
    private static string? NameIn(string directory) => ReadWhole(Path.Combine(directory, "name")) is { Length: > 0 } name ? System.Text.Encoding.UTF8.GetString(name) : null;

    // Of a view, its parents have the files; and a driver from outside may keep them as it likes.
    private bool HasFiles(Snapshot snapshot)
    {
        if (snapshot.Kind == SnapshotKind.View)
        {
            return true;
        }

        var own = BranchStack.Of(Driver, snapshot with { Kind = SnapshotKind.Writable }).Upper;
        var errno = FileCalls.Local.TryOpen(null, own!, OpenFlags.PathOnly | OpenFlags.Directory, 0, Resolve.Host, out var handle);
        handle.Dispose();
        return errno is not (Errno.ENOENT or Errno.ENOTDIR);
    }
}

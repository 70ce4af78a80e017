namespace ContainerKit.Storage;

// What snapshots take on their disk.
internal sealed partial class SnapshotStore
{
    /// <summary>Something that measures as this store sees its files.</summary>
    public TreeMeasure Measure(CancellationToken ct) => new(_options.Calls ?? Linux.FileCalls.Local, ct);

    /// <summary>The bytes of a snapshot, with what its driver keeps elsewhere.</summary>
    public long BytesOf(Snapshot snapshot, TreeMeasure measure) => measure.Of(snapshot.Directory) + Driver.PathsOutside(snapshot).Sum(measure.Of);

    /// <summary>The committed snapshots that a collection would leave: those that are needed or held, and what they stand on.</summary>
    public static IReadOnlySet<string> Needed(IReadOnlyList<Snapshot> all, Func<Snapshot, bool> isNeeded)
    {
        var needed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var snapshot in all.Where(snapshot => snapshot.Kind != SnapshotKind.Committed || isNeeded(snapshot) || IsHeld(snapshot)))
        {
            needed.Add(snapshot.Id);
            needed.UnionWith(snapshot.Parents.Select(parent => parent.Id));
        }

        return needed;
    }

    private static bool IsHeld(Snapshot snapshot)
    {
        using var _ = DirectoryLock.TryTake(snapshot.Directory, exclusive: true, out var itsLock) == LockResult.Taken ? itsLock : null;
        return itsLock is null;
    }
}

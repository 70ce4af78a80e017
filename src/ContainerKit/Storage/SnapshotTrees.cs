using System.Runtime.Versioning;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;

namespace ContainerKit.Storage;

/// <summary>
/// Opens a snapshot's files without mounting them, whichever driver made it: what the driver says is to be mounted is read as a
/// description of branches.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class SnapshotTrees
{
    /// <summary>Opens what the mounts would show.</summary>
    /// <param name="driver">Who made the snapshot.</param>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="isPrivate">Whether nobody sees the tree unless all goes well, so that files can be made in place.</param>
    /// <param name="ownLayers">How many of the topmost layers count as the snapshot's own: <see cref="UnionEntry.IsOwn"/>.</param>
    public static UnionTree Open(IStorageDriver driver, Snapshot snapshot, bool isPrivate = false, int ownLayers = 1)
    {
        var stack = BranchStack.Of(driver, snapshot);
        return Open(snapshot, stack, isPrivate || stack.Upper is null ? null : Path.Combine(snapshot.Directory, "work"), ownLayers);
    }

    /// <summary>In what a snapshot differs from its parent.</summary>
    public static IEnumerable<FileChange> Compare(IStorageDriver driver, Snapshot snapshot, CancellationToken ct) =>
        Compare(driver, snapshot, Baseline.ParentOf(snapshot), ct);

    /// <summary>In what a snapshot differs from another.</summary>
    public static IEnumerable<FileChange> Compare(IStorageDriver driver, Snapshot snapshot, Baseline baseline, CancellationToken ct)
    {
        if (snapshot.Kind == SnapshotKind.View)
        {
            yield break;
        }

        var (before, after) = OpenBoth(driver, snapshot, baseline);
        using var closesAfter = after;
        using var closesBefore = before;
        foreach (var change in new TreeComparison(before, after, baseline.UnchangedUntil).Changes(ct))
        {
            yield return change;
        }
    }

    /// <summary>A snapshot's own tree, with its own layers told from the rest, and the tree that it is compared with.</summary>
    public static (UnionTree? Before, UnionTree After) OpenBoth(IStorageDriver driver, Snapshot snapshot, Baseline baseline)
    {
        var after = Open(driver, snapshot with { Kind = SnapshotKind.Writable }, ownLayers: baseline.OwnLayers);
        try
        {
            return (baseline.Before is { } before ? Open(driver, before) : null, after);
        }
        catch
        {
            after.Dispose();
            throw;
        }
    }

    /// <summary>Whether a writable snapshot still shows exactly what its parent shows. One that holds anything at all does not count as such.</summary>
    public static bool IsUntouched(IStorageDriver driver, Snapshot snapshot)
    {
        var baseline = Baseline.ParentOf(snapshot);
        var (before, after) = OpenBoth(driver, snapshot, baseline);
        using var closesAfter = after;
        using var closesBefore = before;
        if (before is null || !new TreeComparison(before, after, null).IsRootTheSame())
        {
            return false;
        }

        // A driver that copies has no top of its own: what a fork would copy is looked through instead.
        return BranchStack.Of(driver, snapshot).Lower.Count > 0
            ? after.HasEmptyTop
            : new TreeComparison(before, after, baseline.UnchangedUntil).Differences(forLayer: true, CancellationToken.None).Count == 0;
    }

    /// <summary>When the snapshot was made. Whatever was touched later has a later change time, and nobody can turn that back.</summary>
    public static UnixTime? CreationTime(Snapshot snapshot)
    {
        using var directory = RootedDirectory.Open(snapshot.Directory);
        return FileCalls.Local.TryStat(directory.Handle, SnapshotRecord.FileName, out var stat) == 0 ? stat.ModifiedTime : null;
    }

    private static UnionTree Open(Snapshot snapshot, BranchStack stack, string? staging, int ownLayers)
    {
        var calls = snapshot.Calls ?? FileCalls.Local;
        var opened = new List<RootedDirectory>();
        try
        {
            string[] own = [.. Maybe(stack.Upper), .. Maybe(staging)];
            foreach (var path in own.Concat(stack.Lower))
            {
                opened.Add(RootedDirectory.Open(path, calls));
            }

            return new UnionTree(
                stack.Upper is null ? null : opened[0],
                opened[own.Length..],
                stack.Dialect,
                snapshot.Ownership ?? TreeOwnership.Direct,
                staging is null ? null : opened[1],
                ownLayers);
        }
        catch
        {
            opened.ForEach(directory => directory.Dispose());
            throw;
        }

        static string[] Maybe(string? path) => path is null ? [] : [path];
    }
}

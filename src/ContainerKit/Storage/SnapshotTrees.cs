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
    public static UnionTree Open(IStorageDriver driver, Snapshot snapshot, bool isPrivate = false)
    {
        var staging = isPrivate ? null : Path.Combine(snapshot.Directory, "work");
        return driver.Mounts(snapshot) switch
        {
            [{ Type: "overlay" } overlay] => Open(
                snapshot,
                overlay.Options.FirstOrDefault(Is("upperdir="))?["upperdir=".Length..],
                [.. overlay.Options.Where(Is("lowerdir=")).Select(option => option["lowerdir=".Length..])],
                overlay.Options.Contains("userxattr") ? OverlayDialect.User : OverlayDialect.Trusted,
                staging),
            [{ Type: "bind" } bind] when bind.Options.Contains("ro") => Open(snapshot, null, [bind.Source], DialectOfOne(driver, snapshot), null),
            [{ Type: "bind" } bind] => Open(snapshot, bind.Source, [], DialectOfOne(driver, snapshot), staging),
            _ => throw new StorageException($"'{snapshot.Id}' cannot be opened without mounting it: its driver '{driver.Name}' mounts it in a way of its own."),
        };

        static Func<string, bool> Is(string key) => option => option.StartsWith(key, StringComparison.Ordinal);
    }

    /// <summary>In what a snapshot differs from its parent.</summary>
    public static IEnumerable<FileChange> Compare(IStorageDriver driver, Snapshot snapshot, CancellationToken ct)
    {
        if (snapshot.Kind == SnapshotKind.View)
        {
            yield break;
        }

        var (before, after) = OpenBoth(driver, snapshot);
        using var closesAfter = after;
        using var closesBefore = before;
        foreach (var change in new TreeComparison(before, after, CreationTime(snapshot)).Changes(ct))
        {
            yield return change;
        }
    }

    /// <summary>A snapshot's own tree, with its own layer as the one that could be written, and the tree of its parent.</summary>
    public static (UnionTree? Before, UnionTree After) OpenBoth(IStorageDriver driver, Snapshot snapshot)
    {
        var after = Open(driver, snapshot with { Kind = SnapshotKind.Writable });
        try
        {
            return (snapshot.Parents is [var parent, ..] ? Open(driver, parent) : null, after);
        }
        catch
        {
            after.Dispose();
            throw;
        }
    }

    /// <summary>When the snapshot was made. Whatever was touched later has a later change time, and nobody can turn that back.</summary>
    public static UnixTime? CreationTime(Snapshot snapshot)
    {
        using var directory = RootedDirectory.Open(snapshot.Directory);
        return FileCalls.Local.TryStat(directory.Handle, SnapshotRecord.FileName, out var stat) == 0 ? stat.ModifiedTime : null;
    }

    // A base snapshot of the overlay driver is a single branch, and still speaks overlayfs: its whiteouts, if any, hide nothing.
    private static IWhiteoutDialect DialectOfOne(IStorageDriver driver, Snapshot snapshot) =>
        driver.Name != "overlay" ? PlainDialect.Instance : snapshot.UserAttributes ? OverlayDialect.User : OverlayDialect.Trusted;

    private static UnionTree Open(Snapshot snapshot, string? upper, List<string> lower, IWhiteoutDialect dialect, string? staging)
    {
        staging = upper is null ? null : staging;
        var calls = snapshot.Calls ?? FileCalls.Local;
        var opened = new List<RootedDirectory>();
        try
        {
            foreach (var path in (IEnumerable<string>)[.. upper is null ? (string[])[] : [upper], .. staging is null ? (string[])[] : [staging], .. lower])
            {
                opened.Add(RootedDirectory.Open(path, calls));
            }

            var (hasUpper, hasStaging) = (upper is null ? 0 : 1, staging is null ? 0 : 1);
            return new UnionTree(
                upper is null ? null : opened[0],
                opened[(hasUpper + hasStaging)..],
                dialect,
                snapshot.Ownership ?? TreeOwnership.Direct,
                staging is null ? null : opened[hasUpper]);
        }
        catch
        {
            opened.ForEach(directory => directory.Dispose());
            throw;
        }
    }
}

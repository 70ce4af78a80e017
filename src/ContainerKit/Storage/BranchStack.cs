using System.Runtime.Versioning;
using ContainerKit.Storage.Aufs;
using ContainerKit.Storage.Union;

namespace ContainerKit.Storage;

/// <summary>The directories that a snapshot is stacked from: read out of what its driver says is to be mounted.</summary>
/// <param name="Upper">The writable one; null for none.</param>
/// <param name="Lower">Those below, the topmost first.</param>
/// <param name="Dialect">How they say that something is gone.</param>
[SupportedOSPlatform("linux")]
internal sealed record BranchStack(string? Upper, IReadOnlyList<string> Lower, IWhiteoutDialect Dialect)
{
    /// <exception cref="StorageException">The driver mounts in a way of its own.</exception>
    public static BranchStack Of(IStorageDriver driver, Snapshot snapshot)
    {
        var mounts = driver.Mounts(snapshot);
        return mounts switch
        {
            [{ Type: "overlay" } overlay] => OfDirectories(overlay, overlay.Options.Contains("userxattr") ? OverlayDialect.User : OverlayDialect.Trusted),
            [{ Type: UnionMount.Type } union] => OfDirectories(union, UnionMount.DialectOf(union)),
            [{ Type: "aufs" }, ..] => OfPlan(mounts),
            [{ Type: "bind" } bind] when bind.Options.Contains("ro") => new(null, [bind.Source], DialectOfOne(driver, snapshot)),
            [{ Type: "bind" } bind] => new(bind.Source, [], DialectOfOne(driver, snapshot)),
            _ => throw new StorageException($"'{snapshot.Id}' cannot be opened without mounting it: its driver '{driver.Name}' mounts it in a way of its own."),
        };
    }

    // A union's options name directories as overlayfs's do.
    private static BranchStack OfDirectories(Mount mount, IWhiteoutDialect dialect)
    {
        var (upper, _, lower) = UnionMount.DirectoriesOf(mount);
        return new(upper, lower, dialect);
    }

    private static BranchStack OfPlan(IReadOnlyList<Mount> mounts)
    {
        var (isWritable, paths) = AufsMountPlan.BranchesOf(mounts);
        return isWritable ? new(paths[0], [.. paths.Skip(1)], AufsDialect.Instance) : new(null, paths, AufsDialect.Instance);
    }

    // A base snapshot of the overlay driver is a single branch, and still speaks overlayfs: its whiteouts, if any, hide nothing.
    private static IWhiteoutDialect DialectOfOne(IStorageDriver driver, Snapshot snapshot) =>
        driver.Name != "overlay" ? PlainDialect.Instance : snapshot.UserAttributes ? OverlayDialect.User : OverlayDialect.Trusted;
}

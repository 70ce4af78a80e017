using System.Runtime.Versioning;

namespace ContainerKit.Storage.Union;

/// <summary>
/// A mount of the union that this library serves, as data: <see cref="Type"/> with the options <c>dialect=NAME</c>, <c>upperdir=PATH</c>
/// and <c>workdir=PATH</c> of a writable one, and one <c>lowerdir=PATH</c> for each branch below, the topmost first.
/// </summary>
internal static class UnionMount
{
    public const string Type = "ckunion";

    public static Mount Of(string dialect, string? upper, string? work, IReadOnlyList<string> lower) => new(
        Type,
        Type,
        "/",
        [
            $"dialect={dialect}",
            .. upper is null ? (string[])["ro"] : [$"upperdir={upper}", $"workdir={work}"],
            .. lower.Select(path => $"lowerdir={path}"),
        ]);

    /// <summary>The directories that a mount is stacked from.</summary>
    public static (string? Upper, string? Work, IReadOnlyList<string> Lower) DirectoriesOf(Mount mount)
    {
        return (Values("upperdir=").FirstOrDefault(), Values("workdir=").FirstOrDefault(), [.. Values("lowerdir=")]);

        IEnumerable<string> Values(string key) => mount.Options.Where(option => option.StartsWith(key, StringComparison.Ordinal)).Select(option => option[key.Length..]);
    }

    /// <summary>The dialect that a mount's branches are written in.</summary>
    [SupportedOSPlatform("linux")]
    public static IWhiteoutDialect DialectOf(Mount mount) => mount.Options.FirstOrDefault(option => option.StartsWith("dialect=", StringComparison.Ordinal)) switch
    {
        "dialect=aufs" => AufsDialect.Instance,
        "dialect=overlay" => OverlayDialect.Trusted,
        "dialect=overlay-user" => OverlayDialect.User,
        var other => throw new StorageException($"A union cannot be opened: '{other}' is no dialect of branches."),
    };
}

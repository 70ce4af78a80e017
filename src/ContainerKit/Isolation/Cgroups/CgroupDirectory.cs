namespace ContainerKit.Isolation.Cgroups;

/// <summary>One directory of a container's group, as its bookkeeping file has it on a line: <c>v1 memory /sys/fs/cgroup/memory/containerkit/ID</c>.</summary>
/// <param name="Version">Which kind of group.</param>
/// <param name="Controllers">The names of the controllers that limit or count there.</param>
/// <param name="Path">The directory.</param>
internal sealed record CgroupDirectory(CgroupVersion Version, IReadOnlyList<string> Controllers, string Path)
{
    /// <summary>The name of the group that holds all of this library's groups.</summary>
    public const string Family = "containerkit";

    /// <summary>Reads a line; null when it is not one, or leads to where no group of this library's can be.</summary>
    public static CgroupDirectory? TryParse(string line, string id)
    {
        var words = line.Split(' ', 3);
        CgroupVersion? version = words[0] switch { "v1" => CgroupVersion.V1, "v2" => CgroupVersion.V2, _ => null };
        return words.Length == 3
            && version is { } known
            && words[2].StartsWith('/')
            && words[2].EndsWith($"/{Family}/{id}", StringComparison.Ordinal)
            && !words[2].Split('/').Contains("..")
                ? new CgroupDirectory(known, words[1].Split(',', StringSplitOptions.RemoveEmptyEntries), words[2])
                : null;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{(Version == CgroupVersion.V1 ? "v1" : "v2")} {string.Join(',', Controllers)} {Path}";
}

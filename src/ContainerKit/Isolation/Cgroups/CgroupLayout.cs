using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>The two kinds of control groups. cgroups(7)</summary>
internal enum CgroupVersion
{
    V1 = 1,
    V2 = 2,
}

/// <summary>One tree of groups.</summary>
/// <param name="Version">Which kind.</param>
/// <param name="Controllers">What it controls; of version 2 the files say it, group by group.</param>
/// <param name="MountPoint">The topmost group that can be seen.</param>
/// <param name="OwnDirectory">This process's own group, at or below the mount point.</param>
internal sealed record CgroupHierarchy(CgroupVersion Version, IReadOnlySet<string> Controllers, string MountPoint, string OwnDirectory);

/// <summary>Where this host's control groups are: only version 1, only version 2, or both (hybrid), with this process's place in each.</summary>
internal sealed record CgroupLayout(IReadOnlyList<CgroupHierarchy> Hierarchies)
{
    /// <summary>The tree of version 2, if there is one.</summary>
    public CgroupHierarchy? Unified => Hierarchies.FirstOrDefault(h => h.Version == CgroupVersion.V2);

    /// <summary>In words: <c>v1</c>, <c>v2</c>, <c>hybrid</c>, <c>none</c>.</summary>
    public string Kind => (Hierarchies.Any(h => h.Version == CgroupVersion.V1), Unified is not null) switch
    {
        (true, true) => "hybrid",
        (true, false) => "v1",
        (false, true) => "v2",
        _ => "none",
    };

    /// <summary>Looks at this process.</summary>
    [SupportedOSPlatform("linux")]
    public static CgroupLayout Detect() => Parse(File.ReadAllText("/proc/self/mountinfo"), File.ReadAllText("/proc/self/cgroup"));

    /// <summary>Puts together what <c>/proc/self/mountinfo</c> and <c>/proc/self/cgroup</c> say.</summary>
    public static CgroupLayout Parse(string mountInfo, string selfCgroup)
    {
        MountInfo[] mounts = [.. MountInfo.Visible(MountInfo.Parse(mountInfo)).Where(m => m.Type is "cgroup" or "cgroup2")];
        var hierarchies = new List<CgroupHierarchy>();
        foreach (var line in selfCgroup.Split('\n'))
        {
            // 4:memory:/some/group for version 1, 0::/some/group for version 2
            var fields = line.Split(':', 3);
            if (fields.Length != 3)
            {
                continue;
            }

            var version = fields[0] == "0" && fields[1].Length == 0 ? CgroupVersion.V2 : CgroupVersion.V1;
            var controllers = fields[1].Split(',', StringSplitOptions.RemoveEmptyEntries).ToHashSet();
            var candidates = version == CgroupVersion.V2
                ? mounts.Where(m => m.Type == "cgroup2")
                : mounts.Where(m => m.Type == "cgroup" && controllers.IsSubsetOf(m.SuperOptions));
            if ((version == CgroupVersion.V2 || controllers.Count > 0)
                && candidates.OrderBy(m => Locate(m, fields[2]) is null).FirstOrDefault() is { } mount)
            {
                hierarchies.Add(new CgroupHierarchy(version, controllers, mount.Target, Locate(mount, fields[2]) ?? mount.Target));
            }
        }

        return new CgroupLayout(hierarchies);
    }

    /// <summary>The tree of version 1 that has a controller; null when version 2 has it, or nobody.</summary>
    public CgroupHierarchy? Find(string controller) => Hierarchies.FirstOrDefault(h => h.Version == CgroupVersion.V1 && h.Controllers.Contains(controller));

    // A container often sees a part of the tree only: then paths in /proc begin above, or beside, what is mounted.
    private static string? Locate(MountInfo mount, string group)
    {
        var root = mount.Root.TrimEnd('/');
        if (group.Contains("/..", StringComparison.Ordinal) || !(group + "/").StartsWith(root + "/", StringComparison.Ordinal))
        {
            return null;
        }

        return mount.Target.TrimEnd('/') + group[root.Length..].TrimEnd('/') is { Length: > 0 } path ? path : "/";
    }
}

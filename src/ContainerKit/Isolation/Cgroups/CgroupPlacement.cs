using System.Runtime.Versioning;
using ContainerKit.Linux;
using static Tmds.Linux.LibC;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>Where a container's group goes in one tree, and which controllers it has there.</summary>
/// <param name="Hierarchy">The tree.</param>
/// <param name="Parent">The group below which <c>containerkit/ID</c> is made.</param>
/// <param name="Controllers">Those that are wanted and to be had.</param>
/// <param name="NeedsWay">Whether this process has to leave that group for one below first: <see cref="HostGroup"/>.</param>
internal sealed record CgroupPlace(CgroupHierarchy Hierarchy, string Parent, IReadOnlyList<CgroupController> Controllers, bool NeedsWay = false);

/// <summary>Finds a place for a container's group: as near to this process's own group as the kernel's rules and permissions allow.</summary>
/// <remarks>
/// Near, so that what limits this process limits its containers too. In version 1 that is this process's own group. In version 2 a group
/// with processes cannot hand controllers to groups below it ("no internal processes"), so it is usually the one above. Where that belongs to others,
/// as it does where systemd delegates a unit's group to a user, a process that is alone in its group makes way.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class CgroupPlacement
{
    private readonly Dictionary<CgroupController, string> _missing = [];

    private CgroupPlacement(IReadOnlyList<CgroupPlace> places) => Places = places;

    /// <summary>The places, one for each tree that is needed.</summary>
    public IReadOnlyList<CgroupPlace> Places { get; }

    /// <summary>The controllers that are not to be had, each with the reason: a part of a sentence.</summary>
    public IReadOnlyDictionary<CgroupController, string> Missing => _missing;

    public static CgroupPlacement Find(CgroupLayout layout, ResourceLimits limits, bool withStatistics)
    {
        var places = new List<CgroupPlace>();
        var placement = new CgroupPlacement(places);
        var wantedOfV2 = new List<CgroupController>();
        foreach (var controller in CgroupController.All)
        {
            var hierarchy = layout.Find(controller.NameInVersion1);
            var version = hierarchy is null ? CgroupVersion.V2 : CgroupVersion.V1;
            if (!controller.IsAskedFor(limits) && !(withStatistics && controller.IsForStatistics(version)))
            {
                continue;
            }

            if (hierarchy is null)
            {
                wantedOfV2.Add(controller);
            }
            else if (CanWrite(hierarchy.OwnDirectory))
            {
                AddToPlace(places, hierarchy, controller);
            }
            else
            {
                placement._missing[controller] = $"'{hierarchy.OwnDirectory}' cannot be written by this user";
            }
        }

        placement.FindInV2(layout.Unified, wantedOfV2, places);
        return placement;
    }

    private void FindInV2(CgroupHierarchy? unified, List<CgroupController> wanted, List<CgroupPlace> places)
    {
        if (unified is null)
        {
            foreach (var controller in wanted)
            {
                _missing[controller] = "no cgroup file system with this controller is mounted";
            }

            return;
        }

        if (wanted.Count == 0)
        {
            return;
        }

        CgroupPlace? best = null;
        foreach (var directory in WithParents(unified))
        {
            List<CgroupController> controllers = [.. wanted.Where(c => WhyNot(directory, c) is null)];
            if (controllers.Count > (best?.Controllers.Count ?? 0))
            {
                best = new CgroupPlace(unified, directory, controllers);
            }
        }

        List<CgroupController> own = [.. wanted.Where(c => WhyNot(unified.OwnDirectory, c, makesWay: true) is null)];
        if (own.Count > (best?.Controllers.Count ?? 0) && HostGroup.CanMakeWay(unified.OwnDirectory))
        {
            best = new CgroupPlace(unified, unified.OwnDirectory, own, NeedsWay: true);
        }

        foreach (var controller in wanted.Where(c => best is null || !best.Controllers.Contains(c)))
        {
            _missing[controller] = WhyNot(best?.Parent ?? unified.OwnDirectory, controller)!;
        }

        if (best is not null)
        {
            places.Add(best);
        }
    }

    /// <summary>Why a group of version 2 cannot have a group below it with this controller; null when it can.</summary>
    private static string? WhyNot(string directory, CgroupController controller, bool makesWay = false)
    {
        if (!CanWrite(directory) || !CanWrite(Path.Combine(directory, "cgroup.procs")))
        {
            return $"'{directory}' cannot be written by this user";
        }

        if (!CgroupFile.ReadWords(directory, "cgroup.controllers").Contains(controller.Name))
        {
            return $"'{directory}' does not have it";
        }

        if (CgroupFile.ReadWords(directory, "cgroup.subtree_control").Contains(controller.Name))
        {
            return null;
        }

        // The topmost group of all, which has no type, may have processes and groups with controllers.
        var isTop = !CgroupFile.Exists(directory, "cgroup.type");
        return !isTop && !makesWay && CgroupFile.ReadWords(directory, "cgroup.procs").Count > 0
            ? $"'{directory}' has processes of its own, so it cannot hand it to groups below"
            : CanWrite(Path.Combine(directory, "cgroup.subtree_control")) ? null
            : $"'{directory}' does not hand it to groups below";
    }

    private static IEnumerable<string> WithParents(CgroupHierarchy unified)
    {
        var directory = unified.OwnDirectory;
        yield return directory;
        while (directory.Length > unified.MountPoint.Length && Path.GetDirectoryName(directory) is { } parent)
        {
            yield return directory = parent;
        }
    }

    private static void AddToPlace(List<CgroupPlace> places, CgroupHierarchy hierarchy, CgroupController controller)
    {
        var index = places.FindIndex(p => p.Hierarchy == hierarchy);
        if (index < 0)
        {
            places.Add(new CgroupPlace(hierarchy, hierarchy.OwnDirectory, [controller]));
        }
        else
        {
            places[index] = places[index] with { Controllers = [.. places[index].Controllers, controller] };
        }
    }

    /// <summary>Whether this user may write there, by the kernel's own word.</summary>
    public static unsafe bool CanWrite(string path)
    {
        fixed (byte* name = (byte[])[.. LinuxPath.Encode(path), 0])
        {
            return access(name, W_OK) == 0;
        }
    }
}

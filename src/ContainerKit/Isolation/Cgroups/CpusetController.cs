using System.Globalization;
using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>Which processors and which memory nodes.</summary>
[SupportedOSPlatform("linux")]
internal sealed class CpusetController : CgroupController
{
    private const string Processors = "cpuset.cpus", Nodes = "cpuset.mems";

    // More than any kernel is built for.
    private const int MostNumbers = 1 << 14;

    public override string Name => "cpuset";

    public override bool IsAskedFor(ResourceLimits limits) => limits.CpuSet is not null || limits.MemoryNodes is not null;

    public override void Apply(string directory, CgroupVersion version, ResourceLimits limits)
    {
        if (version == CgroupVersion.V1)
        {
            // A new group of version 1 has no processor and no memory, and nothing can enter it.
            Inherit(directory, Processors);
            Inherit(directory, Nodes);
        }

        Set(directory, Processors, limits.CpuSet);
        Set(directory, Nodes, limits.MemoryNodes);
    }

    // Version 2 takes a list of what is not there, and then lets everything be used.
    private static void Set(string directory, string name, string? list)
    {
        if (list is null)
        {
            return;
        }

        CgroupFile.Write(directory, name, list);
        if (CgroupFile.TryRead(directory, name + ".effective") is { Length: > 0 } effective && !Numbers(list).IsSubsetOf(Numbers(effective)))
        {
            throw new LinuxException(Errno.ENODEV, $"use '{list}' of the '{effective}' that '{Path.Combine(directory, name)}' has");
        }
    }

    private static HashSet<int> Numbers(string list) =>
    [
        .. list.Split(',').Select(part => part.Split('-').Select(end => int.Parse(end, CultureInfo.InvariantCulture)).ToArray())
            .SelectMany(ends => Enumerable.Range(ends[0], Math.Min(ends[^1] - ends[0] + 1, MostNumbers))),
    ];

    private static void Inherit(string directory, string name)
    {
        if (CgroupFile.TryRead(directory, name) is not "" || Path.GetDirectoryName(directory) is not { } parent)
        {
            return;
        }

        Inherit(parent, name);
        if (CgroupFile.TryRead(parent, name) is { Length: > 0 } value)
        {
            CgroupFile.Write(directory, name, value);
        }
    }
}

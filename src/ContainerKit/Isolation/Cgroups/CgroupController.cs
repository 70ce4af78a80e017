using System.Runtime.Versioning;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>One of the kernel's controllers: which files of a group mean which limits and counts.</summary>
/// <remarks>A directory is all that it knows, so it works on a plain one too. Documentation/admin-guide/cgroup-v1, cgroup-v2.rst</remarks>
[SupportedOSPlatform("linux")]
internal abstract class CgroupController
{
    /// <summary>All that set limits or count, in the order in which they are applied.</summary>
    public static IReadOnlyList<CgroupController> All { get; } =
        [new MemoryController(), new CpuController(), new CpuAccountingController(), new CpusetController(), new PidsController(), new IoController(), new HugePagesController()];

    /// <summary>The kernel's name of it.</summary>
    public abstract string Name { get; }

    /// <summary>What version 1 calls it.</summary>
    public virtual string NameInVersion1 => Name;

    /// <summary>Whether the limits say anything that it is there for.</summary>
    public abstract bool IsAskedFor(ResourceLimits limits);

    /// <summary>Whether statistics come from it. Version 2 counts processor time without any controller.</summary>
    public virtual bool IsForStatistics(CgroupVersion version) => false;

    /// <summary>Writes the limits into a group.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refuses one.</exception>
    public abstract void Apply(string directory, CgroupVersion version, ResourceLimits limits);

    /// <summary>Why limits cannot be set while processes run there: a part of a sentence; null when they can.</summary>
    public virtual string? WhyNotNow(string directory, CgroupVersion version, ResourceLimits limits) => null;

    /// <summary>Adds what it counts.</summary>
    public virtual ContainerStats Read(string directory, CgroupVersion version, ContainerStats stats) => stats;
}

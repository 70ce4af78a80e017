using System.Runtime.Versioning;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>Which processors and which memory nodes.</summary>
[SupportedOSPlatform("linux")]
internal sealed class CpusetController : CgroupController
{
    private const string Processors = "cpuset.cpus", Nodes = "cpuset.mems";

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

        if (limits.CpuSet is { } processors)
        {
            CgroupFile.Write(directory, Processors, processors);
        }

        if (limits.MemoryNodes is { } nodes)
        {
            CgroupFile.Write(directory, Nodes, nodes);
        }
    }

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

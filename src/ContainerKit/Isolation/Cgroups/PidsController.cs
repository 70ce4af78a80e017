using System.Globalization;
using System.Runtime.Versioning;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>How many processes and threads. The files are the same in both versions.</summary>
[SupportedOSPlatform("linux")]
internal sealed class PidsController : CgroupController
{
    public override string Name => "pids";

    public override bool IsAskedFor(ResourceLimits limits) => limits.Pids is not null;

    public override bool IsForStatistics(CgroupVersion version) => true;

    public override void Apply(string directory, CgroupVersion version, ResourceLimits limits)
    {
        if (limits.Pids is { } most)
        {
            CgroupFile.Write(directory, "pids.max", most.ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>How often a process or thread could not be started because of the limit.</summary>
    public static long CountRefusals(string directory) => CgroupFile.TryReadNumber(directory, "pids.events", "max") ?? 0;

    public override ContainerStats Read(string directory, CgroupVersion version, ContainerStats stats) => stats with
    {
        Pids = CgroupFile.TryReadNumber(directory, "pids.current"),
        PidsLimitHits = CgroupFile.TryReadNumber(directory, "pids.events", "max"),
        PidsLimit = CgroupFile.TryReadNumber(directory, "pids.max"),
    };
}

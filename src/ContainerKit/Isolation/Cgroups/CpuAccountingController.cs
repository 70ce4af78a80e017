using System.Runtime.Versioning;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>Counts processor time, in version 1 only: version 2 does it in every group.</summary>
[SupportedOSPlatform("linux")]
internal sealed class CpuAccountingController : CgroupController
{
    public override string Name => "cpuacct";

    public override bool IsAskedFor(ResourceLimits limits) => false;

    public override bool IsForStatistics(CgroupVersion version) => version == CgroupVersion.V1;

    public override void Apply(string directory, CgroupVersion version, ResourceLimits limits)
    {
        // It limits nothing.
    }

    public override ContainerStats Read(string directory, CgroupVersion version, ContainerStats stats) => version == CgroupVersion.V1
        ? stats with { CpuTime = FromNanoseconds(CgroupFile.TryReadNumber(directory, "cpuacct.usage")) }
        : stats;

    public static TimeSpan? FromNanoseconds(long? nanoseconds) =>
        nanoseconds is { } ns ? TimeSpan.FromTicks(ns / TimeSpan.NanosecondsPerTick) : null;
}

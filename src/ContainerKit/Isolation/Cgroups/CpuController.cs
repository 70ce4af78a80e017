using System.Globalization;
using System.Runtime.Versioning;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>Processor time: a ceiling, and a share under contention.</summary>
[SupportedOSPlatform("linux")]
internal sealed class CpuController : CgroupController
{
    private const int PeriodMicroseconds = 100_000;

    // What a group has by itself: 1024 shares in version 1, weight 100 in version 2.
    private const long DefaultShares = 1024, DefaultWeight = 100;
    private const long FewestShares = 2;

    public override string Name => "cpu";

    public override bool IsAskedFor(ResourceLimits limits) => limits.CpuQuota is not null || limits.CpuWeight is not null;

    public override void Apply(string directory, CgroupVersion version, ResourceLimits limits)
    {
        if (limits.CpuQuota is { } processors)
        {
            var quota = (long)Math.Round(processors * PeriodMicroseconds);
            if (version == CgroupVersion.V1)
            {
                CgroupFile.Write(directory, "cpu.cfs_period_us", Text(PeriodMicroseconds));
                CgroupFile.Write(directory, "cpu.cfs_quota_us", Text(quota));
            }
            else
            {
                CgroupFile.Write(directory, "cpu.max", $"{Text(quota)} {Text(PeriodMicroseconds)}");
            }
        }

        if (limits.CpuWeight is { } weight)
        {
            if (version == CgroupVersion.V1)
            {
                CgroupFile.Write(directory, "cpu.shares", Text(Math.Max(FewestShares, weight * DefaultShares / DefaultWeight)));
            }
            else
            {
                CgroupFile.Write(directory, "cpu.weight", Text(weight));
            }
        }
    }

    public override ContainerStats Read(string directory, CgroupVersion version, ContainerStats stats) => version == CgroupVersion.V1
        ? stats with { CpuThrottledTime = CpuAccountingController.FromNanoseconds(CgroupFile.TryReadNumber(directory, "cpu.stat", "throttled_time")) }
        : stats with
        {
            CpuTime = FromMicroseconds(CgroupFile.TryReadNumber(directory, "cpu.stat", "usage_usec")),
            CpuThrottledTime = FromMicroseconds(CgroupFile.TryReadNumber(directory, "cpu.stat", "throttled_usec")),
        };

    private static TimeSpan? FromMicroseconds(long? microseconds) =>
        microseconds is { } us ? TimeSpan.FromTicks(us * TimeSpan.TicksPerMicrosecond) : null;

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}

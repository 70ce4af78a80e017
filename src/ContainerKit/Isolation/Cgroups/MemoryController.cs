using System.Globalization;
using System.Runtime.Versioning;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>Memory, and swap where the kernel counts it.</summary>
[SupportedOSPlatform("linux")]
internal sealed class MemoryController : CgroupController
{
    private const string V1Limit = "memory.limit_in_bytes", V1SwapLimit = "memory.memsw.limit_in_bytes";
    private const string V2Limit = "memory.max", V2SwapLimit = "memory.swap.max";
    private const string V1Reservation = "memory.soft_limit_in_bytes", V2Reservation = "memory.low";
    private const long DefaultSwapFactor = 2;

    // Version 1 says "no limit" with the largest multiple of a page.
    private const long V1Unlimited = long.MaxValue - 0x1_0000;

    public override string Name => "memory";

    public override bool IsAskedFor(ResourceLimits limits) => limits.MemoryBytes is not null || limits.MemoryReservationBytes is not null;

    public override bool IsForStatistics(CgroupVersion version) => true;

    public override void Apply(string directory, CgroupVersion version, ResourceLimits limits)
    {
        if (limits.MemoryBytes is { } memory)
        {
            ApplyLimit(directory, version, memory, limits.MemorySwapBytes);
        }

        if (limits.MemoryReservationBytes is { } reservation)
        {
            CgroupFile.Write(directory, version == CgroupVersion.V1 ? V1Reservation : V2Reservation, Text(reservation));
        }
    }

    public override string? WhyNotNow(string directory, CgroupVersion version, ResourceLimits limits) =>
        // Version 1 says "busy" then, and version 2 would kill instead.
        limits.MemoryBytes is { } memory && UsageOf(directory, version) is { } usage && usage > memory
            ? string.Create(CultureInfo.InvariantCulture, $"the container uses {usage} bytes, which is more than {memory}")
            : null;

    private static void ApplyLimit(string directory, CgroupVersion version, long memory, long? asked)
    {
        var total = asked ?? (memory > long.MaxValue / DefaultSwapFactor ? -1 : memory * DefaultSwapFactor);

        // A default for swap means nothing where swap is not counted; a limit that was asked for fails there.
        var limitsSwap = asked is not null || CgroupFile.Exists(directory, version == CgroupVersion.V1 ? V1SwapLimit : V2SwapLimit);
        if (version == CgroupVersion.V1)
        {
            ApplyV1(directory, memory, limitsSwap ? total : null);
            return;
        }

        CgroupFile.Write(directory, V2Limit, Text(memory));
        if (limitsSwap)
        {
            CgroupFile.Write(directory, V2SwapLimit, total < 0 ? "max" : Text(total - memory));
        }
    }

    public override ContainerStats Read(string directory, CgroupVersion version, ContainerStats stats) => version == CgroupVersion.V1
        ? stats with
        {
            MemoryBytes = UsageOf(directory, version),
            MemoryLimitBytes = CgroupFile.TryReadNumber(directory, V1Limit) is < V1Unlimited and var limit ? limit : null,
            SwapBytes = CgroupFile.TryReadNumber(directory, "memory.memsw.usage_in_bytes") - CgroupFile.TryReadNumber(directory, "memory.usage_in_bytes") is { } swap
                ? Math.Max(0, swap)
                : null,
            OutOfMemoryKills = CountKills(directory, version),
        }
        : stats with
        {
            MemoryBytes = UsageOf(directory, version),
            MemoryLimitBytes = CgroupFile.TryReadNumber(directory, V2Limit),
            SwapBytes = CgroupFile.TryReadNumber(directory, "memory.swap.current"),
            OutOfMemoryKills = CountKills(directory, version),
        };

    /// <summary>How many processes of the group were killed for want of memory.</summary>
    public static long CountKills(string directory, CgroupVersion version) =>
        CgroupFile.TryReadNumber(directory, EventsFile(version), "oom_kill") ?? 0;

    /// <summary>The file that has that number in a line <c>oom_kill N</c>.</summary>
    public static string EventsFile(CgroupVersion version) => version == CgroupVersion.V1 ? "memory.oom_control" : "memory.events";

    // At no moment may memory alone have a higher limit than memory and swap together.
    private static void ApplyV1(string directory, long memory, long? total)
    {
        var isRaisedFirst = total is not null && CgroupFile.TryReadNumber(directory, V1SwapLimit) < memory;
        if (isRaisedFirst)
        {
            CgroupFile.Write(directory, V1SwapLimit, Text(total!.Value));
        }

        CgroupFile.Write(directory, V1Limit, Text(memory));
        if (total is not null && !isRaisedFirst)
        {
            CgroupFile.Write(directory, V1SwapLimit, Text(total.Value));
        }
    }

    private static long? UsageOf(string directory, CgroupVersion version) => version == CgroupVersion.V1
        ? WithoutCache(CgroupFile.TryReadNumber(directory, "memory.usage_in_bytes"), CgroupFile.TryReadNumber(directory, "memory.stat", "total_inactive_file"))
        : WithoutCache(CgroupFile.TryReadNumber(directory, "memory.current"), CgroupFile.TryReadNumber(directory, "memory.stat", "inactive_file"));

    private static long? WithoutCache(long? usage, long? cache) => usage is null ? null : Math.Max(0, usage.Value - (cache ?? 0));

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}

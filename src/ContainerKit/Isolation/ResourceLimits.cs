using System.Globalization;

namespace ContainerKit.Isolation;

/// <summary>How much of the machine a container may use. What is null is not limited.</summary>
/// <remarks>OCI runtime specification, config-linux.md, "Control groups".</remarks>
public sealed record ResourceLimits
{
    // The kernel refuses a quota below a millisecond in each period of 100.
    private const double SmallestCpuQuota = 0.01;
    private const int Heaviest = 10_000;

    /// <summary>Nothing is limited.</summary>
    public static ResourceLimits None { get; } = new();

    /// <summary>Memory in bytes, page cache included; what needs more is killed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public long? MemoryBytes
    {
        get;
        init => field = value is <= 0 ? throw OutOfRange(nameof(MemoryBytes), value, "must be positive") : value;
    }

    /// <summary>
    /// Memory and swap together, in bytes; at least <see cref="MemoryBytes"/>, which must be set as well. -1 is no limit on swap.
    /// When null while <see cref="MemoryBytes"/> is set it is twice that, as docker has it, where the kernel counts swap at all.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is neither positive nor -1.</exception>
    public long? MemorySwapBytes
    {
        get;
        init => field = value is 0 or < -1 ? throw OutOfRange(nameof(MemorySwapBytes), value, "must be positive or -1") : value;
    }

    /// <summary>
    /// How much of the memory, in bytes, the kernel leaves to the container for as long as others can give theirs back; not above
    /// <see cref="MemoryBytes"/>.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public long? MemoryReservationBytes
    {
        get;
        init => field = value is <= 0 ? throw OutOfRange(nameof(MemoryReservationBytes), value, "must be positive") : value;
    }

    /// <summary>Processor time in processors: 0.5 is half of one, 2 is two. At least 0.01.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less than 0.01, or no number.</exception>
    public double? CpuQuota
    {
        get;
        init => field = value is null or (>= SmallestCpuQuota and <= 1_000_000) ? value : throw OutOfRange(nameof(CpuQuota), value, "must be at least 0.01");
    }

    /// <summary>The share of processor time under contention, from 1 to 10,000; 100 is what others have. (cgroup v2's scale.)</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not from 1 to 10,000.</exception>
    public int? CpuWeight
    {
        get;
        init => field = value is null or (>= 1 and <= Heaviest) ? value : throw OutOfRange(nameof(CpuWeight), value, "must be from 1 to 10,000");
    }

    /// <summary>The processors to run on, as <c>0-2,5</c>.</summary>
    /// <exception cref="ArgumentException">It is not such a list.</exception>
    public string? CpuSet
    {
        get;
        init => field = value is null || IsList(value) ? value : throw new ArgumentException($"'{value}' is not a list such as 0-2,5.", nameof(CpuSet));
    }

    /// <summary>The memory nodes to allocate from, as <c>0-1</c>.</summary>
    /// <exception cref="ArgumentException">It is not such a list.</exception>
    public string? MemoryNodes
    {
        get;
        init => field = value is null || IsList(value) ? value : throw new ArgumentException($"'{value}' is not a list such as 0-1.", nameof(MemoryNodes));
    }

    /// <summary>How many processes and threads there may be at once.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public long? Pids
    {
        get;
        init => field = value is <= 0 ? throw OutOfRange(nameof(Pids), value, "must be positive") : value;
    }

    /// <summary>The share of reading and writing under contention, from 1 to 10,000; 100 is what others have. Kernels have it with the scheduler BFQ, or as io.cost.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not from 1 to 10,000.</exception>
    public int? IoWeight
    {
        get;
        init => field = value is null or (>= 1 and <= Heaviest) ? value : throw OutOfRange(nameof(IoWeight), value, "must be from 1 to 10,000");
    }

    /// <summary>How fast block devices may be read and written, one item for each device.</summary>
    public IReadOnlyList<IoLimit>? Io { get; init; }

    /// <summary>Memory in huge pages, in bytes, for each size of page as the kernel spells it: <c>2MB</c>, <c>1GB</c>. 0 is none at all.</summary>
    /// <exception cref="ArgumentException">A size is not spelled so, or a number is negative.</exception>
    public IReadOnlyDictionary<string, long>? HugePages
    {
        get;
        init => field = value?.FirstOrDefault(pair => !IsPageSize(pair.Key) || pair.Value < 0).Key is { } wrong
            ? throw new ArgumentException($"'{wrong}' is no size of huge pages such as 2MB, or its limit is negative.", nameof(HugePages))
            : value;
    }

    /// <summary>These limits, with others over them: what is null there stays.</summary>
    internal ResourceLimits With(ResourceLimits others) => new()
    {
        MemoryBytes = others.MemoryBytes ?? MemoryBytes,
        MemorySwapBytes = others.MemorySwapBytes ?? MemorySwapBytes,
        MemoryReservationBytes = others.MemoryReservationBytes ?? MemoryReservationBytes,
        CpuQuota = others.CpuQuota ?? CpuQuota,
        CpuWeight = others.CpuWeight ?? CpuWeight,
        CpuSet = others.CpuSet ?? CpuSet,
        MemoryNodes = others.MemoryNodes ?? MemoryNodes,
        Pids = others.Pids ?? Pids,
        IoWeight = others.IoWeight ?? IoWeight,
        Io = others.Io is null ? Io : [.. (Io ?? []).Concat(others.Io).GroupBy(limit => limit.Device).Select(same => same.Aggregate((first, next) => first.With(next)))],
        HugePages = others.HugePages is null ? HugePages : others.HugePages.Concat(HugePages ?? new Dictionary<string, long>()).DistinctBy(pair => pair.Key).ToDictionary(),
    };

    /// <summary>Refuses what contradicts itself.</summary>
    internal void Check()
    {
        if (MemoryReservationBytes > MemoryBytes)
        {
            throw new ArgumentException("A container's reservation of memory cannot be above its limit.", nameof(MemoryReservationBytes));
        }

        if (MemorySwapBytes is { } swap && (MemoryBytes is not { } memory || (swap != -1 && swap < memory)))
        {
            throw new ArgumentException("A limit on memory and swap together needs a limit on memory, which it must not be below.", nameof(MemorySwapBytes));
        }
    }

    // cpuset(7), "List format"
    private static bool IsList(string text) => text.Split(',').All(part =>
        part.Split('-') is var ends && ends.Length is 1 or 2
        && ends.All(e => int.TryParse(e, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        && int.Parse(ends[0], CultureInfo.InvariantCulture) <= int.Parse(ends[^1], CultureInfo.InvariantCulture));

    private static bool IsPageSize(string text) =>
        text.Length is > 2 and < 16 && text[^1] == 'B' && text[^2] is ('K' or 'M' or 'G') && text[..^2].All(char.IsAsciiDigit);

    private static ArgumentOutOfRangeException OutOfRange(string name, object? value, string rule) => new(name, value, $"{name} {rule}.");
}

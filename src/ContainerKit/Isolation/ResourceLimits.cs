using System.Globalization;

namespace ContainerKit.Isolation;

/// <summary>How much of the machine a container may use. What is null is not limited.</summary>
/// <remarks>OCI runtime specification, config-linux.md, "Control groups".</remarks>
public sealed record ResourceLimits
{
    // The kernel refuses a quota below a millisecond in each period of 100.
    private const double SmallestCpuQuota = 0.01;
    private const int HeaviestCpu = 10_000;

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
        init => field = value is null or (>= 1 and <= HeaviestCpu) ? value : throw OutOfRange(nameof(CpuWeight), value, "must be from 1 to 10,000");
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

    /// <summary>Refuses what contradicts itself.</summary>
    internal void Check()
    {
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

    private static ArgumentOutOfRangeException OutOfRange(string name, object? value, string rule) => new(name, value, $"{name} {rule}.");
}

namespace ContainerKit.Isolation;

/// <summary>How much of the machine a container may use. What is null is not limited.</summary>
/// <remarks>OCI runtime specification, config-linux.md, "Control groups".</remarks>
public sealed record ResourceLimits
{
    /// <summary>Nothing is limited.</summary>
    public static ResourceLimits None { get; } = new();

    /// <summary>Memory in bytes, page cache included; what needs more is killed.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>
    /// Memory and swap together, in bytes; at least <see cref="MemoryBytes"/>. -1 is no limit on swap. When null while
    /// <see cref="MemoryBytes"/> is set it is twice that, as docker has it.
    /// </summary>
    public long? MemorySwapBytes { get; init; }

    /// <summary>Processor time in processors: 0.5 is half of one, 2 is two.</summary>
    public double? CpuQuota { get; init; }

    /// <summary>The share of processor time under contention, from 1 to 10,000; 100 is what others have. (cgroup v2's scale.)</summary>
    public int? CpuWeight { get; init; }

    /// <summary>The processors to run on, as <c>0-2,5</c>.</summary>
    public string? CpuSet { get; init; }

    /// <summary>The memory nodes to allocate from, as <c>0-1</c>.</summary>
    public string? MemoryNodes { get; init; }

    /// <summary>How many processes and threads there may be at once.</summary>
    public long? Pids { get; init; }
}

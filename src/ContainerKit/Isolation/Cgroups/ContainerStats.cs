namespace ContainerKit;

/// <summary>What a container uses of the machine at one moment. What its control group does not tell is null.</summary>
public sealed record ContainerStats
{
    /// <summary>When it was read.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>Processor time used since the start.</summary>
    public TimeSpan? CpuTime { get; init; }

    /// <summary>How long it waited because of its processor limit.</summary>
    public TimeSpan? CpuThrottledTime { get; init; }

    /// <summary>Memory in bytes, without the page cache that could be dropped at once, as docker counts it.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>The memory limit in bytes; null when there is none.</summary>
    public long? MemoryLimitBytes { get; init; }

    /// <summary>Swap in bytes.</summary>
    public long? SwapBytes { get; init; }

    /// <summary>How many processes and threads there are.</summary>
    public long? Pids { get; init; }

    /// <summary>How many there may be; null when there is no limit.</summary>
    public long? PidsLimit { get; init; }

    /// <summary>How often a process or thread was not started because there were as many as there may be; null when there is no limit, and no count.</summary>
    public long? PidsLimitHits { get; init; }

    /// <summary>Bytes that were read from block devices; null unless reading or writing is limited.</summary>
    public long? IoReadBytes { get; init; }

    /// <summary>Bytes that were written to block devices; null unless reading or writing is limited.</summary>
    public long? IoWrittenBytes { get; init; }

    /// <summary>How often something in it was killed for want of memory.</summary>
    public long OutOfMemoryKills { get; init; }
}

namespace ContainerKit;

/// <summary>What a container's program does.</summary>
public enum ContainerStatus
{
    /// <summary>It has not been started yet.</summary>
    Created,

    /// <summary>It runs, in this process, in another one, or detached.</summary>
    Running,

    /// <summary>It has ended.</summary>
    Exited,

    /// <summary>It has ended and is about to be started again, as <see cref="ContainerBuilder.WithRestart"/> has it.</summary>
    Restarting,

    /// <summary>It runs, and everything in it stands still until <see cref="RunningContainer.ResumeAsync"/>, or until another process is done with reading its layer.</summary>
    Paused,
}

/// <summary>A container as it was at one moment.</summary>
public sealed record ContainerState
{
    /// <summary>What its program did.</summary>
    public required ContainerStatus Status { get; init; }

    /// <summary>The number of the program's process on the host while it runs; null when that is not known.</summary>
    public int? ProcessId { get; init; }

    /// <summary>When it was started, while it runs.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>How the last run ended; null while it runs, and before the first run. Of a detached container, a process killed for want of memory counts for all runs that follow one another by themselves.</summary>
    public ExitStatus? Exit { get; init; }

    /// <summary>Its health when it was last checked, while it runs; null where nobody has checked.</summary>
    public ContainerHealth? Health { get; init; }

    /// <summary>How often it was started again by itself since somebody started it.</summary>
    public int RestartCount { get; init; }

    /// <summary>When the last run ended; null while it runs, and when the process that ran it was killed.</summary>
    public DateTimeOffset? Finished { get; init; }
}

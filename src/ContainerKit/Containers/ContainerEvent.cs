namespace ContainerKit;

/// <summary>What happened to a container.</summary>
public enum ContainerEventKind
{
    /// <summary>It was made.</summary>
    Created,

    /// <summary>Its program was started.</summary>
    Started,

    /// <summary>Its program has ended.</summary>
    Exited,

    /// <summary>It was removed.</summary>
    Removed,

    /// <summary>Its program was started again by itself, as <see cref="ContainerBuilder.WithRestart"/> has it.</summary>
    Restarted,

    /// <summary>The kernel has killed one of its processes, not always the program, because its memory limit was reached.</summary>
    OutOfMemory,

    /// <summary>A process or thread could not be started in it because of its limit of processes.</summary>
    ProcessLimitReached,

    /// <summary>Its health has become another.</summary>
    HealthChanged,

    /// <summary>Everything in it was stopped, by <see cref="RunningContainer.PauseAsync"/> or while its layer was read.</summary>
    Paused,

    /// <summary>It went on after a pause.</summary>
    Resumed,
}

/// <summary>Something that happened to a named container of the store, by whichever process.</summary>
public sealed record ContainerEvent
{
    /// <summary>What.</summary>
    public required ContainerEventKind Kind { get; init; }

    /// <summary>
    /// When: as written down by whoever did it, or else when it was noticed. The start of a run that was over before it could be seen has the time of its end: that alone is written down.
    /// </summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The container's id.</summary>
    public required string ContainerId { get; init; }

    /// <summary>The container's name.</summary>
    public required string Name { get; init; }

    /// <summary>The image that it was made of, as it was called then.</summary>
    public required string Image { get; init; }

    /// <summary>How the program ended, of <see cref="ContainerEventKind.Exited"/>; null when it was removed or started again before anybody could see.</summary>
    public ExitStatus? Exit { get; init; }

    /// <summary>What its health has become, of <see cref="ContainerEventKind.HealthChanged"/>.</summary>
    public HealthStatus? Health { get; init; }
}

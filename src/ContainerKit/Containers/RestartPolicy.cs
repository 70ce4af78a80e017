namespace ContainerKit;

/// <summary>When a program that has ended is started again.</summary>
public enum RestartKind
{
    /// <summary>Never.</summary>
    No,

    /// <summary>When it did not exit with code 0.</summary>
    OnFailure,

    /// <summary>However it ended.</summary>
    Always,

    /// <summary>However it ended, unless somebody stopped it.</summary>
    UnlessStopped,
}

/// <summary>
/// When a container's program is started again after its end: docker's rules. The first pause is 100 ms, each further one twice as long up to a minute, and after a run
/// of 10 seconds they begin anew.
/// </summary>
/// <remarks>
/// A container that somebody stops, or ends by a signal, stays ended, whatever its policy. One that is attached is started again by the process that started it, and one that
/// is detached by its supervisor, whoever else has gone; no daemon starts any after a reboot, and so <see cref="Always"/> and <see cref="UnlessStopped"/> do the same.
/// </remarks>
public sealed record RestartPolicy
{
    private RestartPolicy(RestartKind kind, int? maximumRetries = null) => (Kind, MaximumRetries) = (kind, maximumRetries);

    /// <summary>Never. The default.</summary>
    public static RestartPolicy No { get; } = new(RestartKind.No);

    /// <summary>However it ended.</summary>
    public static RestartPolicy Always { get; } = new(RestartKind.Always);

    /// <summary>However it ended, unless somebody stopped it.</summary>
    public static RestartPolicy UnlessStopped { get; } = new(RestartKind.UnlessStopped);

    /// <summary>When.</summary>
    public RestartKind Kind { get; }

    /// <summary>How often it is started again at most; null for any number of times.</summary>
    public int? MaximumRetries { get; }

    /// <summary>When it did not exit with code 0.</summary>
    /// <param name="maximumRetries">How often at most; null for any number of times.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is not positive.</exception>
    public static RestartPolicy OnFailure(int? maximumRetries = null)
    {
        if (maximumRetries is { } given)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(given, nameof(maximumRetries));
        }

        return new(RestartKind.OnFailure, maximumRetries);
    }

    /// <summary>As docker writes it: <c>no</c>, <c>on-failure:3</c>, <c>always</c>, <c>unless-stopped</c>.</summary>
    public override string ToString() => Kind switch
    {
        RestartKind.No => "no",
        RestartKind.OnFailure => MaximumRetries is { } most ? $"on-failure:{most}" : "on-failure",
        RestartKind.Always => "always",
        _ => "unless-stopped",
    };

    internal static RestartPolicy Of(RestartKind kind, int? maximumRetries) => new(kind, maximumRetries);

    /// <summary>Whether there is to be another start.</summary>
    /// <param name="isSuccess">Whether the run ended with exit code 0.</param>
    /// <param name="restarts">How often it has been started again.</param>
    internal bool Wants(bool isSuccess, int restarts) => Kind switch
    {
        RestartKind.No => false,
        RestartKind.OnFailure => !isSuccess && (MaximumRetries is not { } most || restarts < most),
        _ => true,
    };
}

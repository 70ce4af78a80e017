namespace ContainerKit;

/// <summary>What is known of a container's health.</summary>
public enum HealthStatus
{
    /// <summary>No check has succeeded yet, and not enough have failed.</summary>
    Starting,

    /// <summary>The last check succeeded, or not enough have failed since.</summary>
    Healthy,

    /// <summary>As many checks in a row have failed as <see cref="HealthCheck.Retries"/> says.</summary>
    Unhealthy,
}

/// <summary>The health of a container at one moment.</summary>
public sealed record ContainerHealth
{
    /// <summary>How it is.</summary>
    public required HealthStatus Status { get; init; }

    /// <summary>How many checks in a row have failed.</summary>
    public int FailingStreak { get; init; }

    /// <summary>When the last check ended; null when there was none.</summary>
    public DateTimeOffset? Checked { get; init; }

    /// <summary>The exit code of the last check; null when there was none, or it did not end in time or could not be run.</summary>
    public int? ExitCode { get; init; }

    /// <summary>The beginning of what the last check wrote, or why it had no end of its own: 4,096 characters at most.</summary>
    public string Output { get; init; } = "";

    /// <summary>What comes of it with one more check.</summary>
    /// <param name="check">By whose rules.</param>
    /// <param name="exitCode">How the check ended; null where it did not.</param>
    /// <param name="output">What it wrote, or why it did not end.</param>
    /// <param name="time">When.</param>
    /// <param name="isStarting">Whether failures do not count yet.</param>
    internal ContainerHealth After(HealthCheck check, int? exitCode, string output, DateTimeOffset time, bool isStarting)
    {
        const int mostOutput = 4096;
        var streak = exitCode == 0 || (isStarting && Status == HealthStatus.Starting) ? 0 : FailingStreak + 1;
        return new ContainerHealth
        {
            Status = exitCode == 0 ? HealthStatus.Healthy : streak >= check.Retries ? HealthStatus.Unhealthy : Status,
            FailingStreak = streak,
            Checked = time,
            ExitCode = exitCode,
            Output = output.Length <= mostOutput ? output : output[..mostOutput],
        };
    }
}

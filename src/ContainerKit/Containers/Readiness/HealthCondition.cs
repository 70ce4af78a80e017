namespace ContainerKit.Containers.Readiness;

/// <summary>A health check that has to succeed.</summary>
internal sealed class HealthCondition() : PolledCondition("its health check has not succeeded")
{
    protected override async Task<bool> LookAsync(ReadinessWait wait, CancellationToken cancellationToken)
    {
        using var hurry = wait.Running.HurryHealth()
            ?? throw new InvalidOperationException($"The container '{wait.Running.Container}' has no health check: neither its image nor its description names one.");
        while (wait.Running.Health is { Status: not HealthStatus.Healthy } health)
        {
            if (health.Checked is not null)
            {
                wait.Note(this, health.ExitCode is { } code ? $"it exited with code {code}" : health.Output);
            }

            await Task.Delay(Pause, cancellationToken).ConfigureAwait(false);
        }

        return true;
    }
}

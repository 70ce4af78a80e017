using ContainerKit.Containers.Health;

namespace ContainerKit.Containers.Runs;

/// <content>The health of a run, while this process holds it.</content>
internal abstract partial class ContainerRun
{
    /// <summary>Who checks its health; null where nobody does.</summary>
    public HealthMonitor? Monitor { get; private set; }

    /// <summary>Begins to check its health, where there is a check.</summary>
    /// <param name="isNew">Whether it has just been started: what was known before is of another run.</param>
    public void WatchHealth(bool isNew)
    {
        if (Record.FindHealthCheck() is not { } check)
        {
            return;
        }

        var directory = Record.Name is null ? null : Catalog.DirectoryOf(Record.Id);
        var known = directory is null || isNew ? null : HealthFile.TryRead(directory);
        Monitor = new HealthMonitor(this, check, known ?? new ContainerHealth { Status = HealthStatus.Starting }, health => Tell(directory, health));
        if (isNew)
        {
            Tell(directory, Monitor.Health);
        }
    }

    /// <summary>Checks its health no more. Where nobody has checked yet, nothing is known of it: it is not starting for those who look.</summary>
    protected void EndHealth()
    {
        Monitor?.Dispose();
        if (Monitor is { Health.Checked: null } && Record.Name is not null && Directory.Exists(Catalog.DirectoryOf(Record.Id)))
        {
            HealthFile.Erase(Catalog.DirectoryOf(Record.Id));
        }
    }

    // An unnamed one nobody else can see.
    private void Tell(string? directory, ContainerHealth health)
    {
        if (directory is not null && HealthFile.TryWrite(directory, health) is { } reason)
        {
            Catalog.Logger.HealthNotWritten(Record.Id, reason);
        }
    }
}

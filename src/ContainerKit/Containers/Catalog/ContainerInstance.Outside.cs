using ContainerKit.Containers.Health;
using ContainerKit.Containers.Readiness;
using ContainerKit.Containers.Runs;
using ContainerKit.Isolation;

namespace ContainerKit.Containers.Catalog;

// What there is of it outside of this process: a detached start, a run to attach to, a state, a log.
internal sealed partial class ContainerInstance
{
    /// <summary>Starts its program under a supervisor, so that it outlives this process.</summary>
    public async Task<RunningContainer> StartDetachedAsync(Container container, StartOptions options, CancellationToken cancellationToken)
    {
        if (Record.Name is null)
        {
            throw new StorageException($"The container '{Record.Label}' cannot be detached: it has no name, and so ends with this process.") { Hint = "Use WithName." };
        }

        lock (_gate)
        {
            ThrowIfRemoved();
            ThrowIfBusy();
            ThrowIfOpen();
        }

        Refresh();
        var run = await LaunchDetachedAsync(options, cancellationToken).ConfigureAwait(false);
        var running = new RunningContainer(container, run, ownsContainer: false);
        await ReadinessGate.RequireAsync(running, run, Record.Options.Readiness, cancellationToken).ConfigureAwait(false);
        return running;
    }

    private async Task<OutsideRun> LaunchDetachedAsync(StartOptions options, CancellationToken cancellationToken)
    {
        using var told = BeginStart(isDetached: true);
        try
        {
            var run = await DetachedStart.StartAsync(_catalog, Record, CommandLine, options, cancellationToken).ConfigureAwait(false);
            run.WatchHealth(isNew: true);
            return run;
        }
        catch (Exception e) when (ToldOperation.HasFailed(told, e))
        {
            throw;
        }
    }

    public RunningContainer Attach(Container container, AttachOptions options, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            ThrowIfRemoved();
            if (_isBusy)
            {
                throw new StorageException($"The container '{Record.Label}' is this process's own: what started it has its run.");
            }
        }

        Refresh();
        var run = (Record.Name is null ? null : OutsideRun.TryFind(_catalog, Record, awaitsStart: true, cancellationToken, options))
            ?? throw new StorageException($"The container '{Record.Label}' does not run.") { Hint = "Start it first." };
        run.WatchHealth(isNew: false);
        return new RunningContainer(container, run, ownsContainer: false);
    }

    /// <summary>Ends its program, here or elsewhere, for good; one that does not run is no error.</summary>
    public async Task StopAsync(Container container, TimeSpan? grace, CancellationToken cancellationToken)
    {
        ContainerRun? run;
        lock (_gate)
        {
            ThrowIfRemoved();
            run = _run;
        }

        if (run is null && IsStartedAgain())
        {
            // There may be no program now, and another in a moment: whoever would start that must know first.
            OutsideRun.StopRestarts(_catalog, Record);
        }

        if ((run ?? await Task.Run(() => FindOutsideRun(awaitsStart: true, cancellationToken), cancellationToken).ConfigureAwait(false)) is not { } found)
        {
            return;
        }

        try
        {
            await new RunningContainer(container, found, ownsContainer: false).StopAsync(grace, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            (found as OutsideRun)?.LetGo();
        }
    }

    /// <summary>What its program does, or did last.</summary>
    public ContainerState ReadState(CancellationToken cancellationToken)
    {
        var directory = _catalog.DirectoryOf(Record.Id);
        lock (_gate)
        {
            if (_run is { } run)
            {
                return new ContainerState
                {
                    Status = run.IsBetweenRuns ? ContainerStatus.Restarting : run.IsPaused ? ContainerStatus.Paused : ContainerStatus.Running,
                    ProcessId = run.IsBetweenRuns ? null : run.Process.ProcessId,
                    Started = StartOf(directory),
                    RestartCount = run.Restarts,
                    Health = run.Monitor?.Health,
                };
            }
        }

        if (IsRunning())
        {
            var program = RunningProcess.TryRead(directory)?.FindProgramNow();
            var last = program is null && IsStartedAgain() ? ExitRecord.TryRead(directory) : null;
            return new ContainerState
            {
                Status = last is not null ? ContainerStatus.Restarting : _catalog.FindCgroup(Record.Id) is { IsFrozen: true } ? ContainerStatus.Paused : ContainerStatus.Running,
                ProcessId = program?.ProcessId,
                Started = StartOf(directory),
                Exit = last?.Status,
                Finished = last?.Time,
                RestartCount = RestartFiles.Count(directory),
                Health = Record.FindHealthCheck() is null ? null : HealthFile.TryRead(directory),
            };
        }

        cancellationToken.ThrowIfCancellationRequested();
        return ExitRecord.TryRead(directory) is { } exit
            ? new ContainerState { Status = ContainerStatus.Exited, Exit = exit.Status, Finished = exit.Time, RestartCount = RestartFiles.Count(directory) }
            : File.Exists(Path.Combine(directory, SupervisorSteps.RunningName))
                // Whoever was to write down the end was killed, and the kernel killed the program in the same moment.
                ? new ContainerState { Status = ContainerStatus.Exited, Exit = new ExitStatus(null, KillSignal, outOfMemory: false) }
                : new ContainerState { Status = ContainerStatus.Created };
    }

    /// <summary>Refuses to read what nobody has kept.</summary>
    /// <exception cref="StorageException">It has run, and never detached.</exception>
    public void RequireLog()
    {
        var directory = _catalog.DirectoryOf(Record.Id);
        if (File.Exists(Path.Combine(directory, SupervisorSteps.LogName)) || File.Exists(Path.Combine(directory, SupervisorSteps.OlderLogName)))
        {
            return;
        }

        // One with a supervisor is about to have one.
        var running = RunningProcess.TryRead(directory);
        if (running is { Supervisor: null } || (running is null && ExitRecord.TryRead(directory) is not null))
        {
            throw new StorageException($"The container '{Record.Label}' has no log: it was never detached, and what it wrote went to whoever had started it.")
            {
                Hint = "Start it detached to have one: StartOptions.Detached (ckit: run -d, or start without --attach).",
            };
        }
    }

    /// <summary>What it has written while it was detached.</summary>
    public ContainerLog Log(OutsideRun? run) => new(_catalog.DirectoryOf(Record.Id), run?.Exit ?? Task.CompletedTask);

    private static DateTimeOffset? StartOf(string directory) =>
        File.Exists(Path.Combine(directory, SupervisorSteps.RunningName)) ? RunningProcess.StartOf(directory) : null;

    /// <summary>Its run in another process, or under a supervisor; null when it does not run there.</summary>
    public OutsideRun? FindOutsideRun(bool awaitsStart, CancellationToken cancellationToken) =>
        Record.Name is null ? null : OutsideRun.TryFind(_catalog, Record, awaitsStart, cancellationToken);
}

using System.Diagnostics;

namespace ContainerKit.Containers.Runs;

/// <content>How its program is started again after its end, as the description has it.</content>
internal sealed partial class AttachedRun
{
    private const int FailedStart = 125;
    private static readonly TimeSpan LongestLook = TimeSpan.FromMilliseconds(250);

    private readonly TaskCompletionSource _stopping = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly RestartPauses _pauses = new();
    private bool _isBetween;
    private int _restarts;

    public override int Restarts => _restarts;

    public override bool IsBetweenRuns => _isBetween;

    public override void StopRestarts() => _stopping.TrySetResult();

    /// <returns>False when there is no further run.</returns>
    private async Task<bool> TryStartAgainAsync(ExitStatus status, TimeSpan lasted)
    {
        while (IsWantedAgain(status))
        {
            BeginPause(status);
            var pause = _pauses.After(lasted);
            Catalog.Logger.StartingAgain(Record.Id, status, pause);
            if (!await PauseAsync(pause).ConfigureAwait(false))
            {
                return false;
            }

            try
            {
                await StartAgainAsync().ConfigureAwait(false);
                return true;
            }
            catch (Exception e) when (e is ContainerKitException or IOException or UnauthorizedAccessException)
            {
                // As docker has it, that is a run that failed.
                Interlocked.Increment(ref _restarts);
                Catalog.Logger.NotStartedAgain(Record.Id, e.Message);
                (status, lasted) = (new ExitStatus(FailedStart, null, outOfMemory: false), TimeSpan.Zero);
            }
        }

        return false;
    }

    // What is needed for it was kept only if it was wanted when it started; the rest may have changed since.
    private bool IsWantedAgain(ExitStatus status) => !_stopping.Task.IsCompleted
        && Record.Options.Restart != RestartKind.No
        && (Catalog.TryRead(Record.Id) ?? Record).Options.ToRestartPolicy().Wants(status.IsSuccess, _restarts)
        && (Record.Name is null || !RestartFiles.IsStopped(Catalog.DirectoryOf(Record.Id)));

    // What one run had of its own goes with it; its layer, its control group and its pipes stay.
    private void BeginPause(ExitStatus status)
    {
        lock (_layerGate)
        {
            _isBetween = true;
            _root?.Dispose();
            _root = null;
        }

        _network.Dispose();
        if (Record.Name is not null)
        {
            var directory = Catalog.DirectoryOf(Record.Id);
            new ExitRecord(status, DateTimeOffset.UtcNow).Write(directory);
            RunningProcess.Erase(directory);
        }
    }

    // Another process that wants it to end writes that down, and nothing tells.
    private async Task<bool> PauseAsync(TimeSpan pause)
    {
        var until = Stopwatch.GetTimestamp() + (long)(pause.TotalSeconds * Stopwatch.Frequency);
        while (true)
        {
            if (_stopping.Task.IsCompleted || (Record.Name is not null && RestartFiles.IsStopped(Catalog.DirectoryOf(Record.Id))))
            {
                return false;
            }

            var rest = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), until);
            if (rest <= TimeSpan.Zero)
            {
                return true;
            }

            await Task.WhenAny(_stopping.Task, Task.Delay(rest < LongestLook ? rest : LongestLook)).ConfigureAwait(false);
        }
    }

    private async Task StartAgainAsync()
    {
        // A port that was any free one keeps its number.
        var record = Record with { Options = Record.Options with { PublishedPorts = [.. _network.Ports] } };
        var launched = await LaunchAsync(Catalog, record, _command, _lease, _volumes.Mounts, _pipes.Theirs, () => Cgroup, CancellationToken.None).ConfigureAwait(false);
        if (Record.Name is not null)
        {
            var directory = Catalog.DirectoryOf(Record.Id);
            RestartFiles.Add(directory);

            // In this order: at no moment may it look as if it had never run.
            new RunningProcess(ProcessIdentity.TryFind(launched.Process.ProcessId)).Write(directory);
            ExitRecord.Erase(directory);
        }

        lock (_layerGate)
        {
            (_root, _network, _isBetween) = (launched.Root, launched.Network, false);
            Interlocked.Increment(ref _restarts);
            GoOnWith(launched.Process);
        }

        _network.Begin(Network);
        Catalog.Logger.Started(Record.Id, Process.ProcessId);
        if (_stopping.Task.IsCompleted)
        {
            // Whoever wanted it to end has ended the program before this one.
            Process.Signal(KillSignal);
        }
    }
}

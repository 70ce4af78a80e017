using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Layering;
using ContainerKit.Containers.Specs;
using ContainerKit.Isolation;
using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Union;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers.Runs;

/// <summary>A run whose program is not this process's child: a supervisor's, or another host's. Letting go of it changes nothing.</summary>
[SupportedOSPlatform("linux")]
internal sealed class OutsideRun : ContainerRun
{
    // A start in another process: its supervisor, or its program, is written down a moment after the layer is held.
    private static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LookingPause = TimeSpan.FromMilliseconds(5);

    private readonly CancellationTokenSource _letGo = new();
    private readonly bool _isSupervised;
    private readonly DateTimeOffset _started;
    private readonly Lock _looking = new();
    private readonly IsolationSpec _spec;
    private readonly Task<ProcessEnd> _end;
    private int _processId;

    /// <param name="catalog">The containers.</param>
    /// <param name="record">This one.</param>
    /// <param name="spec">What those who join it must know.</param>
    /// <param name="processId">The program's number.</param>
    /// <param name="handle">The program. It becomes this object's.</param>
    /// <param name="watched">The process with whose end the run is over: the supervisor, or the program by a handle of its own. It becomes this object's.</param>
    /// <param name="isSupervised">Whether that is a supervisor.</param>
    /// <param name="input">What leads to its standard input; null where nothing does. It becomes this object's.</param>
    /// <param name="from">Where those begin who read what it writes; null for all that is kept.</param>
    public OutsideRun(
        ContainerCatalog catalog, ContainerRecord record, IsolationSpec spec, int processId, SafeFileHandle handle, SafeFileHandle watched, bool isSupervised, Stream? input = null, LogMark? from = null)
        : this(catalog, record, spec, processId, handle, watched, isSupervised, input, from, new TaskCompletionSource<ProcessEnd>(TaskCreationOptions.RunContinuationsAsynchronously))
    {
    }

    private OutsideRun(
        ContainerCatalog catalog, ContainerRecord record, IsolationSpec spec, int processId, SafeFileHandle handle, SafeFileHandle watched, bool isSupervised, Stream? input, LogMark? from, TaskCompletionSource<ProcessEnd> end)
        : base(catalog, record, spec.Process, catalog.Engine.Adopt(spec, processId, handle, end.Task), catalog.FindCgroup(record.Id))
    {
        (_isSupervised, _spec, _processId, _end) = (isSupervised, spec, processId, end.Task);
        _started = RunningProcess.StartOf(catalog.DirectoryOf(record.Id));
        Exit = WatchAsync(watched, end);
        _ = Exit.ContinueWith(task => task.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        Input = input ?? Stream.Null;
        SupervisedLog = isSupervised ? new ContainerLog(catalog.DirectoryOf(record.Id), Exit, from) : null;
        Output = SupervisedLog is null ? Stream.Null : new LogStream(SupervisedLog, isError: false);
        Error = SupervisedLog is null ? Stream.Null : new LogStream(SupervisedLog, isError: true);
    }

    public override IReadOnlyList<PublishedPort> PublishedPorts => Member?.Ports ?? [];

    public override Stream Input { get; }

    public override Stream Output { get; }

    public override Stream Error { get; }

    public override bool HasOutput => _isSupervised;

    public override Task<ExitStatus> Exit { get; }

    /// <summary>What it has written, for one that a supervisor looks after; null for another host's.</summary>
    public ContainerLog? SupervisedLog { get; }

    protected override string UserToLookUp => Record.Options.User ?? Record.Image.User;

    /// <summary>The run of a container outside of this process; null when it does not run.</summary>
    /// <param name="catalog">The containers.</param>
    /// <param name="record">This one.</param>
    /// <param name="awaitsStart">Whether one that somebody is about to start is waited for, some seconds long.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <param name="attach">With which of its streams; null for all that it wrote, and no input.</param>
    public static OutsideRun? TryFind(ContainerCatalog catalog, ContainerRecord record, bool awaitsStart, CancellationToken cancellationToken, AttachOptions? attach = null)
    {
        var deadline = Environment.TickCount64 + (awaitsStart ? (long)LongestStart.TotalMilliseconds : 0);
        while (true)
        {
            if (RunningProcess.TryRead(catalog.DirectoryOf(record.Id)) is { } running && TryOpen(catalog, record, running, attach) is { } run)
            {
                return run;
            }

            // It is being started, or has just ended, or somebody has its files open.
            if (Environment.TickCount64 >= deadline || !catalog.IsLayerHeld(record))
            {
                return null;
            }

            cancellationToken.WaitHandle.WaitOne(LookingPause);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    // The file outlasts a killed host, and so the lock has the last word.
    private static OutsideRun? TryOpen(ContainerCatalog catalog, ContainerRecord record, RunningProcess running, AttachOptions? attach)
    {
        if (running.FindProgramNow() is not { } program || program.TryOpen() is not { } handle)
        {
            return null;
        }

        if (!catalog.IsLayerHeld(record))
        {
            handle.Dispose();
            return null;
        }

        var cgroup = catalog.FindCgroup(record.Id);
        var spec = SpecFactory.Create(catalog, record, [], ContainerUser.Root, [], cgroup);
        var watched = running.Supervisor?.TryOpen() ?? ProcessCalls.Raise(handle);
        var input = attach is not null && record.Options.HasOpenInput && running.Supervisor is { } supervisor ? SupervisedInput.TryOpen(supervisor) : null;
        var from = attach?.Tail is { } lines ? LogMark.Find(catalog.DirectoryOf(record.Id), lines) : null;
        return new OutsideRun(catalog, record, spec, program.ProcessId, handle, watched, isSupervised: running.Supervisor is not null, input, from);
    }

    public override OutputTail BeginOutput() => new();

    // The log is there for every reader; of the runs that share it, this one alone counts.
    public override async Task ReadOutputAheadAsync(OutputTail output, Action full, CancellationToken cancellationToken)
    {
        if (!_isSupervised)
        {
            return;
        }

        await foreach (var record in new ContainerLog(Catalog.DirectoryOf(Record.Id), Exit).ReadAsync(follow: true, cancellationToken).ConfigureAwait(false))
        {
            if (record.Time >= _started)
            {
                output.Add(record.IsError, record.Content.Span);
            }
        }
    }

    public override T WhilePaused<T>(Func<SnapshotLease, T> read)
    {
        using var layer = Catalog.Snapshots.Borrow(Record.Id);

        // What programs have written by mmap is not in files that another process serves until that process asks for it.
        return IsServed(layer) ? throw ContainerLayer.HeldElsewhere(Record) : Paused(() => Exit.IsCompleted ? throw HasJustEnded() : read(layer));
    }

    /// <summary>Refuses to look into a file system that another process serves, and which the kernel keeps to those who are in its user namespace.</summary>
    public void RequireReach()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            using var layer = Catalog.Snapshots.Borrow(Record.Id);
            if (IsServed(layer))
            {
                throw ContainerLayer.HeldElsewhere(Record);
            }
        }
    }

    public override void StopRestarts()
    {
        if (IsStartedAgain)
        {
            StopRestarts(Catalog, Record);
        }
    }

    /// <summary>Has nobody start a container again: its supervisor, or the process that runs it, finds that written down.</summary>
    public static void StopRestarts(ContainerCatalog catalog, ContainerRecord record)
    {
        var directory = catalog.DirectoryOf(record.Id);
        RestartFiles.Stop(directory);
        RunningProcess.TryRead(directory)?.WakeSupervisor();
    }

    // The policy may have been changed since this was made, by whomever.
    private bool IsStartedAgain => _isSupervised ? RestartFiles.IsSupervised(Catalog.DirectoryOf(Record.Id)) : Record.Options.Restart != RestartKind.No;

    protected override void LookAgain()
    {
        if (!_isSupervised || _letGo.IsCancellationRequested || !IsStartedAgain)
        {
            return;
        }

        lock (_looking)
        {
            if (RunningProcess.TryRead(Catalog.DirectoryOf(Record.Id))?.FindProgramNow() is { } now && now.ProcessId != _processId && now.TryOpen() is { } handle)
            {
                _processId = now.ProcessId;
                GoOnWith(Catalog.Engine.Adopt(_spec, now.ProcessId, handle, _end));
            }
        }
    }

    public override string Freeze(CancellationToken cancellationToken) => throw new StorageException(
        $"Cannot fork the container '{Record.Label}' while it runs in another process.")
    { Hint = "Stop it first, or fork it where it was started." };

    public override ValueTask DisposeAsync()
    {
        LetGo();
        return ValueTask.CompletedTask;
    }

    public void LetGo()
    {
        _letGo.Cancel();
        EndHealth();
        Network.Dispose();
        Process.Dispose();
        Input.Dispose();
        Output.Dispose();
        Error.Dispose();
    }

    private async Task<ExitStatus> WatchAsync(SafeFileHandle watched, TaskCompletionSource<ProcessEnd> end)
    {
        try
        {
            await ProcessIdentity.WaitAsync(watched, _letGo.Token).ConfigureAwait(false);
            var status = await ReadStatusAsync().ConfigureAwait(false);
            if (_isSupervised)
            {
                Catalog.SweepNetworkOf(Record);
            }

            end.SetResult(new ProcessEnd(status.ExitCode, status.Signal));
            return status;
        }
        catch (Exception e)
        {
            end.TrySetException(e);
            _ = end.Task.Exception;
            throw;
        }
        finally
        {
            Network.Dispose();
            watched.Dispose();
        }
    }

    // A supervisor has written it down before it ends. Another host writes it down while it holds the layer, which it lets go of last.
    private async Task<ExitStatus> ReadStatusAsync()
    {
        var directory = Catalog.DirectoryOf(Record.Id);
        var deadline = Environment.TickCount64 + (long)LongestEnd.TotalMilliseconds;
        while (!_isSupervised && Catalog.IsLayerHeld(Record) && !HasBeenStartedAgain(directory) && Environment.TickCount64 < deadline)
        {
            await Task.Delay(LookingPause, _letGo.Token).ConfigureAwait(false);
        }

        // Whoever was to write it down has been killed: then the kernel has killed the program in the same moment.
        return ExitRecord.TryRead(directory)?.Status ?? new ExitStatus(null, KillSignal, outOfMemory: false);
    }

    private bool HasBeenStartedAgain(string directory) => RunningProcess.TryRead(directory)?.Program is { } other && other.ProcessId != Process.ProcessId;

    // The driver is asked, and not the store: that would clear away what the running mount works with.
    private bool IsServed(SnapshotLease layer) => Catalog.Snapshots.Driver.Mounts(layer.Snapshot) is [{ Type: UnionMount.Type }];
}

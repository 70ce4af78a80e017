using System.Runtime.Versioning;
using ContainerKit.Isolation;
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

    private OutsideRun(ContainerCatalog catalog, ContainerRecord record, IsolationSpec spec, int processId, SafeFileHandle handle, SafeFileHandle? supervisor)
        : this(catalog, record, spec, processId, handle, supervisor, new TaskCompletionSource<ProcessEnd>(TaskCreationOptions.RunContinuationsAsynchronously))
    {
    }

    private OutsideRun(
        ContainerCatalog catalog, ContainerRecord record, IsolationSpec spec, int processId, SafeFileHandle handle, SafeFileHandle? supervisor, TaskCompletionSource<ProcessEnd> end)
        : base(catalog, record, spec.Process, catalog.Engine.Adopt(spec, processId, handle, end.Task), catalog.FindCgroup(record.Id))
    {
        _isSupervised = supervisor is not null;
        Exit = WatchAsync(supervisor, end);
        _ = Exit.ContinueWith(task => task.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        Output = _isSupervised ? new LogStream(Log, isError: false) : Stream.Null;
        Error = _isSupervised ? new LogStream(Log, isError: true) : Stream.Null;
    }

    public override IReadOnlyList<PublishedPort> PublishedPorts => [];

    public override Stream Input => Stream.Null;

    public override Stream Output { get; }

    public override Stream Error { get; }

    public override Task<ExitStatus> Exit { get; }

    /// <summary>What it has written, for one that a supervisor looks after; null for another host's.</summary>
    public ContainerLog? SupervisedLog => _isSupervised ? Log : null;

    protected override string UserToLookUp => Record.Options.User ?? Record.Image.User;

    private ContainerLog Log => new(Catalog.DirectoryOf(Record.Id), Exit);

    public static OutsideRun Of(ContainerCatalog catalog, ContainerRecord record, IsolationSpec spec, int processId, SafeFileHandle handle, SafeFileHandle? supervisor) =>
        new(catalog, record, spec, processId, handle, supervisor);

    /// <summary>The run of a container outside of this process; null when it does not run.</summary>
    public static OutsideRun? TryFind(ContainerCatalog catalog, ContainerRecord record, IReadOnlyList<string> command, CancellationToken cancellationToken)
    {
        var deadline = Environment.TickCount64 + (long)LongestStart.TotalMilliseconds;
        while (catalog.IsLayerHeld(record))
        {
            if (RunningProcess.TryRead(catalog.DirectoryOf(record.Id)) is { Program: { } program } running && program.TryOpen() is { } handle)
            {
                var supervisor = running.Supervisor?.TryOpen();
                var spec = SpecFactory.Create(catalog, record, command.Count > 0 ? command : ["unknown"], ContainerUser.Root, [], catalog.FindCgroup(record.Id));
                return new OutsideRun(catalog, record, spec, program.ProcessId, handle, supervisor);
            }

            // It is being started, or has just ended, or somebody has its files open.
            if (Environment.TickCount64 >= deadline)
            {
                return null;
            }

            cancellationToken.WaitHandle.WaitOne(LookingPause);
            cancellationToken.ThrowIfCancellationRequested();
        }

        return null;
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
        Network.Dispose();
        Process.Dispose();
        Output.Dispose();
        Error.Dispose();
    }

    private async Task<ExitStatus> WatchAsync(SafeFileHandle? supervisor, TaskCompletionSource<ProcessEnd> end)
    {
        try
        {
            await ProcessIdentity.WaitAsync(supervisor ?? Process.Handle, _letGo.Token).ConfigureAwait(false);
            var status = await ReadStatusAsync().ConfigureAwait(false);
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
            supervisor?.Dispose();
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

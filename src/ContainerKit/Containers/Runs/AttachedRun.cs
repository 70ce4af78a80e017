using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;
using ContainerKit.Linux;
using ContainerKit.Storage;

namespace ContainerKit.Containers.Runs;

/// <summary>A run whose program is this process's child: its pipes, and what must be held until it ends.</summary>
[SupportedOSPlatform("linux")]
internal sealed class AttachedRun : ContainerRun
{
    private readonly ServedRoot? _root;
    private readonly RunNetwork _network;
    private readonly RunVolumes _volumes;
    private readonly TaskCompletionSource<ExitStatus> _exit = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _layerGate = new();
    private readonly OutputTail _tail = new();
    private readonly OutputTap _output, _error;
    private readonly Pipes _pipes;
    private SnapshotLease _lease;
    private Action? _stopped;
    private bool _hasEnded;

    private AttachedRun(ContainerCatalog catalog, ContainerRecord record, ProcessSpec processSpec, SnapshotLease lease, ServedRoot? root, Cgroup? cgroup, IsolatedProcess process, Pipes pipes, RunNetwork network, RunVolumes volumes)
        : base(catalog, record, processSpec, process, cgroup)
    {
        _lease = lease;
        _root = root;
        _network = network;
        _volumes = volumes;
        _network.Begin(Network);
        _pipes = pipes;
        Input = pipes.Input;
        _output = new OutputTap(pipes.Output, isError: false, _tail, record.Options.MaxCapturedBytes);
        _error = new OutputTap(pipes.Error, isError: true, _tail, record.Options.MaxCapturedBytes);
        _ = WatchAsync();
    }

    public override IReadOnlyList<PublishedPort> PublishedPorts => _network.Ports;

    public override Stream Input { get; }

    public override Stream Output => _output;

    public override Stream Error => _error;

    public override bool HasOutput => true;

    public override FileCalls? Calls => _root?.CallsIn(Process, Catalog) ?? base.Calls;

    public override Task<ExitStatus> Exit => _exit.Task;

    public static async Task<AttachedRun> StartAsync(ContainerCatalog catalog, ContainerRecord record, IReadOnlyList<string> command, CancellationToken cancellationToken)
    {
        RequireCommand(record, command);
        var lease = ContainerLayer.Acquire(catalog, record, cancellationToken);
        Cgroup? cgroup = null;
        Pipes? pipes = null;
        IsolatedProcess? process = null;
        ServedRoot? root = null;
        RunNetwork? network = null;
        RunVolumes? volumes = null;
        try
        {
            network = await RunNetwork.TakeAsync(catalog, record, cancellationToken).ConfigureAwait(false);
            volumes = await RunVolumes.TakeAsync(catalog, record, lease, cancellationToken).ConfigureAwait(false);
            var user = UserLookup.Resolve(catalog.Snapshots, lease, record.Options.User ?? record.Image.User);
            cgroup = catalog.CreateCgroup(record);
            var mounts = catalog.Snapshots.Mounts(lease);
            root = ServedRoot.TryMake(catalog, lease, mounts);
            var spec = SpecFactory.Create(catalog, record, command, user, root is null ? mounts : [root.Root], cgroup, [.. network.Mounts, .. volumes.Mounts]);
            (process, pipes) = await Pipes.StartAsync(
                spec.Process.Terminal, streams => LaunchAsync(catalog, record, lease, spec, streams, root, network, cancellationToken)).ConfigureAwait(false);
            if (record.Name is not null)
            {
                // An unnamed one nobody else can find, and it ends with this process.
                var directory = catalog.DirectoryOf(record.Id);
                ExitRecord.Erase(directory);
                new RunningProcess(ProcessIdentity.TryFind(process.ProcessId)).Write(directory);
            }

            var run = new AttachedRun(catalog, record, spec.Process, lease, root, cgroup, process, pipes, network, volumes);
            run.Feed(record.Options.StandardInput);
            catalog.Logger.Started(record.Id, process.ProcessId);
            return run;
        }
        catch
        {
            process?.Dispose();
            pipes?.Dispose();
            network?.Dispose();
            volumes?.Dispose();
            cgroup?.Dispose();
            root?.Dispose();
            lease.Dispose();
            throw;
        }
    }

    public override OutputTail BeginOutput() => _tail;

    public override Task ReadOutputAheadAsync(OutputTail output, Action full, CancellationToken cancellationToken) =>
        Task.WhenAll(_output.ReadAheadAsync(full, cancellationToken), _error.ReadAheadAsync(full, cancellationToken));

    public override T WhilePaused<T>(Func<SnapshotLease, T> read)
    {
        // The program may be killed meanwhile, and its end lets go of the layer: not before the reader is done.
        lock (_layerGate)
        {
            return _hasEnded ? throw HasJustEnded() : Paused(() => Read(read));
        }
    }

    /// <summary>Freezes the container's layer, on which the program goes on with a new one.</summary>
    /// <returns>The snapshot that a fork is to stand on.</returns>
    /// <exception cref="HostCapabilityException">The layers are mounted by the kernel, which puts nothing on top of a mount.</exception>
    public override string Freeze(CancellationToken cancellationToken) => WhilePaused(lease =>
    {
        if (_root is not { } root)
        {
            throw ContainerForks.WhyNotRunning(Catalog.Snapshots.Driver, Record);
        }

        try
        {
            (var frozen, _lease) = Catalog.Snapshots.FreezeMounted(lease, snapshot => root.OpenBranch(Catalog, snapshot), cancellationToken);
            return frozen;
        }
        catch when (lease.IsOver)
        {
            // It would go on writing into what others may stand on already.
            End(KillSignal);
            throw;
        }
    });

    private T Read<T>(Func<SnapshotLease, T> read)
    {
        // What programs have written by mmap lies in the kernel until somebody asks for it.
        _root?.Flush(Process, Catalog);
        return read(_lease);
    }

    /// <summary>Has something called once the program has ended; at once if it has already.</summary>
    public void WhenStopped(Action action)
    {
        lock (_layerGate)
        {
            if (!_hasEnded)
            {
                _stopped = action;
                return;
            }
        }

        action();
    }

    public override async ValueTask DisposeAsync()
    {
        End(KillSignal);
        Cgroup?.KillAll(TimeSpan.Zero);
        try
        {
            await Exit.WaitAsync(LongestEnd).ConfigureAwait(false);
            await _network.DrainAsync().ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new IsolationException($"The container '{Record.Id[..12]}' was killed {LongestEnd.TotalSeconds:0} seconds ago and its program (process {Process.ProcessId}) is still there.")
            {
                Hint = "A process that hangs inside the kernel, for instance on a dead network file system, cannot be killed.",
            };
        }
        finally
        {
            Input.Dispose();
            Output.Dispose();
            Error.Dispose();
            Process.Dispose();
        }
    }

    private static async Task<IsolatedProcess> LaunchAsync(
        ContainerCatalog catalog, ContainerRecord record, SnapshotLease lease, IsolationSpec spec, LaunchStreams streams, ServedRoot? root, RunNetwork network, CancellationToken cancellationToken)
    {
        try
        {
            var process = await catalog.Engine.StartAsync(spec, streams, root?.Service, network.Connect, cancellationToken).ConfigureAwait(false);
            root?.LetMountGo();
            return process;
        }
        catch (IsolationException e) when (e.ExitCode is 126 or 127)
        {
            root?.Dispose();
            throw ProgramDiagnosis.Explain(catalog, record, lease, spec, e);
        }
    }

    private void Feed(Func<Stream>? open)
    {
        if (open is not null)
        {
            _ = InputFeed.PumpAsync(open(), Input);
        }
    }

    private async Task WatchAsync()
    {
        ExitStatus? status = null;
        Exception? failure = null;
        try
        {
            var end = await Process.WaitAsync().ConfigureAwait(false);

            // With pid 1 all others have ended, and what they wrote is in the pipes. Somebody outside may have been sent a copy of an end, and is not waited for.
            _pipes.EndOutputWhenEmpty();
            status = new ExitStatus(end.ExitCode, end.Signal, Cgroup?.OutOfMemoryHappened ?? false);
            Cgroup?.Dispose();
            if (Record.Name is not null)
            {
                var directory = Catalog.DirectoryOf(Record.Id);
                new ExitRecord(status, DateTimeOffset.UtcNow).Write(directory);
                RunningProcess.Erase(directory);
            }

            Catalog.Logger.Ended(Record.Id, status);
        }
#pragma warning disable CA1031 // Whatever it is, it belongs to those who wait for the exit; nobody awaits this task.
        catch (Exception e)
#pragma warning restore CA1031
        {
            failure = e;
        }

        _network.Dispose();
        Network.Dispose();

        // With pid 1 the kernel has ended all others and let go of the mounts: the layer can be edited again.
        Action? stopped;
        lock (_layerGate)
        {
            _root?.Dispose();
            _volumes.Dispose();
            _lease.Dispose();
            _hasEnded = true;
            stopped = _stopped;
        }

        // First those who keep the books, then those who wait: a waiter may remove the container at once.
        stopped?.Invoke();
        if (failure is null)
        {
            _exit.SetResult(status!);
        }
        else
        {
            _exit.SetException(failure);
        }
    }
}

using System.Diagnostics;
using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Files;
using ContainerKit.Containers.Layering;
using ContainerKit.Containers.Output;
using ContainerKit.Containers.Specs;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;
using ContainerKit.Linux;
using ContainerKit.Storage;

namespace ContainerKit.Containers.Runs;

/// <summary>A run whose program is this process's child: its pipes, and what must be held until it ends.</summary>
[SupportedOSPlatform("linux")]
internal sealed partial class AttachedRun : ContainerRun
{
    private readonly RunVolumes _volumes;
    private readonly TaskCompletionSource<ExitStatus> _exit = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _layerGate = new();
    private readonly OutputTail _tail = new();
    private readonly OutputTap _output, _error;
    private readonly Pipes _pipes;
    private readonly IReadOnlyList<string> _command;
    private ServedRoot? _root;
    private RunNetwork _network;
    private SnapshotLease _lease;
    private Action? _stopped;
    private bool _hasEnded;

    private AttachedRun(ContainerCatalog catalog, ContainerRecord record, IReadOnlyList<string> command, SnapshotLease lease, Cgroup? cgroup, Launched launched, Pipes pipes, RunVolumes volumes)
        : base(catalog, record, launched.Spec, launched.Process, cgroup)
    {
        (_lease, _pipes, _command, _root, _network, _volumes) = (lease, pipes, command, launched.Root, launched.Network, volumes);
        _network.Begin(Network);
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
        var isStartedAgain = record.Options.Restart != RestartKind.No;
        if (isStartedAgain && record.Options.Terminal is not null)
        {
            throw new HostCapabilityException("terminal-restart", $"The container '{record.Label}' cannot start: it is to be started again by itself, and its terminal ends with its program.")
            {
                Hint = "Leave WithTerminal or WithRestart out.",
            };
        }

        var lease = ContainerLayer.Acquire(catalog, record, cancellationToken);
        Cgroup? cgroup = null;
        Pipes? pipes = null;
        Launched? launched = null;
        RunVolumes? volumes = null;
        try
        {
            volumes = await RunVolumes.TakeAsync(catalog, record, lease, cancellationToken).ConfigureAwait(false);
            IsolatedProcess process;
            (process, pipes) = await Pipes.StartAsync(
                record.Options.Terminal,
                async streams =>
                {
                    launched = await LaunchAsync(catalog, record, command, lease, volumes.Mounts, streams, () => cgroup = catalog.CreateCgroup(record), cancellationToken).ConfigureAwait(false);
                    return launched.Process;
                },
                keepsTheirs: isStartedAgain).ConfigureAwait(false);
            if (record.Name is not null)
            {
                // An unnamed one nobody else can find, and it ends with this process.
                var directory = catalog.DirectoryOf(record.Id);
                ExitRecord.Erase(directory);
                RestartFiles.Erase(directory);
                new RunningProcess(ProcessIdentity.TryFind(process.ProcessId)).Write(directory);
            }

            var run = new AttachedRun(catalog, record, command, lease, cgroup, launched!, pipes, volumes);
            run.Feed(record.Options.StandardInput);
            catalog.Logger.Started(record.Id, process.ProcessId);
            return run;
        }
        catch
        {
            launched?.Dispose();
            pipes?.Dispose();
            volumes?.Dispose();
            cgroup?.Dispose();
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
            return _hasEnded ? throw HasJustEnded() : _isBetween ? read(_lease) : Paused(() => Read(read));
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
        Monitor?.Dispose();
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

    /// <summary>Starts the program once, with all that one run of it needs of its own.</summary>
    private static async Task<Launched> LaunchAsync(
        ContainerCatalog catalog, ContainerRecord record, IReadOnlyList<string> command, SnapshotLease lease, IReadOnlyList<Mount> volumes, LaunchStreams streams, Func<Cgroup?> cgroup, CancellationToken cancellationToken)
    {
        ServedRoot? root = null;
        RunNetwork? network = null;
        try
        {
            network = await RunNetwork.TakeAsync(catalog, record, cancellationToken).ConfigureAwait(false);
            var user = UserLookup.Resolve(catalog.Snapshots, lease, record.Options.User ?? record.Image.User);
            var group = cgroup();
            var mounts = catalog.Snapshots.Mounts(lease);
            root = ServedRoot.TryMake(catalog, lease, mounts);
            var spec = SpecFactory.Create(catalog, record, command, user, root is null ? mounts : [root.Root], group, [.. network.Mounts, .. volumes]);
            return new Launched(await LaunchAsync(catalog, record, lease, spec, streams, root, network, cancellationToken).ConfigureAwait(false), spec.Process, root, network);
        }
        catch
        {
            network?.Dispose();
            root?.Dispose();
            throw;
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
        TimeSpan lasted;
        Exception? failure = null;

        // The group is new, and its program may have been killed before this is reached.
        long kills = 0;
        try
        {
            do
            {
                var began = Stopwatch.GetTimestamp();
                var end = await Process.WaitAsync().ConfigureAwait(false);
                var before = kills;
                kills = Cgroup?.OutOfMemoryKills ?? 0;
                status = new ExitStatus(end.ExitCode, end.Signal, kills > before);
                lasted = Stopwatch.GetElapsedTime(began);
            }
            while (Record.Options.Restart != RestartKind.No && await TryStartAgainAsync(status, lasted).ConfigureAwait(false));

            // With pid 1 all others have ended, and what they wrote is in the pipes. Somebody outside may have been sent a copy of an end, and is not waited for.
            _pipes.EndOutputWhenEmpty();
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

        _pipes.CloseTheirs();
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

    /// <summary>A program that runs, and what this run of it has of its own.</summary>
    private sealed record Launched(IsolatedProcess Process, ProcessSpec Spec, ServedRoot? Root, RunNetwork Network) : IDisposable
    {
        public void Dispose()
        {
            Process.Dispose();
            Network.Dispose();
            Root?.Dispose();
        }
    }
}

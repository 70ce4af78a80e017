using System.Collections.Concurrent;
using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;
using ContainerKit.Linux;
using ContainerKit.Networking;
using ContainerKit.Storage;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers;

/// <summary>One run of a container's program: the process, its pipes, and what must be held until it ends.</summary>
[SupportedOSPlatform("linux")]
internal sealed partial class ContainerRun : IAsyncDisposable
{
    private const int KillSignal = 9;
    private static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(30);

    private readonly ContainerCatalog _catalog;
    private readonly ContainerRecord _record;
    private readonly ProcessSpec _processSpec;
    private SnapshotLease _lease;
    private readonly Cgroup? _cgroup;
    private readonly ServedRoot? _root;
    private readonly TaskCompletionSource<ExitStatus> _exit = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<int, byte> _joined = new();
    private readonly Lock _layerGate = new();
    private Action? _stopped;
    private bool _hasEnded;

    private ContainerRun(ContainerCatalog catalog, ContainerRecord record, ProcessSpec processSpec, SnapshotLease lease, ServedRoot? root, Cgroup? cgroup, IsolatedProcess process, Pipes pipes, PortForwarders ports)
    {
        _catalog = catalog;
        _record = record;
        _processSpec = processSpec;
        _lease = lease;
        _root = root;
        _cgroup = cgroup;
        Process = process;
        (Input, Output, Error) = (pipes.Input.Mine, pipes.Output.Mine, pipes.Error.Mine);
        Network = NetworkOf(catalog, record, process);
        Ports = ports;
        Ports.Begin(Network, catalog.Logger);
        _ = WatchAsync();
    }

    public IsolatedProcess Process { get; }

    public Stream Input { get; }

    public Stream Output { get; }

    public Stream Error { get; }

    /// <summary>Who makes file calls on what the container sees; null for this process.</summary>
    public FileCalls? Calls => _root?.CallsIn(Process, _catalog) ?? _catalog.Identity.Worker?.Calls;

    public int MaxCapturedBytes => _record.Options.MaxCapturedBytes;

    public int? StopSignal => SignalNames.TryParse(_record.Image.StopSignal);

    /// <summary>Completes when the program has ended and its layer is free again.</summary>
    public Task<ExitStatus> Exit => _exit.Task;

    public static async Task<ContainerRun> StartAsync(ContainerCatalog catalog, ContainerRecord record, IReadOnlyList<string> command, CancellationToken cancellationToken)
    {
        if (command.Count == 0)
        {
            throw new ImageException($"Cannot start a container of '{record.ImageReference}': neither the image nor the description names a command.")
            {
                Hint = "Use WithCommand.",
            };
        }

        RequireText(record, command);
        var lease = ContainerLayer.Acquire(catalog, record, cancellationToken);
        Cgroup? cgroup = null;
        Pipes? pipes = null;
        IsolatedProcess? process = null;
        ServedRoot? root = null;
        PortForwarders? ports = null;
        try
        {
            ports = PortForwarders.Take(record.Options.PublishedPorts, record.Options.Network == NetworkMode.Host, record.Label);
            var user = UserLookup.Resolve(catalog.Snapshots, lease, record.Options.User ?? record.Image.User);
            cgroup = catalog.CreateCgroup(record);
            var mounts = catalog.Snapshots.Mounts(lease);
            root = ServedRoot.TryMake(catalog, lease, mounts);
            var spec = SpecFactory.Create(catalog, record, command, user, root is null ? mounts : [root.Root], cgroup);
            pipes = Pipes.Open();
            process = await LaunchAsync(catalog, record, lease, spec, pipes.Theirs, root, cancellationToken).ConfigureAwait(false);
            pipes.CloseTheirs();
            if (record.Name is not null)
            {
                // An unnamed one nobody else can find, and it ends with this process.
                RunningProcess.TryFind(process.ProcessId)?.Write(catalog.DirectoryOf(record.Id));
            }

            var run = new ContainerRun(catalog, record, spec.Process, lease, root, cgroup, process, pipes, ports);
            run.Feed(record.Options.StandardInput);
            catalog.Logger.Started(record.Id, process.ProcessId);
            return run;
        }
        catch
        {
            process?.Dispose();
            pipes?.Dispose();
            ports?.Dispose();
            cgroup?.Dispose();
            root?.Dispose();
            lease.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Reads the container's layer while nothing in it moves: by the freezer where it has a control group, and by stop signals where
    /// it has none.
    /// </summary>
    public T WhilePaused<T>(Func<SnapshotLease, T> read)
    {
        // The program may be killed meanwhile, and its end lets go of the layer: not before the reader is done.
        lock (_layerGate)
        {
            return _hasEnded
                ? throw new StorageException($"The container '{_record.Id[..12]}' has just ended; try again.")
                : Paused(read);
        }
    }

    /// <summary>Freezes the container's layer, on which the program goes on with a new one.</summary>
    /// <returns>The snapshot that a fork is to stand on.</returns>
    /// <exception cref="HostCapabilityException">The layers are mounted by the kernel, which puts nothing on top of a mount.</exception>
    public string Freeze(CancellationToken cancellationToken) => WhilePaused(lease =>
    {
        if (_root is not { } root)
        {
            throw ContainerForks.WhyNotRunning(_catalog.Snapshots.Driver, _record);
        }

        try
        {
            (var frozen, _lease) = _catalog.Snapshots.FreezeMounted(lease, snapshot => root.OpenBranch(_catalog, snapshot), cancellationToken);
            return frozen;
        }
        catch when (lease.IsOver)
        {
            // It would go on writing into what others may stand on already.
            Process.Signal(KillSignal);
            throw;
        }
    });

    private T Paused<T>(Func<SnapshotLease, T> read)
    {
        if (_cgroup is { ProcsFiles.Count: > 0 } group)
        {
            group.Freeze();
            try
            {
                return Read(read);
            }
            finally
            {
                group.Thaw();
            }
        }

        using (ProcessTree.Stop([Process.ProcessId, .. _joined.Keys]))
        {
            return Read(read);
        }
    }

    private T Read<T>(Func<SnapshotLease, T> read)
    {
        // What programs have written by mmap lies in the kernel until somebody asks for it.
        _root?.Flush(Process, _catalog);
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

    public async Task<CommandResult> ExecAsync(IReadOnlyList<string> command, ExecOptions options, CancellationToken cancellationToken)
    {
        var spec = _processSpec with
        {
            Arguments = command,
            Environment = EnvironmentList.Merge(_processSpec.Environment, options.Environment),
            WorkingDirectory = options.WorkingDirectory ?? _processSpec.WorkingDirectory,
        };
        if (options.User is { } name)
        {
            spec = SpecFactory.WithUser(spec, UserLookup.ResolveLive(Process, Calls, name), options.Environment.ContainsKey("HOME"));
        }

        using var pipes = Pipes.Open();
        using var process = await Process.JoinAsync(spec, pipes.Theirs, cancellationToken).ConfigureAwait(false);
        pipes.CloseTheirs();
        _joined[process.ProcessId] = 0;
        try
        {
            return await ExecCapture.RunAsync(process, pipes, options.StandardInput, MaxCapturedBytes, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            // Given up, or too much to keep: what it has begun ends with it.
            process.KillTree();
            await ((Task)process.WaitAsync(CancellationToken.None).WaitAsync(LongestEnd, CancellationToken.None)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
        finally
        {
            _joined.TryRemove(process.ProcessId, out _);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Process.Signal(KillSignal);
        _cgroup?.KillAll(TimeSpan.Zero);
        try
        {
            await Exit.WaitAsync(LongestEnd).ConfigureAwait(false);
            await Ports.DrainAsync().ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new IsolationException($"The container '{_record.Id[..12]}' was killed {LongestEnd.TotalSeconds:0} seconds ago and its program (process {Process.ProcessId}) is still there.")
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
        ContainerCatalog catalog, ContainerRecord record, SnapshotLease lease, IsolationSpec spec, LaunchStreams streams, ServedRoot? root, CancellationToken cancellationToken)
    {
        try
        {
            var process = await catalog.Engine.StartAsync(spec, streams, root?.Service, cancellationToken).ConfigureAwait(false);
            root?.LetMountGo();
            return process;
        }
        catch (IsolationException e) when (e.ExitCode is 126 or 127)
        {
            // The kernel says of a script that it is not there when its interpreter is not.
            root?.Dispose();
            using var tree = catalog.Snapshots.OpenTree(lease);
            throw ProgramDiagnosis.Explain(tree, spec, () => catalog.Images.Catalog.Find(record.ImageDigest)?.Config.Platform) is { } reason
                ? new IsolationException($"The container cannot start: {reason}", e) { Step = e.Step, ExitCode = e.ExitCode }
                : e;
        }
    }

    // What programs are given ends at the first NUL, and JSON can write one.
    private static void RequireText(ContainerRecord record, IReadOnlyList<string> command)
    {
        if (record.Image.Environment.Concat(command).Append(record.Image.WorkingDirectory).FirstOrDefault(text => text.Contains('\0')) is { } broken)
        {
            throw new ImageException($"Cannot start a container of '{record.ImageReference}': '{broken[..broken.IndexOf('\0')]}' goes on with a NUL character, which no program can be given.");
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
            status = new ExitStatus(end.ExitCode, end.Signal, _cgroup?.OutOfMemoryHappened ?? false);
            _cgroup?.Dispose();
            if (_record.Name is not null)
            {
                RunningProcess.Erase(_catalog.DirectoryOf(_record.Id));
            }

            _catalog.Logger.Ended(_record.Id, status);
        }
#pragma warning disable CA1031 // Whatever it is, it belongs to those who wait for the exit; nobody awaits this task.
        catch (Exception e)
#pragma warning restore CA1031
        {
            failure = e;
        }

        Ports.Dispose();
        Network.Dispose();

        // With pid 1 the kernel has ended all others and let go of the mounts: the layer can be edited again.
        Action? stopped;
        lock (_layerGate)
        {
            _root?.Dispose();
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

/// <summary>The three pipes between this process and a program, seen from both sides.</summary>
[SupportedOSPlatform("linux")]
internal sealed class Pipes : IDisposable
{
    private Pipes((PipeStream, SafeFileHandle) input, (PipeStream, SafeFileHandle) output, (PipeStream, SafeFileHandle) error) =>
        (Input, Output, Error) = (input, output, error);

    public (PipeStream Mine, SafeFileHandle Theirs) Input { get; }

    public (PipeStream Mine, SafeFileHandle Theirs) Output { get; }

    public (PipeStream Mine, SafeFileHandle Theirs) Error { get; }

    public LaunchStreams Theirs => new(Input.Theirs, Output.Theirs, Error.Theirs);

    public static Pipes Open() => new(PipeStream.ForWriting(), PipeStream.ForReading(), PipeStream.ForReading());

    /// <summary>Once the program has its own copies: while ours are open, no pipe comes to its end.</summary>
    public void CloseTheirs()
    {
        Input.Theirs.Dispose();
        Output.Theirs.Dispose();
        Error.Theirs.Dispose();
    }

    public void Dispose()
    {
        CloseTheirs();
        Input.Mine.Dispose();
        Output.Mine.Dispose();
        Error.Mine.Dispose();
    }
}

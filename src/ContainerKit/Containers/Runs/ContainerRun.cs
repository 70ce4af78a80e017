using System.Collections.Concurrent;
using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Output;
using ContainerKit.Containers.Specs;
using ContainerKit.Content;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;
using ContainerKit.Linux;
using ContainerKit.Networking;
using ContainerKit.Storage;

namespace ContainerKit.Containers.Runs;

/// <summary>One run of a container's program, whoever is its parent.</summary>
[SupportedOSPlatform("linux")]
internal abstract partial class ContainerRun(ContainerCatalog catalog, ContainerRecord record, ProcessSpec processSpec, IsolatedProcess process, Cgroup? cgroup) : IAsyncDisposable
{
    protected const int KillSignal = 9;
    protected static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<int, bool> _joined = new();

    // While this process itself has it stand still, to read its layer.
    private volatile TaskCompletionSource? _reading;

    private volatile IsolatedProcess _process = process;
    private volatile NetworkNamespace _network = NetworkOf(catalog, record, process);

    /// <summary>Its program: another one after it was started again.</summary>
    public IsolatedProcess Process
    {
        get
        {
            LookAgain();
            return _process;
        }
    }

    /// <summary>How often it was started again.</summary>
    public virtual int Restarts => RestartFiles.Count(Catalog.DirectoryOf(Record.Id));

    /// <summary>Whether its program has ended and is about to be started again.</summary>
    public virtual bool IsBetweenRuns => false;

    /// <summary>Whether everything in it stands still, whoever stopped it.</summary>
    public bool IsPaused => Cgroup is { IsFrozen: true };

    public abstract Stream Input { get; }

    public abstract Stream Output { get; }

    public abstract Stream Error { get; }

    /// <summary>Who makes file calls on what the container sees; null for this process.</summary>
    public virtual FileCalls? Calls => Catalog.Identity.Worker?.Calls;

    public int MaxCapturedBytes => Record.Options.MaxCapturedBytes;

    public int? StopSignal => SignalNames.TryParse(Record.Image.StopSignal);

    /// <summary>Whether what the program writes can be read here.</summary>
    public abstract bool HasOutput { get; }

    /// <summary>Where those look on who wait for what the program writes.</summary>
    public abstract OutputTail BeginOutput();

    /// <summary>Reads what the program writes until its end, for those who look on, and keeps it for those who read it later.</summary>
    /// <param name="output">Of <see cref="BeginOutput"/>.</param>
    /// <param name="full">Called when as much is kept as may be; nothing more is read until somebody takes it.</param>
    /// <param name="cancellationToken">Stops.</param>
    public abstract Task ReadOutputAheadAsync(OutputTail output, Action full, CancellationToken cancellationToken);

    /// <summary>Completes when the program has ended and its layer is free again.</summary>
    public abstract Task<ExitStatus> Exit { get; }

    /// <summary>The control group; null where it has none.</summary>
    public Cgroup? Cgroup { get; } = cgroup;

    /// <summary>Who programs run as unless told otherwise; null where the specification says it already.</summary>
    protected virtual string? UserToLookUp => null;

    protected ContainerCatalog Catalog { get; } = catalog;

    protected ContainerRecord Record { get; } = record;

    /// <summary>
    /// Reads the container's layer while nothing in it moves: by the freezer where it has a control group, and by stop signals where
    /// it has none.
    /// </summary>
    public abstract T WhilePaused<T>(Func<SnapshotLease, T> read);

    /// <summary>Freezes the container's layer, on which the program goes on with a new one.</summary>
    /// <returns>The snapshot that a fork is to stand on.</returns>
    /// <exception cref="HostCapabilityException">The layers are mounted by the kernel, which puts nothing on top of a mount.</exception>
    public abstract string Freeze(CancellationToken cancellationToken);

    /// <summary>Runs a further program to its end, and keeps what it writes.</summary>
    public async Task<CommandResult> ExecAsync(IReadOnlyList<string> command, ExecOptions options, CancellationToken cancellationToken)
    {
        using var told = BeginExec(command);
        try
        {
            await using var joined = await JoinAsync(command, options, cancellationToken).ConfigureAwait(false);
            var result = await ExecCapture.RunAsync(joined.Process, joined.Pipes, options.StandardInput, MaxCapturedBytes, cancellationToken).ConfigureAwait(false);
            told?.Tag("process.exit.code", result.ExitStatus.ExitCode);
            return result;
        }
        catch (Exception e) when (ToldOperation.HasFailed(told, e))
        {
            throw;
        }
    }

    /// <summary>Starts a further program that is somebody's to follow. Disposing of the result ends it, with what it has begun.</summary>
    public async Task<JoinedProgram> StartExecAsync(IReadOnlyList<string> command, ExecOptions options, CancellationToken cancellationToken)
    {
        using var told = BeginExec(command);
        try
        {
            return await JoinAsync(command, options, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (ToldOperation.HasFailed(told, e))
        {
            throw;
        }
    }

    private async Task<JoinedProgram> JoinAsync(IReadOnlyList<string> command, ExecOptions options, CancellationToken cancellationToken)
    {
        try
        {
            await RequireMovingAsync(cancellationToken).ConfigureAwait(false);
            return await JoinNowAsync(command, options, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e) when (FullDisk.IsCause(e))
        {
            throw FullDisk.ToStorage(e, $"start '{command[0]}' in the container '{Record.Label}'", Catalog.StoreDirectory);
        }
    }

    private async Task<JoinedProgram> JoinNowAsync(IReadOnlyList<string> command, ExecOptions options, CancellationToken cancellationToken)
    {
        var spec = processSpec with
        {
            Arguments = command,
            Environment = EnvironmentList.Merge([.. SpecFactory.TerminalVariables(options.Terminal), .. processSpec.Environment], options.Environment),
            WorkingDirectory = options.WorkingDirectory ?? processSpec.WorkingDirectory,
            Terminal = options.Terminal?.Require(),
        };
        if ((options.User ?? UserToLookUp) is { } name)
        {
            var hasHome = options.Environment.ContainsKey("HOME") || (options.User is null && SpecFactory.DefinesHome(Record));
            spec = SpecFactory.WithUser(spec, UserLookup.ResolveLive(Process, Calls, name), hasHome);
        }

        // What a profile of the caller's forbids, a keeper might need.
        var group = Catalog.ExecGroups.TryMake(Cgroup);
        var isKept = group is null && Record.Options.SeccompProfile is null;
        try
        {
            var (process, pipes) = await Pipes.StartAsync(spec.Terminal, streams => Process.JoinAsync(spec, streams, group?.Path, isKept, cancellationToken)).ConfigureAwait(false);
            _joined[process.ProcessId] = isKept;
            return new JoinedProgram(process, pipes, group, isKept, () => _joined.TryRemove(process.ProcessId, out _));
        }
        catch
        {
            group?.Kill();
            group?.Dispose();
            throw;
        }
    }

    // What joins a group that stands still would stand still itself, where not even a signal ends it.
    private async Task RequireMovingAsync(CancellationToken cancellationToken)
    {
        if (_reading is { } reading)
        {
            await reading.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        if (IsPaused)
        {
            throw new IsolationException($"The container '{Record.Label}' is paused, and so nothing can be started in it.") { Hint = "Let it go on first: ResumeAsync (ckit unpause)." };
        }
    }

    /// <summary>Begins to tell of something that is done with it; null where nobody would hear.</summary>
    public ToldOperation? Tell(string operation)
    {
        var told = ToldOperation.Begin(operation);
        told?.Tag(Record.Id, Record.Name, Record.ImageReference, Catalog.Snapshots.Driver.Name);
        return told;
    }

    private ToldOperation? BeginExec(IReadOnlyList<string> command)
    {
        var told = Tell(ToldOperation.Exec);
        told?.Tag("container.command", command[0]);
        return told;
    }

    public abstract ValueTask DisposeAsync();

    /// <summary>Refuses a command that nothing can be started with.</summary>
    public static void RequireCommand(ContainerRecord record, IReadOnlyList<string> command)
    {
        if (command.Count == 0)
        {
            throw new ImageException($"Cannot start a container of '{record.ImageReference}': neither the image nor the description names a command.")
            {
                Hint = "Use WithCommand.",
            };
        }

        RequireText(record, command);
        DeviceFiles.Require(record);
    }

    protected StorageException HasJustEnded() => new($"The container '{Record.Label}' has just ended; try again.");

    /// <summary>Sends the program a signal that it is to end by, for good, and lets a paused container go on to hear it.</summary>
    public void End(int signal)
    {
        StopRestarts();
        Process.Signal(signal);
        Cgroup?.Thaw();
    }

    /// <summary>Sends a signal. Where the program is to end by it, it is not started again.</summary>
    public void Signal(int signal)
    {
        if (signal is 2 or 3 or KillSignal or 15 || signal == StopSignal)
        {
            StopRestarts();
        }

        Process.Signal(signal);
    }

    /// <summary>The same to all processes of the container that descend from its program, or from those that have joined it by way of this object.</summary>
    public void SignalAll(int signal)
    {
        if (Process.WaitAsync().IsCompleted)
        {
            return;
        }

        if (signal is 2 or 3 or KillSignal or 15 || signal == StopSignal)
        {
            StopRestarts();
        }

        // An init and keepers pass on what they get, and are spared so that nobody gets it twice.
        int[] passing = [.. Record.Options.HasInit ? [Process.ProcessId] : Array.Empty<int>(), .. _joined.Where(joined => joined.Value).Select(joined => joined.Key)];
        ProcessTree.Signal([Process.ProcessId, .. _joined.Keys], signal, signal == KillSignal ? [] : passing);
    }

    /// <summary>From here on nobody starts it again.</summary>
    public abstract void StopRestarts();

    /// <summary>Finds out whether somebody else has started it again, and what its program is now.</summary>
    protected virtual void LookAgain()
    {
    }

    /// <summary>Takes a further program for the run's.</summary>
    protected void GoOnWith(IsolatedProcess next)
    {
        var (process, network) = (_process, _network);
        _network = NetworkOf(Catalog, Record, next);
        _process = next;
        network.Dispose();
        process.Dispose();
    }

    protected T Paused<T>(Func<T> read)
    {
        if (IsPaused)
        {
            return read();
        }

        if (Cgroup is { ProcsFiles.Count: > 0 } group)
        {
            var reading = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _reading = reading;
            try
            {
                group.Freeze();
                return read();
            }
            finally
            {
                group.Thaw();
                reading.SetResult();
            }
        }

        using (ProcessTree.Stop([Process.ProcessId, .. _joined.Keys]))
        {
            return read();
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
}

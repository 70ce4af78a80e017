using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using ContainerKit.Containers.Output;
using ContainerKit.Containers.Readiness;
using ContainerKit.Containers.Runs;
using ContainerKit.Containers.Specs;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;
using ContainerKit.Linux;
using ContainerKit.Networking;

// A running container exists only where one could be started, which is Linux.
#pragma warning disable CA1416

namespace ContainerKit;

/// <summary>
/// A container whose program runs. Disposing of one that this process has started kills what still runs, and the kernel does the same
/// should this process die first; disposing of one that is detached, or another process's, only lets go of it.
/// </summary>
public sealed class RunningContainer : IAsyncDisposable
{
    private const int TerminateSignal = 15;
    private const int KillSignal = 9;
    private static readonly TimeSpan DefaultGrace = TimeSpan.FromSeconds(10);

    private readonly ContainerRun _run;
    private readonly bool _ownsContainer;
    private PipeReader? _outputReader, _errorReader;

    internal RunningContainer(Container container, ContainerRun run, bool ownsContainer)
    {
        Container = container;
        _run = run;
        _ownsContainer = ownsContainer;
    }

    /// <summary>The container that runs.</summary>
    public Container Container { get; }

    /// <summary>The container's id.</summary>
    public string Id => Container.Id;

    /// <summary>The number of the program's process on the host.</summary>
    public int ProcessId => _run.Process.ProcessId;

    /// <summary>The program and its arguments.</summary>
    public IReadOnlyList<string> Command => Container.Command;

    /// <summary>
    /// Whether it is detached: it outlives the process that started it, and what it writes is in its log. Where it is not, and another process runs it, its streams are empty here.
    /// </summary>
    public bool IsDetached => _run is OutsideRun { SupervisedLog: not null };

    /// <summary>Its health, as this process has found it; null where it has no health check.</summary>
    public ContainerHealth? Health => _run.Monitor?.Health;

    /// <summary>Has its health checked at once, and more often, until the result is disposed of; null where it has no health check.</summary>
    internal IDisposable? HurryHealth() => _run.Monitor?.Hurry();

    /// <summary>Its files. A change is seen inside at once.</summary>
    public ContainerFiles Files => Container.Files;

    /// <summary>Feeds the program's standard input; disposing of it is the end of that; for a terminal it is Ctrl-D, typed. Already at its end where the description gave one.</summary>
    /// <remarks>A detached program has an empty one, unless it was described <see cref="ContainerBuilder.WithOpenInput"/>: then everybody who is attached writes to the same pipe, and nobody ends it.</remarks>
    public Stream StandardInput => _run.Input;

    /// <summary>What the program writes to standard output, or to its terminal. The program waits while nobody reads and the pipe is full.</summary>
    public Stream StandardOutput => _run.Output;

    /// <summary>What the program writes to standard error; nothing where it has a terminal. The program waits while nobody reads and the pipe is full.</summary>
    public Stream StandardError => _run.Error;

    /// <summary><see cref="StandardOutput"/>, for those who parse it: nothing is copied once more, and nothing is read before it is asked for.</summary>
    /// <remarks>
    /// One for all callers. What it has read, it keeps until that is consumed; so read by it, by the stream or by <see cref="ReadLinesAsync"/>. To complete it does not
    /// close the stream.
    /// </remarks>
    public PipeReader OutputReader => LazyInitializer.EnsureInitialized(ref _outputReader, () => LineReader.Over(StandardOutput));

    /// <summary><see cref="StandardError"/>, for those who parse it.</summary>
    /// <inheritdoc cref="OutputReader"/>
    public PipeReader ErrorReader => LazyInitializer.EnsureInitialized(ref _errorReader, () => LineReader.Over(StandardError));

    /// <summary>Waits for the program's end, and for that of the last where it is started again.</summary>
    public Task<ExitStatus> WaitForExitAsync(CancellationToken cancellationToken = default) => _run.Exit.WaitAsync(cancellationToken);

    /// <summary>Waits until it is ready.</summary>
    /// <param name="ready">When it is; within 60 seconds, unless <see cref="Ready.Within"/> says otherwise.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <remarks>
    /// What it writes meanwhile is read ahead for the reader of its streams, up to <see cref="ContainerBuilder.WithMaxCapturedBytes"/> each; while nobody takes it, the program then waits.
    /// </remarks>
    /// <exception cref="ContainerNotReadyException">Time was up, or the program ended before. One that runs goes on.</exception>
    /// <exception cref="StorageException">It was to wait for the output of a container that another process runs in its foreground.</exception>
    public Task WaitUntilReadyAsync(Ready ready, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(ready);
        return ReadinessGate.WaitAsync(this, _run, ready, hasReader: true, cancellationToken);
    }

    /// <summary>Both output streams line by line, as they come, until both have ended. Reading this and the streams at once divides the output among them.</summary>
    public async IAsyncEnumerable<OutputLine> ReadLinesAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        if (_run is OutsideRun { SupervisedLog: { } log })
        {
            await foreach (var line in log.ReadLinesAsync(new LogOptions { Follow = true }, cancellationToken).ConfigureAwait(false))
            {
                yield return new OutputLine(line.IsError, line.Content);
            }

            yield break;
        }

        await foreach (var line in LineReader.ReadAsync(StandardOutput, StandardError, cancellationToken).ConfigureAwait(false))
        {
            yield return line;
        }
    }

    /// <summary>Runs a further program in the container, to its end.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="cancellationToken">
    /// Kills that program with all that it has begun, and nobody else: by a control group of version 2 or, where this user may make none, by a process above the program
    /// that takes its orphans in (<see cref="ContainerHost.ReportAsync"/> says which: <c>exec-groups</c>). Only where there is neither such a group nor the default seccomp profile, a descendant whose own
    /// parent had ended before stays.
    /// </param>
    /// <returns>How it ended and what it wrote; an exit code other than 0 is no exception here.</returns>
    /// <exception cref="IsolationException">It could not be started, or the container has ended.</exception>
    public Task<CommandResult> ExecAsync(IReadOnlyList<string> command, CancellationToken cancellationToken = default) =>
        ExecAsync(command, new ExecOptions(), cancellationToken);

    /// <inheritdoc cref="ExecAsync(IReadOnlyList{string}, CancellationToken)"/>
    public Task<CommandResult> ExecAsync(IReadOnlyList<string> command, ExecOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfZero(command.Count, nameof(command));
        return _run.ExecAsync(command, options, cancellationToken);
    }

    /// <summary>Connects to a port inside the container, straight into its network namespace: nothing needs to be published, and no address be known.</summary>
    /// <param name="port">The port, on the container's loopback interface; 127.0.0.1 first, then ::1.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// The connection, which is the caller's. It is a <see cref="NetworkStream"/>, whose <see cref="NetworkStream.Socket"/> can shut one direction down.
    /// </returns>
    /// <remarks>With <see cref="NetworkMode.Host"/> the container's loopback interface is the host's.</remarks>
    /// <exception cref="NetworkException">
    /// Nothing listens there (<see cref="NetworkException.SocketError"/> is <see cref="SocketError.ConnectionRefused"/>), or the container has ended.
    /// </exception>
    public async Task<Stream> OpenTcpAsync(int port, CancellationToken cancellationToken = default)
    {
        RequirePort(port);
        return new NetworkStream(await Connector.ConnectAsync(_run.Network, port, cancellationToken).ConfigureAwait(false), ownsSocket: true);
    }

    /// <summary>Connects to an address as the container sees it: one of its own, or one that its network leads to.</summary>
    /// <inheritdoc cref="OpenTcpAsync(int, CancellationToken)"/>
    /// <param name="endPoint">The address and the port.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Stream> OpenTcpAsync(IPEndPoint endPoint, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        RequirePort(endPoint.Port);
        return new NetworkStream(await Connector.ConnectAsync(_run.Network, endPoint, cancellationToken).ConfigureAwait(false), ownsSocket: true);
    }

    /// <summary>Connects to a Unix socket (of the kind that streams) of the container.</summary>
    /// <param name="path">Its absolute path as the container sees it. Symlinks never lead out of the container.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The connection, which is the caller's. It is a <see cref="NetworkStream"/>.</returns>
    /// <exception cref="NetworkException">
    /// There is no such socket, nobody listens on it, this process may not write to it (as an ordinary user, where it belongs to
    /// another user of the container and is closed to all others), or the container has ended.
    /// </exception>
    public async Task<Stream> OpenUnixAsync(string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return path[0] == '/'
            ? new NetworkStream(await _run.OpenUnixAsync(path, cancellationToken).ConfigureAwait(false), ownsSocket: true)
            : throw new ArgumentException($"The path of a socket in a container is absolute, and '{path}' is not.", nameof(path));
    }

    /// <summary>Listens inside the container, on 127.0.0.1: its programs connect, and this program answers.</summary>
    /// <param name="port">The port; 0 for any that is free there.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="NetworkException">A program of the container has the port already, or the container has ended.</exception>
    public Task<ContainerListener> ListenTcpAsync(int port, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(port);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, IPEndPoint.MaxPort);
        return ListenTcpAsync(new IPEndPoint(IPAddress.Loopback, port), cancellationToken);
    }

    /// <summary>Listens inside the container, on an address as the container sees it.</summary>
    /// <param name="endPoint">The address and the port; port 0 for any that is free there.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="NetworkException">A program of the container has the port already, the address is none of the container's, or it has ended.</exception>
    public async Task<ContainerListener> ListenTcpAsync(IPEndPoint endPoint, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        return new ContainerListener(_run.Network, await Connector.ListenAsync(_run.Network, endPoint, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>
    /// What to give an <see cref="HttpClient"/> that is to talk to the container: whatever host an address names, the connection goes to that
    /// port of the container's loopback interface, as with <see cref="OpenTcpAsync(int, CancellationToken)"/>.
    /// </summary>
    /// <remarks>It is the caller's. It uses no proxy, and redirections lead into the container again, wherever they point to.</remarks>
    public SocketsHttpHandler CreateHttpHandler() => new()
    {
        UseProxy = false,
        ConnectCallback = async (context, cancellationToken) => await OpenTcpAsync(context.DnsEndPoint.Port, cancellationToken).ConfigureAwait(false),
    };

    /// <summary>The ports of the host that lead to it, in the order of its description, each with the number that it has.</summary>
    public IReadOnlyList<PublishedPort> PublishedPorts => _run.PublishedPorts;

    /// <summary>Its address in the network that it is a member of: <see cref="NetworkMode.Bridge"/>. Null with any other network, and once it has ended.</summary>
    public IPAddress? Address => _run.Address;

    /// <summary>The port of the host that leads to a port of the container.</summary>
    /// <param name="containerPort">A port that was published; of one published twice, the first counts.</param>
    /// <exception cref="ArgumentException">It was not published.</exception>
    public int GetPublishedPort(int containerPort) => PublishedPorts.FirstOrDefault(port => port.ContainerPort == containerPort)?.HostPort
        ?? throw new ArgumentException($"Port {containerPort} of the container '{Id[..12]}' is not published: use WithPublishedPort, or OpenTcpAsync, which needs no publishing.", nameof(containerPort));

    /// <summary>Starts a further program in the container; its streams are the caller's.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="options">How it differs from the container's own program; not at all when null. <see cref="ExecOptions.StandardInput"/> is fed to it where it is given.</param>
    /// <param name="cancellationToken">Gives the start up.</param>
    /// <exception cref="IsolationException">It could not be started, or the container has ended.</exception>
    public async Task<ContainerProcess> StartExecAsync(IReadOnlyList<string> command, ExecOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        ArgumentOutOfRangeException.ThrowIfZero(command.Count, nameof(command));
        options ??= new ExecOptions();
        var program = await _run.StartExecAsync(command, options, cancellationToken).ConfigureAwait(false);
        if (options.StandardInput is { } input)
        {
            _ = InputFeed.PumpAsync(new MemoryStream(Encoding.UTF8.GetBytes(input), writable: false), program.Pipes.Input);
        }

        return new ContainerProcess(program);
    }

    /// <summary>Changes the size of the program's terminal, in characters; programs learn it by SIGWINCH. After its end nothing happens.</summary>
    /// <exception cref="InvalidOperationException">It has none here: <see cref="ContainerBuilder.WithTerminal(int, int)"/> gives it one, which is held by the process that starts it.</exception>
    public Task ResizeAsync(int columns, int rows)
    {
        var size = new TerminalSize(columns, rows).Require();
        TerminalCalls.Resize(_run.Process.Terminal ?? throw new InvalidOperationException($"The container '{Container}' has no terminal here: describe it with WithTerminal, and resize it where it was started."), size);
        return Task.CompletedTask;
    }

    /// <summary>Sends a signal to the program, SIGKILL unless told otherwise. After its end nothing happens.</summary>
    /// <remarks>
    /// After SIGKILL, SIGTERM, SIGINT, SIGQUIT or the image's stop signal it is not started again, whatever <see cref="ContainerBuilder.WithRestart"/> said.
    /// As pid 1, the program gets only signals that it handles; SIGKILL always works, and ends the whole container, paused or not. Any
    /// other signal waits until a paused container goes on.
    /// </remarks>
    public Task KillAsync(int signal = KillSignal)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(signal, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(signal, 64);
        if (signal == KillSignal)
        {
            _run.End(signal);
        }
        else
        {
            _run.Signal(signal);
        }

        return Task.CompletedTask;
    }

    /// <summary>Sends a signal to the program alone, or to every process of the container at once.</summary>
    /// <param name="signal">Its number, from 1 to 64.</param>
    /// <param name="entireProcessTree">
    /// Whether all that descends from the program gets it, and from the programs that joined by way of this object. Nobody can have a child
    /// meanwhile, so that nobody is missed; the signal is acted on when all have got it. As pid 1, the program itself gets only what it handles.
    /// </param>
    public Task KillAsync(int signal, bool entireProcessTree)
    {
        if (!entireProcessTree || signal == KillSignal)
        {
            // SIGKILL of pid 1 ends all there is.
            return KillAsync(signal);
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(signal, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(signal, 64);
        return Task.Run(() => _run.SignalAll(signal));
    }

    /// <summary>Sends a signal to the program by its name: <c>TERM</c>, <c>SIGTERM</c> or <c>15</c>.</summary>
    /// <exception cref="ArgumentException">There is no such signal.</exception>
    public Task KillAsync(string signal) =>
        KillAsync(SignalNames.TryParse(signal) ?? throw new ArgumentException($"There is no signal '{signal}'.", nameof(signal)));

    /// <summary>What it uses of the machine now.</summary>
    /// <exception cref="HostCapabilityException">It has no control group that counts: one is made only for limits, or by <see cref="ContainerBuilder.WithStatistics"/>.</exception>
    public Task<ContainerStats> GetStatsAsync(CancellationToken cancellationToken = default) => Task.Run(() => Group("counted").ReadStatistics(), cancellationToken);

    /// <summary>What it uses, again and again until the program ends.</summary>
    /// <param name="period">The time between two readings.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <inheritdoc cref="GetStatsAsync"/>
    public async IAsyncEnumerable<ContainerStats> WatchStatsAsync(TimeSpan period, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var timer = new PeriodicTimer(period);
        do
        {
            yield return await GetStatsAsync(cancellationToken).ConfigureAwait(false);
        }
        while (!_run.Exit.IsCompleted && await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false) && !_run.Exit.IsCompleted);
    }

    /// <inheritdoc cref="Container.UpdateLimitsAsync"/>
    public Task UpdateLimitsAsync(ResourceLimits limits, CancellationToken cancellationToken = default) => Container.UpdateLimitsAsync(limits, cancellationToken);

    /// <inheritdoc cref="Container.UpdateRestartAsync"/>
    public Task UpdateRestartAsync(RestartPolicy policy, CancellationToken cancellationToken = default) => Container.UpdateRestartAsync(policy, cancellationToken);

    /// <summary>Stops every process in it where it is, until <see cref="ResumeAsync"/>; they cannot tell.</summary>
    /// <exception cref="HostCapabilityException">It has no control group, which only limits or <see cref="ContainerBuilder.WithStatistics"/> give it, or the host has no freezer.</exception>
    /// <exception cref="IsolationException">A process does not stop: it waits in the kernel for something that does not come.</exception>
    public Task PauseAsync(CancellationToken cancellationToken = default) => Task.Run(() => Group("paused").Freeze(), cancellationToken);

    /// <summary>Lets a paused container go on; one that is not paused is no error.</summary>
    /// <exception cref="HostCapabilityException">It has no control group, and so cannot have been paused.</exception>
    public Task ResumeAsync(CancellationToken cancellationToken = default) => Task.Run(() => Group("paused").Thaw(), cancellationToken);

    private Cgroup Group(string verb) => _run.Cgroup is { ProcsFiles.Count: > 0 } group
        ? group
        : throw new HostCapabilityException("cgroup", $"The container '{Container}' cannot be {verb}: it has no control group.")
        {
            Hint = "Use WithStatistics (ckit: --stats), or any limit, when it is described: joining a control group costs more than the rest of a start, so there is none otherwise.",
        };

    /// <summary>Asks the program to end, and ends it when it has not done so in time.</summary>
    /// <param name="grace">How long it has; 10 seconds when null.</param>
    /// <param name="cancellationToken">Stops waiting; the program then may still run.</param>
    public async Task<ExitStatus> StopAsync(TimeSpan? grace = null, CancellationToken cancellationToken = default)
    {
        _run.End(_run.StopSignal ?? TerminateSignal);
        try
        {
            return await _run.Exit.WaitAsync(grace ?? DefaultGrace, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _run.End(KillSignal);
            return await _run.Exit.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Kills what this process has started and waits for its end, and lets go of what is detached or another process's; an unnamed container made by the same description goes with it.</summary>
    public async ValueTask DisposeAsync()
    {
        await _run.DisposeAsync().ConfigureAwait(false);
        if (_ownsContainer)
        {
            await Container.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static void RequirePort(int port, [CallerArgumentExpression(nameof(port))] string? name = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(port, 1, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, IPEndPoint.MaxPort, name);
    }

    internal async Task<CommandResult> CaptureAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var output = OutputCapture.ReadAsync(StandardOutput, _run.MaxCapturedBytes, "standard output", stop.Token);
        var error = OutputCapture.ReadAsync(StandardError, _run.MaxCapturedBytes, "standard error", stop.Token);
        try
        {
            // The first to fail (too much output, a cancellation) ends the other.
            await (await Task.WhenAny(output, error).ConfigureAwait(false)).ConfigureAwait(false);
            await Task.WhenAll(output, error).ConfigureAwait(false);
            var exit = await _run.Exit.WaitAsync(cancellationToken).ConfigureAwait(false);
            return new CommandResult(exit, await output.ConfigureAwait(false), await error.ConfigureAwait(false));
        }
        catch
        {
            await stop.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }
}

using System.Runtime.CompilerServices;
using System.Threading.Channels;
using ContainerKit.Containers;

// A running container exists only where one could be started, which is Linux.
#pragma warning disable CA1416

namespace ContainerKit;

/// <summary>
/// A container whose program has been started by this process. Disposing of it kills what still runs; the kernel does the same
/// should this process die first.
/// </summary>
public sealed class RunningContainer : IAsyncDisposable
{
    private const int TerminateSignal = 15;
    private const int KillSignal = 9;
    private static readonly TimeSpan DefaultGrace = TimeSpan.FromSeconds(10);

    private readonly ContainerRun _run;
    private readonly bool _ownsContainer;

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

    /// <summary>Its files. A change is seen inside at once.</summary>
    public ContainerFiles Files => Container.Files;

    /// <summary>Feeds the program's standard input; disposing of it is the end of that. Already at its end where the description gave one.</summary>
    public Stream StandardInput => _run.Input;

    /// <summary>What the program writes to standard output. The program waits while nobody reads and the pipe is full.</summary>
    public Stream StandardOutput => _run.Output;

    /// <summary>What the program writes to standard error. The program waits while nobody reads and the pipe is full.</summary>
    public Stream StandardError => _run.Error;

    /// <summary>Waits for the program's end.</summary>
    public Task<ExitStatus> WaitForExitAsync(CancellationToken cancellationToken = default) => _run.Exit.WaitAsync(cancellationToken);

    /// <summary>Both output streams line by line, as they come, until both have ended. Reading this and the streams at once divides the output among them.</summary>
    public async IAsyncEnumerable<OutputLine> ReadLinesAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var lines = Channel.CreateBounded<OutputLine>(256);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var readers = Task.WhenAll(
            LineReader.PumpAsync(StandardOutput, isError: false, lines.Writer, stop.Token),
            LineReader.PumpAsync(StandardError, isError: true, lines.Writer, stop.Token));
        _ = readers.ContinueWith(done => lines.Writer.TryComplete(done.Exception?.InnerException), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        try
        {
            await foreach (var line in lines.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return line;
            }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Runs a further program in the container, to its end.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="cancellationToken">
    /// Kills that program with all that descends from it. A descendant whose own parent had ended before is the container's first
    /// process's by then, and stays.
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

    /// <summary>Sends a signal to the program, SIGKILL unless told otherwise. After its end nothing happens.</summary>
    /// <remarks>As pid 1, the program gets only signals that it handles; SIGKILL always works, and ends the whole container.</remarks>
    public Task KillAsync(int signal = KillSignal)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(signal, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(signal, 64);
        _run.Process.Signal(signal);
        return Task.CompletedTask;
    }

    /// <summary>Asks the program to end, and ends it when it has not done so in time.</summary>
    /// <param name="grace">How long it has; 10 seconds when null.</param>
    /// <param name="cancellationToken">Stops waiting; the program then may still run.</param>
    public async Task<ExitStatus> StopAsync(TimeSpan? grace = null, CancellationToken cancellationToken = default)
    {
        _run.Process.Signal(_run.StopSignal ?? TerminateSignal);
        try
        {
            return await _run.Exit.WaitAsync(grace ?? DefaultGrace, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _run.Process.Signal(KillSignal);
            return await _run.Exit.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Kills what still runs and waits for its end; an unnamed container made by the same description goes with it.</summary>
    public async ValueTask DisposeAsync()
    {
        await _run.DisposeAsync().ConfigureAwait(false);
        if (_ownsContainer)
        {
            await Container.DisposeAsync().ConfigureAwait(false);
        }
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

using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using ContainerKit.Containers.Output;
using ContainerKit.Containers.Runs;
using ContainerKit.Linux;

// It exists only where a container runs, which is Linux.
#pragma warning disable CA1416

namespace ContainerKit;

/// <summary>A further program in a running container, as <see cref="RunningContainer.StartExecAsync"/> starts it. Disposing of it ends it.</summary>
public sealed class ContainerProcess : IAsyncDisposable
{
    private const int KillSignal = 9, TerminateSignal = 15;

    private static readonly TimeSpan DefaultGrace = TimeSpan.FromSeconds(10);

    private readonly JoinedProgram _program;
    private PipeReader? _outputReader, _errorReader;

    internal ContainerProcess(JoinedProgram program) => _program = program;

    /// <summary>The number of its process on the host; where no control group could be made for it, of the process above it that takes its orphans in, passes signals on and ends as it does.</summary>
    public int ProcessId => _program.Process.ProcessId;

    /// <summary>Feeds its standard input; disposing of it is the end of that. For a terminal it is Ctrl-D, typed.</summary>
    public Stream StandardInput => _program.Pipes.Input;

    /// <summary>What it writes to standard output, or to its terminal. It waits while nobody reads and the pipe is full.</summary>
    public Stream StandardOutput => _program.Pipes.Output;

    /// <summary>What it writes to standard error; nothing where it has a terminal. It waits while nobody reads and the pipe is full.</summary>
    public Stream StandardError => _program.Pipes.Error;

    /// <inheritdoc cref="RunningContainer.OutputReader"/>
    public PipeReader OutputReader => LazyInitializer.EnsureInitialized(ref _outputReader, () => LineReader.Over(StandardOutput));

    /// <inheritdoc cref="RunningContainer.ErrorReader"/>
    public PipeReader ErrorReader => LazyInitializer.EnsureInitialized(ref _errorReader, () => LineReader.Over(StandardError));

    /// <summary>
    /// Both output streams line by line, as they come, until both have ended or the program has and all that it wrote is read: a child that it leaves behind is not
    /// waited for. Reading this and the streams at once divides the output among them.
    /// </summary>
    public async IAsyncEnumerable<OutputLine> ReadLinesAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        _ = EndOutputAtExitAsync();
        await foreach (var line in LineReader.ReadAsync(StandardOutput, StandardError, cancellationToken).ConfigureAwait(false))
        {
            yield return line;
        }
    }

    /// <summary>
    /// Waits for its end. The streams end by then, once they have been read, even where a child that it has left behind keeps them open.
    /// </summary>
    public async Task<ExitStatus> WaitForExitAsync(CancellationToken cancellationToken = default)
    {
        var end = await _program.Process.WaitAsync(cancellationToken).ConfigureAwait(false);
        _program.Pipes.EndOutputWhenEmpty();
        return new ExitStatus(end.ExitCode, end.Signal, outOfMemory: false);
    }

    /// <summary>Changes the size of its terminal, in characters; programs learn it by SIGWINCH. After its end nothing happens.</summary>
    /// <exception cref="InvalidOperationException">It has none: <see cref="ExecOptions.Terminal"/> gives it one.</exception>
    public Task ResizeAsync(int columns, int rows)
    {
        var size = new TerminalSize(columns, rows).Require();
        TerminalCalls.Resize(_program.Process.Terminal ?? throw new InvalidOperationException("The program has no terminal: ExecOptions.Terminal gives it one."), size);
        return Task.CompletedTask;
    }

    /// <summary>Sends it a signal, SIGKILL unless told otherwise. After its end nothing happens.</summary>
    public Task KillAsync(int signal = KillSignal)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(signal, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(signal, 64);
        _program.Process.Signal(signal);
        return Task.CompletedTask;
    }

    /// <summary>Sends a signal to it alone, or to it and all that descends from it.</summary>
    /// <param name="signal">Its number, from 1 to 64.</param>
    /// <param name="entireProcessTree">
    /// Whether all that descends from it gets it, at once. SIGKILL also finds what has lost its parent meanwhile; other signals find that only where the program has a keeper
    /// (<see cref="ProcessId"/>). What a program that has ended left behind is not reached.
    /// </param>
    public Task KillAsync(int signal, bool entireProcessTree)
    {
        if (!entireProcessTree)
        {
            return KillAsync(signal);
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(signal, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(signal, 64);
        return Task.Run(() => _program.SignalTree(signal));
    }

    /// <summary>Asks it to end by SIGTERM, and ends it with all that descends from it when it has not done so in time.</summary>
    /// <param name="grace">How long it has; 10 seconds when null.</param>
    /// <param name="cancellationToken">Stops waiting; the program then may still run.</param>
    public async Task<ExitStatus> StopAsync(TimeSpan? grace = null, CancellationToken cancellationToken = default)
    {
        await KillAsync(TerminateSignal).ConfigureAwait(false);
        try
        {
            return await WaitForExitAsync(cancellationToken).WaitAsync(grace ?? DefaultGrace, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            await KillAsync(KillSignal, entireProcessTree: true).ConfigureAwait(false);
            return await WaitForExitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Ends it, should it run still, with all that it has begun (as <see cref="RunningContainer.ExecAsync(IReadOnlyList{string}, CancellationToken)"/> does when it is cancelled), and closes its streams.</summary>
    public ValueTask DisposeAsync() => _program.DisposeAsync();

    private async Task EndOutputAtExitAsync()
    {
        // How it ended is for those who ask for it.
        await ((Task)_program.Process.WaitAsync()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _program.Pipes.EndOutputWhenEmpty();
    }
}

using ContainerKit.Containers.Runs;

// It exists only where a container runs, which is Linux.
#pragma warning disable CA1416

namespace ContainerKit;

/// <summary>A further program in a running container, as <see cref="RunningContainer.StartExecAsync"/> starts it. Disposing of it ends it.</summary>
public sealed class ContainerProcess : IAsyncDisposable
{
    private const int KillSignal = 9;

    private readonly JoinedProgram _program;

    internal ContainerProcess(JoinedProgram program) => _program = program;

    /// <summary>The number of its process on the host.</summary>
    public int ProcessId => _program.Process.ProcessId;

    /// <summary>Feeds its standard input; disposing of it is the end of that.</summary>
    public Stream StandardInput => _program.Pipes.Input.Mine;

    /// <summary>What it writes to standard output. It waits while nobody reads and the pipe is full.</summary>
    public Stream StandardOutput => _program.Pipes.Output.Mine;

    /// <summary>What it writes to standard error. It waits while nobody reads and the pipe is full.</summary>
    public Stream StandardError => _program.Pipes.Error.Mine;

    /// <summary>
    /// Waits for its end. The streams end by then, once they have been read, even where a child that it has left behind keeps them open.
    /// </summary>
    public async Task<ExitStatus> WaitForExitAsync(CancellationToken cancellationToken = default)
    {
        var end = await _program.Process.WaitAsync(cancellationToken).ConfigureAwait(false);
        _program.Pipes.Output.Mine.EndWhenEmpty();
        _program.Pipes.Error.Mine.EndWhenEmpty();
        return new ExitStatus(end.ExitCode, end.Signal, outOfMemory: false);
    }

    /// <summary>Sends it a signal, SIGKILL unless told otherwise. After its end nothing happens.</summary>
    public Task KillAsync(int signal = KillSignal)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(signal, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(signal, 64);
        _program.Process.Signal(signal);
        return Task.CompletedTask;
    }

    /// <summary>Ends it, should it run still, with all that descends from it, and closes its streams.</summary>
    public ValueTask DisposeAsync() => _program.DisposeAsync();
}

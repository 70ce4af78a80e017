using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers.Runs;

/// <summary>What is between this process and a program, seen from both sides: three pipes, or its terminal.</summary>
[SupportedOSPlatform("linux")]
internal sealed class Pipes : IDisposable
{
    private readonly SafeFileHandle[] _theirs;
    private readonly PipeStream _input;
    private readonly PipeStream _output;
    private readonly PipeStream? _error;

    private Pipes(PipeStream input, PipeStream output, PipeStream? error, params SafeFileHandle[] theirs) =>
        (_input, _output, _error, _theirs) = (input, output, error, theirs);

    public Stream Input => _input;

    public Stream Output => _output;

    /// <summary>Empty where there is a terminal: what is written to it has no stream.</summary>
    public Stream Error => _error ?? Stream.Null;

    public static (Pipes Pipes, LaunchStreams Theirs) Open()
    {
        var (input, output, error) = (PipeStream.ForWriting(), PipeStream.ForReading(), PipeStream.ForReading());
        return (new Pipes(input.Mine, output.Mine, error.Mine, input.Theirs, output.Theirs, error.Theirs), new LaunchStreams(input.Theirs, output.Theirs, error.Theirs));
    }

    /// <summary>The other sides, for as long as they are kept for a program that comes after the first.</summary>
    public LaunchStreams Theirs => _theirs is [var input, var output, var error] ? new(input, output, error) : new();

    /// <summary>Starts a program whose streams these are.</summary>
    /// <param name="terminal">The size of its terminal; null for pipes.</param>
    /// <param name="start">Starts it.</param>
    /// <param name="keepsTheirs">Whether the other sides of pipes stay open here, so that a second program can have them: until <see cref="CloseTheirs"/>, no pipe comes to its end.</param>
    public static async Task<(IsolatedProcess Process, Pipes Pipes)> StartAsync(TerminalSize? terminal, Func<LaunchStreams, Task<IsolatedProcess>> start, bool keepsTheirs = false)
    {
        if (terminal is not null)
        {
            var itself = await start(new LaunchStreams()).ConfigureAwait(false);
            return (itself, OfTerminal(itself.Terminal!));
        }

        var (pipes, theirs) = Open();
        try
        {
            var process = await start(theirs).ConfigureAwait(false);
            if (!keepsTheirs)
            {
                pipes.CloseTheirs();
            }

            return (process, pipes);
        }
        catch
        {
            pipes.Dispose();
            throw;
        }
    }

    /// <summary>From now on an empty output is at its end, even while somebody else could still write to it.</summary>
    public void EndOutputWhenEmpty()
    {
        _output.EndWhenEmpty();
        _error?.EndWhenEmpty();
    }

    public void Dispose()
    {
        CloseTheirs();
        _input.Dispose();
        _output.Dispose();
        _error?.Dispose();
    }

    private static Pipes OfTerminal(SafeFileHandle terminal)
    {
        var (input, output) = PipeStream.OfTerminal(terminal);
        return new Pipes(input, output, error: null);
    }

    /// <summary>Once no further program is to have them: while they are open, no pipe comes to its end.</summary>
    public void CloseTheirs()
    {
        foreach (var handle in _theirs)
        {
            handle.Dispose();
        }
    }
}

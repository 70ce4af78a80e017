using System.Runtime.Versioning;
using System.Text;
using ContainerKit.Containers.Runs;
using ContainerKit.Isolation;

namespace ContainerKit.Containers.Output;

/// <summary>Runs a joined process to its end and keeps what it wrote.</summary>
[SupportedOSPlatform("linux")]
internal static class ExecCapture
{
    public static async Task<CommandResult> RunAsync(IsolatedProcess process, Pipes pipes, string? input, int limit, CancellationToken cancellationToken)
    {
        if (input is null)
        {
            await pipes.Input.DisposeAsync().ConfigureAwait(false);
        }
        else
        {
            _ = InputFeed.PumpAsync(new MemoryStream(Encoding.UTF8.GetBytes(input), writable: false), pipes.Input);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var output = OutputCapture.ReadAsync(pipes.Output, limit, "standard output", stop.Token);
        var error = OutputCapture.ReadAsync(pipes.Error, limit, "standard error", stop.Token);
        var exit = process.WaitAsync(stop.Token);
        try
        {
            // Who writes too much waits at a full pipe that nobody reads any more: his end would not come.
            List<Task> pending = [exit, output, error];
            while (!exit.IsCompleted)
            {
                var first = await Task.WhenAny(pending).ConfigureAwait(false);
                await first.ConfigureAwait(false);
                pending.Remove(first);
            }

            var end = await exit.ConfigureAwait(false);

            // What the program itself wrote is in the pipes by now. A child that it left behind may hold them open for ever: it is not waited for.
            pipes.EndOutputWhenEmpty();
            return new CommandResult(new ExitStatus(end.ExitCode, end.Signal, outOfMemory: false), await output.ConfigureAwait(false), await error.ConfigureAwait(false));
        }
        catch
        {
            await stop.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }
}

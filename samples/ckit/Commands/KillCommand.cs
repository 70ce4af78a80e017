using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Sends a signal to the programs of containers.</summary>
internal sealed class KillCommand : HostCommand
{
    private readonly Option<string> _signal = new("--signal", "-s") { Description = "A name such as TERM or SIGHUP, or a number.", HelpName = "SIGNAL", DefaultValueFactory = _ => "KILL" };
    private readonly Argument<string[]> _containers = new("CONTAINER") { Description = "Names, ids, or beginnings of ids.", Arity = ArgumentArity.OneOrMore };

    public KillCommand()
        : base("kill", "Send a signal to the programs of running containers, KILL unless told otherwise, and print the name of each.")
    {
        Add(_signal);
        Add(_containers);
    }

    protected override Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var signal = line.GetRequiredValue(_signal);
        return ForEachAsync(line.GetRequiredValue(_containers), async name =>
        {
            await using var container = await Lookup.ContainerAsync(host, name, cancellationToken);
            await using var running = await Lookup.RunningAsync(container, name, cancellationToken);
            await SendAsync(running, signal);
            if (signal.ToUpperInvariant() is "KILL" or "SIGKILL" or "9")
            {
                await running.WaitForExitAsync(cancellationToken);
            }

            StandardOutput.PrintLine(name);
        });
    }

    private static async Task SendAsync(RunningContainer running, string signal)
    {
        try
        {
            await running.KillAsync(signal);
        }
        catch (ArgumentException e)
        {
            throw new UsageException($"There is no signal '{signal}'.", e);
        }
    }
}

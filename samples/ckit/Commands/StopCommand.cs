using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Stops containers, in time or by force.</summary>
internal sealed class StopCommand : HostCommand
{
    private readonly Option<int> _grace = new("--time", "--timeout", "-t") { Description = "How many seconds a program has to end by itself.", HelpName = "SECONDS", DefaultValueFactory = _ => 10 };
    private readonly Argument<string[]> _containers = new("CONTAINER") { Description = "Names, ids, or beginnings of ids.", Arity = ArgumentArity.OneOrMore };

    public StopCommand()
        : base("stop", "Stop containers: ask the program to end, kill it when it has not in time. Prints the name of each.")
    {
        Add(_grace);
        Add(_containers);
    }

    protected override Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var grace = line.GetValue(_grace);
        if (grace < 0)
        {
            throw new UsageException("A program cannot have less than no time to end.", this);
        }

        return ForEachAsync(line.GetRequiredValue(_containers), async name =>
        {
            await using var container = await Lookup.ContainerAsync(host, name, cancellationToken);
            await container.StopAsync(TimeSpan.FromSeconds(grace), cancellationToken);
            StandardOutput.PrintLine(name);
        });
    }
}

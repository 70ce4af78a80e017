using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Changes limits of containers, running or not.</summary>
internal sealed class UpdateCommand : HostCommand
{
    private readonly LimitFlags _limits = new();
    private readonly Argument<string[]> _containers = new("CONTAINER") { Description = "Names, ids, or beginnings of ids.", Arity = ArgumentArity.OneOrMore };

    public UpdateCommand()
        : base("update", "Change what containers may use of the machine, at once and for every start from now on, and print the name of each.")
    {
        foreach (var option in _limits.All)
        {
            Add(option);
        }

        Add(_containers);
    }

    protected override Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var limits = _limits.Read(line) ?? throw new UsageException("Nothing is to change: give a limit.", this);
        return ForEachAsync(
            line.GetRequiredValue(_containers),
            async name =>
            {
                await using var container = await Lookup.ContainerAsync(host, name, cancellationToken);
                await container.UpdateLimitsAsync(limits, cancellationToken);
                StandardOutput.PrintLine(name);
            });
    }
}

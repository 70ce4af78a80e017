using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Changes limits and restart policies of containers, running or not.</summary>
internal sealed class UpdateCommand : HostCommand
{
    private readonly LimitFlags _limits = new();
    private readonly Option<string?> _restart = new("--restart") { Description = "When the program is started again: no, on-failure[:NUMBER], always or unless-stopped.", HelpName = "POLICY" };
    private readonly Argument<string[]> _containers = new("CONTAINER") { Description = "Names, ids, or beginnings of ids.", Arity = ArgumentArity.OneOrMore };

    public UpdateCommand()
        : base("update", "Change what containers may use of the machine, and when they are started again, at once and for every start from now on, and print the name of each.")
    {
        foreach (var option in _limits.All)
        {
            Add(option);
        }

        Add(_restart);
        Add(_containers);
    }

    protected override Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var limits = _limits.Read(line);
        var restart = line.GetValue(_restart) is { } policy ? ContainerFlags.RestartPolicyOf(policy) : null;
        if (limits is null && restart is null)
        {
            throw new UsageException("Nothing is to change: give a limit, or a policy.", this);
        }

        return ForEachAsync(
            line.GetRequiredValue(_containers),
            async name =>
            {
                await using var container = await Lookup.ContainerAsync(host, name, cancellationToken);
                if (limits is not null)
                {
                    await container.UpdateLimitsAsync(limits, cancellationToken);
                }

                if (restart is not null)
                {
                    await container.UpdateRestartAsync(restart, cancellationToken);
                }

                StandardOutput.PrintLine(name);
            });
    }
}

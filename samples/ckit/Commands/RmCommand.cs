using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Removes containers with their layers.</summary>
internal sealed class RmCommand : HostCommand
{
    private readonly Option<bool> _force = new("--force", "-f") { Description = "Ends containers that run first, and does not mind those that are not there." };
    private readonly Option<bool> _volumes = new("--volumes", "-v") { Description = "Docker's: volumes without a name go in any case, and those with one stay." };
    private readonly Argument<string[]> _containers = new("CONTAINER") { Description = "Names, ids, or beginnings of ids.", Arity = ArgumentArity.OneOrMore };

    public RmCommand()
        : base("rm", "Remove containers, and print the name of each.")
    {
        Add(_force);
        Add(_volumes);
        Add(_containers);
    }

    protected override Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken) => ForEachAsync(
        line.GetRequiredValue(_containers),
        async name =>
        {
            var isForced = line.GetValue(_force);
            if (await Lookup.TryContainerAsync(host, name, cancellationToken) is { } container)
            {
                await RemoveAsync(container, name, isForced, cancellationToken);
                StandardOutput.PrintLine(name);
            }
            else if (!isForced)
            {
                throw Lookup.NoContainer(name);
            }
        });

    private static async Task RemoveAsync(Container container, string name, bool isForced, CancellationToken cancellationToken)
    {
        await using (container)
        {
            try
            {
                await container.RemoveAsync(isForced, cancellationToken);
            }
            catch (StorageException e) when (!isForced)
            {
                if (await container.IsRunningAsync(cancellationToken))
                {
                    throw new UsageException($"The container '{name}' is running.", e) { Hint = "Stop it first, or use rm -f." };
                }

                throw;
            }
        }
    }
}

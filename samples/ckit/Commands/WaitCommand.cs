using System.CommandLine;
using System.Globalization;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Waits for the ends of containers.</summary>
internal sealed class WaitCommand : HostCommand
{
    private readonly Argument<string[]> _containers = new("CONTAINER") { Description = "Names, ids, or beginnings of ids.", Arity = ArgumentArity.OneOrMore };

    public WaitCommand()
        : base("wait", "Wait until containers have ended, and print the exit code of each (128 + n when signal n ended it).") => Add(_containers);

    protected override Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken) => ForEachAsync(
        line.GetRequiredValue(_containers),
        async name =>
        {
            await using var container = await Lookup.ContainerAsync(host, name, cancellationToken);
            var exit = await WaitAsync(container, cancellationToken);
            StandardOutput.PrintLine((exit?.ShellCode ?? 0).ToString(CultureInfo.InvariantCulture));
        });

    // It may end between the look and the wait. As with docker, one that was never started counts as ended well.
    private static async Task<ExitStatus?> WaitAsync(Container container, CancellationToken cancellationToken)
    {
        try
        {
            if (await container.IsRunningAsync(cancellationToken))
            {
                await using var running = await container.AttachAsync(cancellationToken);
                return await running.WaitForExitAsync(cancellationToken);
            }
        }
        catch (StorageException)
        {
            if (await container.IsRunningAsync(cancellationToken))
            {
                throw;
            }
        }

        return (await container.GetStateAsync(cancellationToken)).Exit;
    }
}

using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Makes a second container that begins as another one is.</summary>
internal sealed class ForkCommand : HostCommand
{
    private readonly Option<string?> _name = new("--name") { Description = "The fork's name; one is made up unless given." };
    private readonly Argument<string> _container = new("CONTAINER") { Description = "A name, an id, or the beginning of an id." };

    public ForkCommand()
        : base("fork", "Make a second container that begins as this one is now, and print its id.")
    {
        Add(_name);
        Add(_container);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        await using var container = await Lookup.ContainerAsync(host, line.GetRequiredValue(_container), cancellationToken);
        var name = line.GetValue(_name) ?? await ContainerNames.NewAsync(host, cancellationToken);
        await using var fork = await container.ForkAsync(name, cancellationToken);
        StandardOutput.PrintLine(fork.Id);
        return 0;
    }
}

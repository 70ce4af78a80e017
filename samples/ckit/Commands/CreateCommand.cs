using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Makes a container, whose files can then be looked at and edited.</summary>
internal sealed class CreateCommand : DescribingCommand
{
    private readonly Option<bool> _interactive = new("--interactive", "-i") { Description = "Keeps the program's input open for attach, once it runs by itself." };

    public CreateCommand()
        : base("create", "Make a container without starting it, and print its id.") => Add(_interactive);

    protected override bool IsInteractive(ParseResult line) => line.GetValue(_interactive);

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var description = await DescribeAsync(host, line, cancellationToken);
        var name = NameOf(line) ?? await ContainerNames.NewAsync(host, cancellationToken);
        await using var container = await description.WithName(name).CreateAsync(cancellationToken);
        StandardOutput.PrintLine(container.Id);
        return 0;
    }
}

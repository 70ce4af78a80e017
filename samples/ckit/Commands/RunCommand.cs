using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Runs a program in a new container, here and now, and ends as the program does.</summary>
internal sealed class RunCommand : DescribingCommand
{
    private readonly Option<bool> _remove = new("--rm") { Description = "Removes the container afterwards; a detached one, when ckit is next used. Without it the container stays, for diff, commit and cp." };
    private readonly Option<bool> _interactive = new("--interactive", "-i") { Description = "Feeds ckit's standard input to the program, whose own is empty otherwise; with --detach, keeps it open for attach." };

    private readonly Option<bool> _detach = new("--detach", "-d") { Description = "Lets it run on by itself, with its output in a log, and prints the container's id." };
    private readonly Option<long?> _logSize = DetachedFlags.LogSize();

    public RunCommand()
        : base("run", "Run a program in a new container. Exits as the program does (128 + n when signal n ended it), or with 125, 126 or 127 when it could not be started.")
    {
        Add(_remove);
        Add(_interactive);
        Add(_detach);
        Add(_logSize);
    }

    protected override bool IsInteractive(ParseResult line) => line.GetValue(_interactive);

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        if (line.GetValue(_detach))
        {
            return await DetachAsync(host, line, cancellationToken);
        }

        var remove = line.GetValue(_remove);
        var description = await DescribeAsync(host, line, cancellationToken);
        var name = NameOf(line) ?? (remove ? null : await ContainerNames.NewAsync(host, cancellationToken));
        description = remove ? description.WithAutoRemove() : description;
        await using var container = await (name is null ? description : description.WithName(name)).CreateAsync(cancellationToken);
        try
        {
            return await Attached.RunAsync(container, line.GetValue(_interactive), cancellationToken);
        }
        finally
        {
            if (remove)
            {
                await container.RemoveAsync(CancellationToken.None);
            }
        }
    }

    private async Task<int> DetachAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var options = DetachedFlags.Read(line.GetValue(_logSize));
        var described = await DescribeAsync(host, line, cancellationToken);
        var description = (line.GetValue(_remove) ? described.WithAutoRemove() : described).WithName(NameOf(line) ?? await ContainerNames.NewAsync(host, cancellationToken));
        await using var running = await description.StartAsync(options, cancellationToken);
        DetachedFlags.WarnOfHealth(running.Container);
        StandardOutput.PrintLine(running.Id);
        return 0;
    }
}

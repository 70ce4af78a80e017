using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Runs a program in a new container, here and now, and ends as the program does.</summary>
internal sealed class RunCommand : DescribingCommand
{
    private readonly Option<bool> _remove = new("--rm") { Description = "Removes the container afterwards. Without it the container stays, for diff, commit and cp." };
    private readonly Option<bool> _interactive = new("--interactive", "-i") { Description = "Feeds ckit's standard input to the program, whose own is empty otherwise." };

    public RunCommand()
        : base("run", "Run a program in a new container. Exits as the program does (128 + n when signal n ended it), or with 125, 126 or 127 when it could not be started.")
    {
        Add(_remove);
        Add(_interactive);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var remove = line.GetValue(_remove);
        var description = await DescribeAsync(host, line, cancellationToken);
        var name = NameOf(line) ?? (remove ? null : await ContainerNames.NewAsync(host, cancellationToken));
        await using var container = await (name is null ? description : description.WithName(name)).CreateAsync(cancellationToken);
        try
        {
            return await AttachAsync(container, line.GetValue(_interactive), cancellationToken);
        }
        finally
        {
            if (remove)
            {
                await container.RemoveAsync(CancellationToken.None);
            }
        }
    }

    private static async Task<int> AttachAsync(Container container, bool feedInput, CancellationToken cancellationToken)
    {
        await using var running = await container.StartAsync(cancellationToken);
        using var forwarding = SignalForwarding.To(running);
        foreach (var (asked, port) in container.Settings.PublishedPorts.Zip(running.PublishedPorts).Where(pair => pair.First.HostPort == 0))
        {
            await Console.Error.WriteLineAsync($"Port {asked.ContainerPort} is published on {port.Address}:{port.HostPort}.");
        }

        if (feedInput)
        {
            Pump.In(running.StandardInput);
        }
        else
        {
            await running.StandardInput.DisposeAsync();
        }

        await Task.WhenAll(
            Task.Run(() => Pump.OutAsync(running.StandardOutput, Descriptors.Output), CancellationToken.None),
            Task.Run(() => Pump.OutAsync(running.StandardError, Descriptors.Error), CancellationToken.None));
        var exit = await running.WaitForExitAsync(CancellationToken.None);
        return exit.ShellCode;
    }
}

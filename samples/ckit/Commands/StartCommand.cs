using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Starts containers that are there already.</summary>
internal sealed class StartCommand : HostCommand
{
    private readonly Option<bool> _attach = new("--attach", "-a") { Description = "Runs it here and now, and ends as its program does; one container only." };
    private readonly Option<bool> _interactive = new("--interactive", "-i") { Description = "With --attach: feeds ckit's standard input to the program." };
    private readonly Option<long?> _logSize = DetachedFlags.LogSize();
    private readonly Argument<string[]> _containers = new("CONTAINER") { Description = "Names, ids, or beginnings of ids.", Arity = ArgumentArity.OneOrMore };

    public StartCommand()
        : base("start", "Start containers, which then run on by themselves, and print the name of each.")
    {
        Add(_attach);
        Add(_interactive);
        Add(_logSize);
        Add(_containers);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var names = line.GetRequiredValue(_containers);
        if (line.GetValue(_attach) || line.GetValue(_interactive))
        {
            if (names is not [var only])
            {
                throw new UsageException("Only one container can be attached to at a time.", this);
            }

            await using var container = await Lookup.ContainerAsync(host, only, cancellationToken);
            return await Attached.RunAsync(container, line.GetValue(_interactive), cancellationToken);
        }

        var options = DetachedFlags.Read(line.GetValue(_logSize));
        return await ForEachAsync(names, async name =>
        {
            await using var container = await Lookup.ContainerAsync(host, name, cancellationToken);
            var status = (await container.GetStateAsync(cancellationToken)).Status;
            if (status == ContainerStatus.Paused)
            {
                throw new UsageException($"The container '{name}' is paused.") { Hint = $"Let it go on: ckit unpause {name}" };
            }

            // As with docker: one that runs has been started.
            if (status is not (ContainerStatus.Running or ContainerStatus.Restarting))
            {
                DetachedFlags.WarnOfHealth(container);
                await using var running = await container.StartAsync(options, cancellationToken);
            }

            StandardOutput.PrintLine(name);
        });
    }
}

using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Stops containers where they are, or lets them go on.</summary>
internal sealed class PauseCommand : HostCommand
{
    private readonly Func<RunningContainer, CancellationToken, Task> _action;
    private readonly Argument<string[]> _containers = new("CONTAINER") { Description = "Names, ids, or beginnings of ids.", Arity = ArgumentArity.OneOrMore };

    private PauseCommand(string name, string description, Func<RunningContainer, CancellationToken, Task> action)
        : base(name, description)
    {
        _action = action;
        Add(_containers);
    }

    public static PauseCommand Pause() =>
        new("pause", "Stop every process of running containers where it is, and print the name of each.", (running, token) => running.PauseAsync(token));

    public static PauseCommand Resume() =>
        new("unpause", "Let paused containers go on, and print the name of each.", (running, token) => running.ResumeAsync(token));

    protected override Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken) => ForEachAsync(
        line.GetRequiredValue(_containers),
        async name =>
        {
            await using var container = await Lookup.ContainerAsync(host, name, cancellationToken);
            await using var running = await Lookup.RunningAsync(container, name, cancellationToken);
            await _action(running, cancellationToken);
            StandardOutput.PrintLine(name);
        });
}

using System.CommandLine;
using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>Ties ckit to a container that runs by itself: what it writes from now on, its input, signals, its end.</summary>
internal sealed class AttachCommand : HostCommand
{
    private readonly Option<bool> _noInput = new("--no-stdin") { Description = "Feeds it nothing, also where it was started with --interactive." };
    private readonly Option<bool> _forwards = new("--sig-proxy") { Description = "Passes signals on, Ctrl-C among them (unless false, when they end ckit and the container goes on).", DefaultValueFactory = _ => true };
    private readonly Option<int> _tail = new("--tail", "-n") { Description = "How many of the last lines in its log come first; none unless given.", HelpName = "NUMBER" };
    private readonly Argument<string> _container = new("CONTAINER") { Description = "A name, an id, or the beginning of one." };

    public AttachCommand()
        : base("attach", "Show what a container writes that runs by itself, feed it if it was started with --interactive, and exit as it does (128 + n when signal n ended it).")
    {
        Add(_noInput);
        Add(_forwards);
        Add(_tail);
        Add(_container);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var tail = line.GetValue(_tail) is var count and >= 0 ? count : throw new UsageException($"'{line.GetValue(_tail)}' is not a number of lines.", this);
        var name = line.GetRequiredValue(_container);
        await using var container = await Lookup.ContainerAsync(host, name, cancellationToken);
        await using var running = await Lookup.RunningAsync(container, name, cancellationToken, new AttachOptions { Tail = tail });
        if (!running.IsDetached)
        {
            throw new UsageException($"The container '{container}' cannot be attached to: it runs in the foreground of another process, which has its streams. Start it with run --detach, or start.");
        }

        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(line.GetValue(_forwards) ? CancellationToken.None : cancellationToken);
        using var forwarding = line.GetValue(_forwards) ? SignalForwarding.To(signal => PassOn(running, signal, leaving)) : null;
        await Attached.StreamAsync(running.StandardInput, running.StandardOutput, running.StandardError, container.Settings.HasOpenInput && !line.GetValue(_noInput)).WaitAsync(leaving.Token);
        return (await running.WaitForExitAsync(leaving.Token)).ShellCode;
    }

    // A container that does not hear, and that would end with a ckit that runs it, goes on without this one.
    private static Task PassOn(RunningContainer running, int signal, CancellationTokenSource leaving) => signal == Signals.Kill ? leaving.CancelAsync() : running.KillAsync(signal);
}

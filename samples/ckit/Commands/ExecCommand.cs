using System.CommandLine;
using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>Runs a further program in a running container.</summary>
internal sealed class ExecCommand : HostCommand
{
    private readonly Option<bool> _interactive = new("--interactive", "-i") { Description = "Feeds ckit's standard input to the program, whose own is empty otherwise." };
    private readonly Option<bool> _terminal = TerminalFlags.Terminal();
    private readonly Option<string[]> _environment = new("--env", "-e") { Description = "Sets a variable; without a value, the one that ckit has.", HelpName = "NAME[=VALUE]" };
    private readonly Option<string?> _directory = new("--workdir", "-w") { Description = "The directory that the program starts in.", HelpName = "DIR" };
    private readonly Option<string?> _user = new("--user", "-u") { Description = "Who the program runs as.", HelpName = "USER[:GROUP]" };
    private readonly Argument<string> _container = new("CONTAINER") { Description = "A name, an id, or the beginning of one." };
    private readonly Argument<string[]> _command = new("COMMAND") { Description = "The program and its arguments.", Arity = ArgumentArity.OneOrMore };

    public ExecCommand()
        : base("exec", "Run a further program in a running container. Exits as the program does (128 + n when signal n ended it), or with 125, 126 or 127 when it could not be started.")
    {
        Option[] options = [_interactive, _terminal, _environment, _directory, _user];
        foreach (var option in options)
        {
            Add(option);
        }

        Add(_container);
        Add(_command);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var (name, isInteractive) = (line.GetRequiredValue(_container), line.GetValue(_interactive));
        var terminal = TerminalFlags.Read(line.GetValue(_terminal), isInteractive);
        await using var container = await Lookup.ContainerAsync(host, name, cancellationToken);
        await using var running = await Lookup.RunningAsync(container, name, cancellationToken);
        var options = new ExecOptions
        {
            Environment = Variables(line.GetValue(_environment) ?? []),
            WorkingDirectory = line.GetValue(_directory),
            User = line.GetValue(_user),
            Terminal = terminal,
        };
        await using var program = await running.StartExecAsync(line.GetRequiredValue(_command), options, cancellationToken);
        using var forwarding = SignalForwarding.To(program.KillAsync);
        var exit = program.WaitForExitAsync(CancellationToken.None);
        if (terminal is not null)
        {
            return await Attached.InTerminalAsync(isInteractive, console => console.AttachAsync(program), program.StandardOutput, exit);
        }

        await Attached.StreamAsync(program.StandardInput, program.StandardOutput, program.StandardError, isInteractive);
        return (await exit).ShellCode;
    }

    // Of two of one name, the last counts.
    private static Dictionary<string, string> Variables(IEnumerable<string> items) => items
        .Select(ContainerFlags.Variable).OfType<(string Name, string Value)>()
        .GroupBy(item => item.Name, item => item.Value, StringComparer.Ordinal)
        .ToDictionary(group => group.Key, group => group.Last(), StringComparer.Ordinal);
}

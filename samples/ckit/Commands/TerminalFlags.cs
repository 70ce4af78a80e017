using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Whether a program has a terminal, for the commands that start one.</summary>
internal static class TerminalFlags
{
    public static Option<bool> Terminal() => new("--tty", "-t") { Description = "Gives the program a terminal; with --interactive, ckit's own is attached to it." };

    /// <summary>The size of the terminal that a program is to have: that of ckit's own.</summary>
    /// <exception cref="UsageException">It is to be fed from a terminal, and there is none.</exception>
    public static TerminalSize? Read(bool hasTerminal, bool isInteractive)
    {
        if (!hasTerminal)
        {
            return null;
        }

        if (isInteractive && !ConsoleTerminal.IsAvailable)
        {
            throw new UsageException("Standard input is not a terminal: leave --tty out, or --interactive.");
        }

        if (!Descriptors.IsTerminal(Descriptors.Input))
        {
            return TerminalSize.Usual;
        }

        using var console = ConsoleTerminal.Open();
        return console.Size;
    }
}

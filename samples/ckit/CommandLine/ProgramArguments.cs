using System.CommandLine;
using Ckit.Commands;

namespace Ckit.CommandLine;

/// <summary>
/// Separates ckit's own options from those of the program in the container: in <c>ckit run -i IMAGE ls --color=never</c> the last
/// belongs to <c>ls</c>. Options end at the name of the image or container, as with docker.
/// </summary>
/// <remarks>
/// The parser would look for options behind the name as well, and take <c>--color=never</c> apart. So a <c>--</c> is put in front
/// of the name, behind which the parser leaves everything as it is.
/// </remarks>
internal static class ProgramArguments
{
    /// <exception cref="UsageException">There is no such option.</exception>
    public static string[] Separate(RootCommand root, string[] arguments)
    {
        Command command = root;
        for (var i = 0; i < arguments.Length; i++)
        {
            var argument = arguments[i];
            if (argument == "--")
            {
                break;
            }

            if (argument.Length > 1 && argument[0] == '-')
            {
                i += TakesNext(root, command, argument) ? 1 : 0;
            }
            else if (command == root)
            {
                command = root.Subcommands.FirstOrDefault(each => each.Name == argument)
                    ?? throw new UsageException($"There is no command '{argument}'.", root);
            }
            else if (command.Subcommands.FirstOrDefault(each => each.Name == argument) is { } nested)
            {
                command = nested;
            }
            else if (command is DescribingCommand or ExecCommand)
            {
                return [.. arguments[..i], "--", .. arguments[i..]];
            }
        }

        return arguments;
    }

    /// <summary>Whether an argument is an option whose value is the next argument.</summary>
    private static bool TakesNext(Command root, Command command, string argument)
    {
        if (argument.StartsWith("--", StringComparison.Ordinal))
        {
            var end = argument.IndexOf('=', StringComparison.Ordinal);
            return TakesValue(root, command, end < 0 ? argument : argument[..end]) && end < 0;
        }

        // Of several in one, such as -it or -im64m, the first that takes a value takes the rest.
        for (var i = 1; i < argument.Length; i++)
        {
            if (TakesValue(root, command, $"-{argument[i]}"))
            {
                return i == argument.Length - 1;
            }

            if (i < argument.Length - 1 && argument[i + 1] == '=')
            {
                return false;
            }
        }

        return false;
    }

    private static bool TakesValue(Command root, Command command, string name)
    {
        var option = command.Options.Concat(root.Options).FirstOrDefault(each => each.Name == name || each.Aliases.Contains(name))
            ?? throw new UsageException($"There is no option '{name}'.", command);
        return option.Arity.MinimumNumberOfValues > 0;
    }
}

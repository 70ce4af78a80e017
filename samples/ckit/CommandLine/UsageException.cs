using System.CommandLine;

namespace Ckit.CommandLine;

/// <summary>The user asked for what cannot be: said in one sentence, and perhaps where to look.</summary>
internal sealed class UsageException : Exception
{
    public UsageException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    public UsageException(string message, Command command)
        : base(message) => Hint = command is RootCommand ? "See 'ckit --help'." : $"See 'ckit {command.Name} --help'.";

    public string? Hint { get; init; }
}

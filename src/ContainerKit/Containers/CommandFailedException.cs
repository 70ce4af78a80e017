namespace ContainerKit;

/// <summary>A command ran in a container and did not end with exit code 0.</summary>
public sealed class CommandFailedException : ContainerKitException
{
    private const int LongestQuote = 2000;

    internal CommandFailedException(IReadOnlyList<string> command, CommandResult result)
        : base(Describe(command, result))
    {
        Command = command;
        Result = result;
    }

    /// <summary>The program and its arguments.</summary>
    public IReadOnlyList<string> Command { get; }

    /// <summary>How it ended and what it wrote.</summary>
    public CommandResult Result { get; }

    private static string Describe(IReadOnlyList<string> command, CommandResult result)
    {
        var error = result.StandardError.Trim();
        var quote = error.Length > LongestQuote ? "…" + error[^LongestQuote..] : error;
        return $"The command '{string.Join(' ', command)}' {result.ExitStatus}{(quote.Length > 0 ? ": " + quote : ".")}";
    }
}

using Ckit.Output;

namespace Ckit.CommandLine;

/// <summary>Turns an exception into a sentence on standard error and docker's exit codes.</summary>
internal static class Failure
{
    /// <summary>Ours: the container was not even started. 126 and 127 come from <see cref="IsolationException.ExitCode"/>.</summary>
    public const int ExitCode = 125;

    public static int Report(Exception exception)
    {
        var (message, hint) = exception switch
        {
            UsageException e => (e.Message, e.Hint),
            ContainerKitException e => (e.Message, e.Hint),
            OperationCanceledException => ("Interrupted.", null),
            ArgumentException e => (WithoutParameterName(e), null),
            FormatException or IOException or UnauthorizedAccessException => (exception.Message, null),
            _ => ($"This should not have happened: {exception}", null),
        };
        StandardError.WriteLine(hint is null ? $"ckit: {message}" : $"ckit: {message.TrimEnd('.')}. {hint}");
        return exception is IsolationException isolation ? isolation.ExitCode : ExitCode;
    }

    /// <summary>What is wrong. .NET appends " (Parameter 'name')", which means nothing to who typed a command.</summary>
    public static string WithoutParameterName(ArgumentException e) =>
        e.Message.LastIndexOf(" (Parameter '", StringComparison.Ordinal) is var end and > 0 ? e.Message[..end] : e.Message;
}

using Microsoft.Extensions.Logging;

namespace ContainerKit.Registry;

/// <summary>The events of registries. The ids are stable: 4xx.</summary>
internal static partial class RegistryLog
{
    [LoggerMessage(400, LogLevel.Information, "Trying {Address} again in {Pause}: {Reason}")]
    public static partial void TryingAgain(this ILogger logger, string address, TimeSpan pause, string reason);

    [LoggerMessage(401, LogLevel.Warning, "{Registry} did not serve {What}, and the next is asked: {Reason}")]
    public static partial void NextIsAsked(this ILogger logger, string registry, string what, string reason);

    [LoggerMessage(402, LogLevel.Warning, "The token service {Realm} of {Registry} gets no credentials: it is of another origin, and not among the trusted ones.")]
    public static partial void CredentialsWithheld(this ILogger logger, string realm, string registry);

    [LoggerMessage(403, LogLevel.Debug, "Blob {Digest}: {Bytes} bytes were here already, and are not fetched again.")]
    public static partial void Resuming(this ILogger logger, string digest, long bytes);

    [LoggerMessage(404, LogLevel.Debug, "Blob {Digest} was taken by {Repository} from {Source}.")]
    public static partial void Mounted(this ILogger logger, string digest, string repository, string source);
}

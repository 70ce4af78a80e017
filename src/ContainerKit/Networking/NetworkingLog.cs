using Microsoft.Extensions.Logging;

namespace ContainerKit.Networking;

/// <summary>The events of published ports, which nobody else hears of. The ids are stable: 3xx.</summary>
internal static partial class NetworkingLog
{
    [LoggerMessage(300, LogLevel.Debug, "A connection to the published port {Address}:{Port} was turned away: {Reason}")]
    public static partial void TurnedAway(this ILogger logger, string address, int port, string reason);

    [LoggerMessage(301, LogLevel.Warning, "No connection can be taken on the published port {Address}:{Port}: {Reason} It is tried again.")]
    public static partial void CannotAccept(this ILogger logger, string address, int port, string reason);
}

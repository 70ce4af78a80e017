using Microsoft.Extensions.Logging;

namespace ContainerKit.Networking;

/// <summary>The events of networks and published ports, which nobody else hears of. The ids are stable: 3xx.</summary>
internal static partial class NetworkingLog
{
    [LoggerMessage(300, LogLevel.Debug, "A connection to the published port {Address}:{Port} was turned away: {Reason}")]
    public static partial void TurnedAway(this ILogger logger, string address, int port, string reason);

    [LoggerMessage(301, LogLevel.Warning, "No connection can be taken on the published port {Address}:{Port}: {Reason} It is tried again.")]
    public static partial void CannotAccept(this ILogger logger, string address, int port, string reason);

    [LoggerMessage(302, LogLevel.Information, "The container {Id} is gone, and was cleared away from the network {Network}")]
    public static partial void MemberSwept(this ILogger logger, string id, string network);

    [LoggerMessage(303, LogLevel.Warning, "The network {Network} could not be cleared of members that are gone: {Reason}")]
    public static partial void NetworkNotSwept(this ILogger logger, string network, string reason);

    [LoggerMessage(305, LogLevel.Warning, "The hosts file of the container {Id} does not name the members of its network: {Reason}")]
    public static partial void NotTold(this ILogger logger, string id, string reason);

    [LoggerMessage(306, LogLevel.Warning, "The container {Owner} has lost its way out: its pasta has ended. {Complaint}")]
    public static partial void PastaEnded(this ILogger logger, string owner, string complaint);

    [LoggerMessage(304, LogLevel.Warning, "The container {Id} could not be taken off its network: {Reason} The next who opens the store tries it again.")]
    public static partial void NotLeft(this ILogger logger, string id, string reason);
}

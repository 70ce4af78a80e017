using Microsoft.Extensions.Logging;

namespace ContainerKit.Storage.Fuse;

/// <summary>The events of FUSE mounts: 5xx.</summary>
internal static partial class FuseLog
{
    [LoggerMessage(500, LogLevel.Information, "Serves a file system over FUSE 7.{Minor} with {Workers} threads; passthrough is {Passthrough}.")]
    public static partial void Serving(this ILogger logger, uint minor, int workers, string passthrough);

    [LoggerMessage(501, LogLevel.Error, "A {Request} request of a mount failed in a way that nobody foresaw, and was answered with EIO. More of this kind are not logged.")]
    public static partial void RequestFailed(this ILogger logger, FuseOpcode request, Exception exception);

    [LoggerMessage(502, LogLevel.Error, "A mount is served no more: its files answer ENOTCONN.")]
    public static partial void ServerFailed(this ILogger logger, Exception exception);
}

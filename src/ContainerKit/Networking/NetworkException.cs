using System.Net.Sockets;

namespace ContainerKit;

/// <summary>A connection into or out of a container could not be made, or a port of the host not be had.</summary>
/// <param name="message">A sentence with a subject.</param>
/// <param name="innerException">The cause, or null.</param>
public sealed class NetworkException(string message, Exception? innerException = null) : ContainerKitException(message, innerException)
{
    /// <summary>
    /// What the network said: <see cref="SocketError.ConnectionRefused"/> where nothing listens (yet), <see cref="SocketError.NetworkDown"/>
    /// where the container has ended.
    /// </summary>
    public SocketError SocketError { get; init; } = SocketError.SocketError;
}

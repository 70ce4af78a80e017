using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Networking;

/// <summary>Connects to, and listens on, addresses inside a container's network.</summary>
[SupportedOSPlatform("linux")]
internal static class Connector
{
    private static readonly TimeSpan LastMoment = TimeSpan.FromSeconds(1);

    /// <summary>Connects to a port of the container's loopback interface: by IPv4, and where nothing listens there, by IPv6.</summary>
    /// <exception cref="NetworkException">Nothing listens, or the container has ended.</exception>
    public static async Task<Socket> ConnectAsync(NetworkNamespace network, int port, CancellationToken cancellationToken)
    {
        try
        {
            return await ConnectAsync(network, new IPEndPoint(IPAddress.Loopback, port), cancellationToken).ConfigureAwait(false);
        }
        catch (NetworkException first) when (first.SocketError == SocketError.ConnectionRefused)
        {
            try
            {
                return await ConnectAsync(network, new IPEndPoint(IPAddress.IPv6Loopback, port), cancellationToken).ConfigureAwait(false);
            }
            catch (NetworkException second) when (second.SocketError != SocketError.NetworkDown)
            {
                // Where there is no IPv6, that is not what its user has to hear.
                throw first;
            }
        }
    }

    public static async Task<Socket> ConnectAsync(NetworkNamespace network, IPEndPoint endPoint, CancellationToken cancellationToken)
    {
        var socket = await network.OpenSocketAsync(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp, cancellationToken).ConfigureAwait(false);
        try
        {
            socket.NoDelay = true;
            var connecting = socket.ConnectAsync(endPoint, cancellationToken).AsTask();
            await ((Task)connecting.WaitAsync(network.Ended)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

            // A program may take a connection, say all that it has to say and end, before we hear that it took it.
            await connecting.WaitAsync(network.Ended.IsCancellationRequested ? LastMoment : Timeout.InfiniteTimeSpan, CancellationToken.None).ConfigureAwait(false);
            return socket;
        }
        catch (Exception e)
        {
            socket.Dispose();
            throw e switch
            {
                OperationCanceledException when cancellationToken.IsCancellationRequested => new OperationCanceledException(e.Message, e, cancellationToken),
                _ when network.Ended.IsCancellationRequested => network.WhyEnded(e),
                SocketException refusal => Explain(network.Owner, endPoint, refusal),
                _ => e,
            };
        }
    }

    /// <summary>Connects to a Unix socket of the container.</summary>
    /// <param name="network">The container's.</param>
    /// <param name="socketFile">The socket's file, which was found below the container's own root.</param>
    /// <param name="path">What messages call it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<Socket> ConnectUnixAsync(NetworkNamespace network, SafeFileHandle socketFile, string path, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var counted = false;
        try
        {
            // By the handle and not by the path: nobody can exchange the file meanwhile for a link that leads out.
            socketFile.DangerousAddRef(ref counted);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint($"/proc/self/fd/{socketFile.DangerousGetHandle()}"), cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            var why = e.SocketErrorCode == SocketError.ConnectionRefused ? "nobody listens on it" : LowerFirst(e.Message);
            throw new NetworkException($"Cannot connect to '{path}' in the container '{network.Owner}': {why}.", e) { SocketError = e.SocketErrorCode };
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        finally
        {
            if (counted)
            {
                socketFile.DangerousRelease();
            }
        }
    }

    /// <summary>Begins to listen inside the container.</summary>
    /// <exception cref="NetworkException">The address is in use there, or is none of the container's.</exception>
    public static async Task<Socket> ListenAsync(NetworkNamespace network, IPEndPoint endPoint, CancellationToken cancellationToken)
    {
        var socket = await network.OpenSocketAsync(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp, cancellationToken).ConfigureAwait(false);
        try
        {
            socket.Bind(endPoint);
            socket.Listen();
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new NetworkException($"Cannot listen on {endPoint} in the container '{network.Owner}': {LowerFirst(e.Message)}.", e) { SocketError = e.SocketErrorCode };
        }
    }

    internal static string LowerFirst(string sentence) => sentence.Length == 0 ? sentence : char.ToLowerInvariant(sentence[0]) + sentence[1..].TrimEnd('.');

    private static NetworkException Explain(string owner, IPEndPoint endPoint, SocketException refusal)
    {
        var attempt = $"Cannot connect to {endPoint} in the container '{owner}'";
        return refusal.SocketErrorCode switch
        {
            SocketError.ConnectionRefused => new NetworkException($"{attempt}: nothing listens there.", refusal)
            {
                SocketError = refusal.SocketErrorCode,
                Hint = "The program may not be ready yet, or listen on another port or address.",
            },
            SocketError.NetworkUnreachable or SocketError.HostUnreachable => new NetworkException($"{attempt}: its network has no way to this address.", refusal)
            {
                SocketError = refusal.SocketErrorCode,
            },
            _ => new NetworkException($"{attempt}: {LowerFirst(refusal.Message)}.", refusal) { SocketError = refusal.SocketErrorCode },
        };
    }
}

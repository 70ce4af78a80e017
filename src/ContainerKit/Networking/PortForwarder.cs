using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Networking;

/// <summary>
/// One published port: this process listens on the host, and for every client connects inside the container. It needs no address, no
/// rule and no right, so it is the same in every mode and for every user; and with the process, it is gone.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class PortForwarder : IDisposable
{
    // Each takes two descriptors of this process. More wait in the kernel's queue.
    private const int MostConnections = 1000;
    private static readonly TimeSpan BeforeNextTry = TimeSpan.FromMilliseconds(200);

    private readonly Socket _socket;
    private readonly SemaphoreSlim _free = new(MostConnections);
    private readonly Lock _gate = new();
    private readonly HashSet<Task> _connections = [];
    private bool _isClosed;

    private PortForwarder(Socket socket, PublishedPort port) => (_socket, Port) = (socket, port);

    /// <summary>What leads where; the port of the host is the one that was taken.</summary>
    public PublishedPort Port { get; }

    /// <summary>Takes the port of the host. Clients wait until <see cref="Begin"/>.</summary>
    /// <exception cref="NetworkException">It is not to be had.</exception>
    public static PortForwarder Take(PublishedPort port, string owner)
    {
        var address = IPAddress.Parse(port.Address);
        Socket? socket = null;
        try
        {
            socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, port.HostPort));

            // Only now it is ours: before anybody listens, several can be bound to one port.
            socket.Listen();
            return new PortForwarder(socket, port with { HostPort = ((IPEndPoint)socket.LocalEndPoint!).Port });
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            throw new NetworkException(
                $"Cannot publish port {port.ContainerPort} of the container '{owner}' on {new IPEndPoint(address, port.HostPort)}: {Connector.LowerFirst(e.Message)}.", e)
            {
                SocketError = e.SocketErrorCode,
                Hint = e.SocketErrorCode switch
                {
                    SocketError.AddressAlreadyInUse => "Port 0 takes any that is free.",
                    SocketError.AccessDenied => "An ordinary user may listen on ports from the sysctl net.ipv4.ip_unprivileged_port_start on, 1024 unless it was changed.",
                    SocketError.AddressNotAvailable => "The address is none of this host's; 127.0.0.1 and 0.0.0.0 always are.",
                    _ => null,
                },
            };
        }
    }

    public bool IsInternet4 => _socket.AddressFamily == AddressFamily.InterNetwork;

    /// <summary>A copy of the listening socket, which is the caller's.</summary>
    public SafeFileHandle Copy()
    {
        using var borrowed = new SafeFileHandle(_socket.Handle, ownsHandle: false);
        return ProcessCalls.Raise(borrowed);
    }

    /// <summary>Begins to let clients in.</summary>
    public void Begin(NetworkNamespace network, ILogger logger) => _ = AcceptAsync(network, logger);

    /// <summary>Lets nobody in any more, and frees the port. Connections go on until they end, or their container does.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isClosed = true;
        }

        _socket.Dispose();
    }

    /// <summary>Waits for the last connections, which end soon after their container.</summary>
    public Task DrainAsync()
    {
        lock (_gate)
        {
            return Task.WhenAll(_connections);
        }
    }

    private async Task AcceptAsync(NetworkNamespace network, ILogger logger)
    {
        while (true)
        {
            await _free.WaitAsync().ConfigureAwait(false);
            Socket client;
            try
            {
                client = await _socket.AcceptAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                _free.Release();
                if (_isClosed)
                {
                    return;
                }

                // Out of descriptors, most likely, and that passes. Asking again at once would only burn time.
                logger.CannotAccept(Port.Address, Port.HostPort, e.Message);
                await Task.Delay(BeforeNextTry).ConfigureAwait(false);
                continue;
            }

            Keep(ServeAsync(network, client, logger));
        }
    }

    private void Keep(Task connection)
    {
        lock (_gate)
        {
            _connections.Add(connection);
        }

        connection.ContinueWith(
            done =>
            {
                _free.Release();
                lock (_gate)
                {
                    _connections.Remove(done);
                }
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    private async Task ServeAsync(NetworkNamespace network, Socket client, ILogger logger)
    {
        using (client)
        {
            try
            {
                client.NoDelay = true;
                using var inside = await Connector.ConnectAsync(network, Port.ContainerPort, CancellationToken.None).ConfigureAwait(false);
                await Relay.RunAsync(client, inside, network.Ended).ConfigureAwait(false);
            }
            catch (Exception e) when (e is NetworkException or SocketException)
            {
                // The client has a connection already, so a reset is the nearest to what it would hear inside.
                Relay.Reset(client);
                logger.TurnedAway(Port.Address, Port.HostPort, e.Message);
            }
        }
    }
}

using System.Net;
using System.Net.Sockets;
using ContainerKit.Networking;

// There is one only where a container runs, which is Linux.
#pragma warning disable CA1416

namespace ContainerKit;

/// <summary>
/// A port inside a container's network on which this program listens: the container's programs connect, this program answers, and no
/// port of the host is involved. It ends with the container.
/// </summary>
public sealed class ContainerListener : IDisposable, IAsyncDisposable
{
    private readonly NetworkNamespace _network;
    private readonly Socket _socket;
    private int _isDisposed;

    internal ContainerListener(NetworkNamespace network, Socket socket)
    {
        (_network, _socket) = (network, socket);
        EndPoint = (IPEndPoint)socket.LocalEndPoint!;
    }

    /// <summary>Where it listens, as the container sees it; the port is the one that was chosen where 0 was asked for.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Waits for the next connection that a program of the container makes.</summary>
    /// <returns>
    /// The connection, which is the caller's. It is a <see cref="NetworkStream"/>, whose <see cref="NetworkStream.Socket"/> can shut one direction down.
    /// </returns>
    /// <exception cref="NetworkException">The container has ended.</exception>
    /// <exception cref="ObjectDisposedException">The listener was disposed of.</exception>
    public async Task<Stream> AcceptAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _network.Ended);
            var connection = await _socket.AcceptAsync(either.Token).ConfigureAwait(false);
            connection.NoDelay = true;
            return new NetworkStream(connection, ownsSocket: true);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
            throw _network.Ended.IsCancellationRequested
                ? _network.WhyEnded(e)
                : new NetworkException($"Cannot take a connection on {EndPoint} in the container '{_network.Owner}': {e.Message}", e);
        }
    }

    /// <summary>Stops listening. Connections that were accepted stay open.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            _socket.Dispose();
        }
    }

    /// <inheritdoc cref="Dispose"/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }
}

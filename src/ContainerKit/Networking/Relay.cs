using System.Buffers;
using System.Net.Sockets;

namespace ContainerKit.Networking;

/// <summary>Carries what two connections say to each other, both ways, until both have said all. An end of one direction is passed on, and so is a reset.</summary>
internal static class Relay
{
    // Larger than what a socket takes at once: one turn moves all that there is.
    private const int BufferSize = 256 * 1024;

    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(2);

    /// <param name="outside">The client.</param>
    /// <param name="inside">The container's program.</param>
    /// <param name="ended">The container has ended: what its program has written before still reaches the client, if that reads it now.</param>
    public static async Task RunAsync(Socket outside, Socket inside, CancellationToken ended)
    {
        using var cut = new CancellationTokenSource();
        var inward = PumpAsync(outside, inside, cut);
        var outward = PumpAsync(inside, outside, cut);
        try
        {
            await Task.WhenAll(inward, outward).WaitAsync(ended).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            await ((Task)outward.WaitAsync(LastWords, CancellationToken.None)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await cut.CancelAsync().ConfigureAwait(false);
        if (!(await inward.ConfigureAwait(false) & await outward.ConfigureAwait(false)) && !ended.IsCancellationRequested)
        {
            // One side has broken off. Closing would tell the other that all was said.
            Reset(outside);
            Reset(inside);
        }
    }

    /// <summary>Has the coming close say that the connection is broken, and not that it is over.</summary>
    public static void Reset(Socket socket) => socket.LingerState = new LingerOption(enable: true, seconds: 0);

    /// <returns>Whether all was carried, to the end.</returns>
    private static async Task<bool> PumpAsync(Socket from, Socket to, CancellationTokenSource cut)
    {
        try
        {
            while (true)
            {
                // A connection on which nothing moves holds no buffer.
                await from.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, cut.Token).ConfigureAwait(false);
                if (!await MoveAsync(from, to, cut.Token).ConfigureAwait(false))
                {
                    to.Shutdown(SocketShutdown.Send);
                    return true;
                }
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Nobody reads what the other side might still say.
            await cut.CancelAsync().ConfigureAwait(false);
            return false;
        }
    }

    /// <summary>Moves what is there now. The next is read only when this was taken, and so who reads slowly slows down who writes.</summary>
    /// <returns>False at the end.</returns>
    private static async ValueTask<bool> MoveAsync(Socket from, Socket to, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            do
            {
                var count = await from.ReceiveAsync(buffer, SocketFlags.None, cancellationToken).ConfigureAwait(false);
                if (count == 0)
                {
                    return false;
                }

                for (var sent = 0; sent < count;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent..count), SocketFlags.None, cancellationToken).ConfigureAwait(false);
                }
            }
            while (from.Available > 0);
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}

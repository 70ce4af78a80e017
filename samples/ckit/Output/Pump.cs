using System.Buffers;

namespace Ckit.Output;

/// <summary>Carries bytes between a container and ckit's own standard streams, no faster than they are taken.</summary>
internal static class Pump
{
    private const int BufferSize = 1 << 16;

    /// <summary>
    /// Copies a container's output to the end. When nobody reads ours any more, the container's is closed as well, so that its
    /// program learns it as it would in a shell's pipeline: <c>ckit run IMAGE yes | head</c> ends.
    /// </summary>
    public static async Task OutAsync(Stream source, int descriptor)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        while (await source.ReadAsync(buffer) is var count and > 0)
        {
            if (!Descriptors.Write(descriptor, buffer.AsSpan(0, count)))
            {
                await source.DisposeAsync();
                break;
            }
        }

        ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>
    /// Feeds a container's input from ours, and ends it with ours. Runs on a thread of its own, since a read of a terminal cannot be
    /// called off: nobody waits for it.
    /// </summary>
    public static void In(Stream target) => new Thread(() =>
    {
        var buffer = new byte[BufferSize];
        try
        {
            while (Descriptors.Read(Descriptors.Input, buffer) is var count and > 0)
            {
                target.Write(buffer, 0, count);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The program has ended or closed its input: what is left is nobody's.
        }
        finally
        {
            target.Dispose();
        }
    })
    { IsBackground = true }.Start();
}

using System.Buffers;
using System.Text;

namespace ContainerKit.Containers.Output;

/// <summary>Reads one output stream to its end into memory, within a bound.</summary>
internal static class OutputCapture
{
    /// <summary>What came, as text.</summary>
    /// <exception cref="ContainerKitException">More came than <paramref name="limit"/> bytes.</exception>
    public static async Task<string> ReadAsync(Stream output, int limit, string what, CancellationToken cancellationToken)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        while (await output.ReadAsync(buffer.GetMemory(1024), cancellationToken).ConfigureAwait(false) is var count and > 0)
        {
            buffer.Advance(count);
            if (buffer.WrittenCount > limit)
            {
                throw new ContainerKitException($"The command wrote more than {limit} bytes to {what}.")
                {
                    Hint = "Raise WithMaxCapturedBytes, or use StartAsync and read the stream.",
                };
            }
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}

using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Threading.Channels;

namespace ContainerKit.Containers;

/// <summary>Cuts a stream of output into lines as they come.</summary>
internal static class LineReader
{
    // A program that never ends its line must not fill our memory: then a line ends here.
    private const int LongestLine = 1 << 20;

    public static async Task PumpAsync(Stream output, bool isError, ChannelWriter<OutputLine> lines, CancellationToken cancellationToken)
    {
        var reader = PipeReader.Create(output, new StreamPipeReaderOptions(leaveOpen: true));
        try
        {
            while (true)
            {
                var result = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                var rest = result.Buffer;
                while (TryTakeLine(ref rest, result.IsCompleted, out var line))
                {
                    await lines.WriteAsync(new OutputLine(isError, line), cancellationToken).ConfigureAwait(false);
                }

                reader.AdvanceTo(rest.Start, rest.End);
                if (result.IsCompleted)
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Nobody listens any more.
        }
        finally
        {
            await reader.CompleteAsync().ConfigureAwait(false);
        }
    }

    private static bool TryTakeLine(ref ReadOnlySequence<byte> rest, bool isEnd, out string line)
    {
        if (rest.PositionOf((byte)'\n') is { } end)
        {
            line = Encoding.UTF8.GetString(rest.Slice(0, end)).TrimEnd('\r');
            rest = rest.Slice(rest.GetPosition(1, end));
            return true;
        }

        var take = rest.Length >= LongestLine ? LongestLine : isEnd ? rest.Length : 0;
        line = take > 0 ? Encoding.UTF8.GetString(rest.Slice(0, take)) : "";
        rest = rest.Slice(take);
        return take > 0;
    }
}

using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;

namespace ContainerKit.Containers.Output;

/// <summary>Cuts a stream of output into lines as they come.</summary>
internal static class LineReader
{
    // A program that never ends its line must not fill our memory: then a line ends here.
    private const int LongestLine = 1 << 20;

    // What is cut and not yet taken: with the longest lines, 32 MiB.
    private const int MostLines = 16;

    // What is held while nothing comes: for lines little, as very many containers may be read so.
    private const int PieceSize = 64 << 10, SmallPieceSize = 8 << 10;

    /// <summary>A reader of an output stream, which reads when it is asked and not before.</summary>
    public static PipeReader Over(Stream output) => Over(output, PieceSize);

    /// <summary>The lines of two streams, as they come, until both have ended. While nobody takes them, nothing more is read.</summary>
    public static async IAsyncEnumerable<OutputLine> ReadAsync(Stream output, Stream error, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var lines = Channel.CreateBounded<OutputLine>(MostLines);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var readers = Task.WhenAll(
            PumpAsync(output, isError: false, lines.Writer, stop.Token),
            PumpAsync(error, isError: true, lines.Writer, stop.Token));
        _ = readers.ContinueWith(done => lines.Writer.TryComplete(done.Exception?.InnerException), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        try
        {
            await foreach (var line in lines.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return line;
            }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
        }
    }

    private static PipeReader Over(Stream output, int pieceSize) => PipeReader.Create(output, new StreamPipeReaderOptions(bufferSize: pieceSize, leaveOpen: true));

    private static async Task PumpAsync(Stream output, bool isError, ChannelWriter<OutputLine> lines, CancellationToken cancellationToken)
    {
        var reader = Over(output, SmallPieceSize);
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

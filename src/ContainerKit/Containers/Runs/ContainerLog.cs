using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using System.Text;

namespace ContainerKit.Containers.Runs;

/// <summary>What a container wrote while it was detached.</summary>
/// <param name="directory">The container's.</param>
/// <param name="end">Completes when no more can come, however the run has ended.</param>
/// <param name="from">Where it begins for its readers; with all that is kept when null.</param>
[SupportedOSPlatform("linux")]
internal sealed class ContainerLog(string directory, Task end, LogMark? from = null)
{
    /// <summary>Record by record, as they were written.</summary>
    public async IAsyncEnumerable<LogRecord> ReadAsync(bool follow, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var reader = new LogReader(directory, follow && !end.IsCompleted, from);
        while (true)
        {
            // First whether it is over, then what there is: what came before the end is read then.
            var isOver = !follow || end.IsCompleted;
            while (reader.TryRead(out var record))
            {
                yield return record;
            }

            if (isOver)
            {
                yield break;
            }

            await reader.WaitAsync(end, cancellationToken).ConfigureAwait(false);
        }
    }

    public async IAsyncEnumerable<LogLine> ReadLinesAsync(LogOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var reader = new LogReader(directory, options.Follow && !end.IsCompleted, from);
        var cutter = new LineCutter();
        var past = options.Tail is null ? null : new Queue<LogLine>();
        while (true)
        {
            var isOver = !options.Follow || end.IsCompleted;
            foreach (var line in TakeLines(reader, cutter, isOver))
            {
                if (line.Time < options.Since || line.Time > options.Until)
                {
                    continue;
                }

                if (past is null)
                {
                    yield return line;
                    continue;
                }

                // Of what is there already, only the last lines are wanted.
                past.Enqueue(line);
                if (past.Count > options.Tail)
                {
                    past.Dequeue();
                }
            }

            foreach (var line in past ?? [])
            {
                yield return line;
            }

            past = null;
            if (isOver)
            {
                yield break;
            }

            await reader.WaitAsync(end, cancellationToken).ConfigureAwait(false);
        }
    }

    private static IEnumerable<LogLine> TakeLines(LogReader reader, LineCutter cutter, bool isOver)
    {
        while (reader.TryRead(out var record))
        {
            foreach (var line in cutter.Add(record))
            {
                yield return line;
            }
        }

        foreach (var line in isOver ? cutter.Finish() : [])
        {
            yield return line;
        }
    }

    /// <summary>Cuts records into lines, each stream for itself.</summary>
    private sealed class LineCutter
    {
        // A program that never ends its line must not fill our memory: then a line ends here.
        private const int LongestLine = 1 << 20;

        private readonly (MemoryStream Begun, DateTimeOffset Time)[] _streams = [(new MemoryStream(), default), (new MemoryStream(), default)];

        public List<LogLine> Add(LogRecord record)
        {
            ref var stream = ref _streams[record.IsError ? 1 : 0];
            stream.Time = record.Time;
            var begun = stream.Begun;
            var lines = new List<LogLine>();
            var rest = record.Content.Span;
            while (rest.IndexOf((byte)'\n') is var length and >= 0)
            {
                begun.Write(rest[..length]);
                lines.Add(Take(begun, record.Time, record.IsError));
                rest = rest[(length + 1)..];
            }

            begun.Write(rest);
            if (begun.Length >= LongestLine)
            {
                lines.Add(Take(begun, record.Time, record.IsError));
            }

            return lines;
        }

        public IEnumerable<LogLine> Finish()
        {
            for (var i = 0; i < _streams.Length; i++)
            {
                if (_streams[i].Begun.Length > 0)
                {
                    yield return Take(_streams[i].Begun, _streams[i].Time, isError: i == 1);
                }
            }
        }

        private static LogLine Take(MemoryStream begun, DateTimeOffset time, bool isError)
        {
            var text = Encoding.UTF8.GetString(begun.GetBuffer(), 0, (int)begun.Length).TrimEnd('\r');
            begun.SetLength(0);
            return new LogLine(time, isError, text);
        }
    }
}

using System.Runtime.Versioning;

namespace ContainerKit.Containers.Runs;

/// <summary>A place in a container's log, from which several readers begin: it is decided once, so that none of them misses what another has.</summary>
/// <param name="Device">The file system of the file.</param>
/// <param name="Inode">The file: it is known by that, as it gets another name when it is put aside.</param>
/// <param name="Position">Where in it a record begins.</param>
/// <param name="Skipped">How much of that record's content belongs to what was before.</param>
[SupportedOSPlatform("linux")]
internal readonly record struct LogMark(ulong Device, ulong Inode, long Position, int Skipped = 0)
{
    /// <summary>The place where the last lines of both streams begin, or the end.</summary>
    /// <param name="directory">The container's.</param>
    /// <param name="lines">How many lines; 0 for the end. One that has no end yet counts.</param>
    /// <returns>Null where there are no more than that, or nothing has been written yet: all of it then.</returns>
    public static LogMark? Find(string directory, int lines)
    {
        using var reader = new LogReader(directory, follow: false);
        if (lines == 0)
        {
            reader.SkipToEnd();
            return reader.Place;
        }

        // The beginnings of the last lines, and one more: only if there is such a one, something comes before them.
        var beginnings = new Queue<LogMark>();
        var isInside = new bool[2];
        while (reader.TryRead(out var record))
        {
            var content = record.Content.Span;
            var stream = record.IsError ? 1 : 0;
            for (var at = 0; at < content.Length;)
            {
                if (!isInside[stream])
                {
                    beginnings.Enqueue(reader.LastRecord with { Skipped = at });
                    if (beginnings.Count > (long)lines + 1)
                    {
                        beginnings.Dequeue();
                    }
                }

                var end = content[at..].IndexOf((byte)'\n');
                isInside[stream] = end < 0;
                at = end < 0 ? content.Length : at + end + 1;
            }
        }

        return beginnings.Count > lines ? beginnings.ElementAt(1) : null;
    }
}

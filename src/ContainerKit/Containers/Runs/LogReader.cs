using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers.Runs;

/// <summary>What one read(2) of a supervisor brought.</summary>
internal readonly record struct LogRecord(DateTimeOffset Time, bool IsError, ReadOnlyMemory<byte> Content);

/// <summary>Reads the records of a log, and goes on with the next when it is put aside. <see cref="SupervisorSteps"/> tells how they are written.</summary>
[SupportedOSPlatform("linux")]
internal sealed class LogReader : IDisposable
{
    private const int LongestRecord = SupervisorSteps.RecordHead + SupervisorSteps.MostContent;

    private readonly string _path;
    private readonly DirectoryWatch? _watch;
    private readonly byte[] _buffer = new byte[LongestRecord];
    private readonly Queue<SafeFileHandle> _files = [];
    private long _position, _lastPosition;
    private int _skipped;

    /// <param name="directory">The container's.</param>
    /// <param name="follow">Whether somebody will wait for more.</param>
    /// <param name="from">Where to begin; what is kept no longer is passed over. All that is kept when null.</param>
    public LogReader(string directory, bool follow, LogMark? from = null)
    {
        _path = Path.Combine(directory, SupervisorSteps.LogName);
        _watch = follow ? new DirectoryWatch(directory) : null;

        // The newer one first: should it be put aside meanwhile, then it is found under both names, and nothing between them is missed.
        var newer = TryOpen(_path);
        var older = TryOpen(Path.Combine(directory, SupervisorSteps.OlderLogName));
        if (older is not null && newer is not null && IsSame(older, newer))
        {
            older.Dispose();
            older = null;
        }

        foreach (var file in new[] { older, newer }.OfType<SafeFileHandle>())
        {
            _files.Enqueue(file);
        }

        if (from is { } mark)
        {
            Begin(mark);
        }
    }

    /// <summary>Where the next record begins; null where nothing has been written yet.</summary>
    public LogMark? Place => _files.TryPeek(out var file) && FileCalls.Local.Stat(file) is var stat ? new LogMark(stat.Device, stat.Inode, _position) : null;

    /// <summary>Where the record began that was read last.</summary>
    public LogMark LastRecord => Place!.Value with { Position = _lastPosition };

    /// <summary>Passes over all that is there.</summary>
    public void SkipToEnd()
    {
        // The last one has everything that was written last; near its end a record is found again by its mark.
        while (_files.Count > 1)
        {
            _files.Dequeue().Dispose();
        }

        _position = _files.TryPeek(out var file) ? Math.Max(0, RandomAccess.GetLength(file) - (4 * LongestRecord)) : 0;
        while (TryRead(out _))
        {
        }
    }

    /// <summary>The next record that is there already.</summary>
    public bool TryRead(out LogRecord record)
    {
        while (true)
        {
            if (_files.Count == 0 && !TryOpenNext())
            {
                record = default;
                return false;
            }

            if (TryParse(out record))
            {
                return true;
            }

            // The last one may grow; what is behind another has its end.
            if (_files.Count == 1 && !TryOpenNext())
            {
                return false;
            }

            // Written before it was put aside, and after it was last looked at.
            if (TryParse(out record))
            {
                return true;
            }

            _files.Dequeue().Dispose();
            _position = 0;
        }
    }

    /// <summary>Waits until there may be more, or until the end.</summary>
    public async Task WaitAsync(Task end, CancellationToken cancellationToken)
    {
        using var given = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var change = _watch!.WaitAsync(given.Token);
        await Task.WhenAny(change, end).ConfigureAwait(false);
        await given.CancelAsync().ConfigureAwait(false);
        await change.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
    }

    public void Dispose()
    {
        foreach (var file in _files)
        {
            file.Dispose();
        }

        _watch?.Dispose();
    }

    private bool TryParse(out LogRecord record)
    {
        while (true)
        {
            var bytes = _buffer.AsSpan(0, RandomAccess.Read(_files.Peek(), _buffer, _position));
            if (bytes.Length < SupervisorSteps.RecordHead)
            {
                record = default;
                return false;
            }

            var head = MemoryMarshal.Cast<byte, long>(bytes[..SupervisorSteps.RecordHead]);
            if (head[2] - SupervisorSteps.RecordMark is not (1 or 2) || head[3] is <= 0 or > SupervisorSteps.MostContent)
            {
                // The disk was full in the middle of a record, and then no more.
                _position += SkipTo(bytes);
                continue;
            }

            if (bytes.Length < SupervisorSteps.RecordHead + head[3])
            {
                record = default;
                return false;
            }

            var content = bytes.Slice(SupervisorSteps.RecordHead, (int)head[3])[Math.Min(_skipped, (int)head[3])..].ToArray();
            (_lastPosition, _skipped) = (_position, 0);
            record = new LogRecord(
                DateTimeOffset.UnixEpoch.AddTicks((head[0] * TimeSpan.TicksPerSecond) + (head[1] / 100)), head[2] == SupervisorSteps.RecordMark + 2, content);
            _position += SupervisorSteps.RecordHead + head[3];
            return true;
        }
    }

    private void Begin(LogMark mark)
    {
        // Put aside twice since then, the file is there no more, and all that is kept came after the mark.
        if (!_files.Any(file => IsMarked(file, mark)))
        {
            return;
        }

        while (!IsMarked(_files.Peek(), mark))
        {
            _files.Dequeue().Dispose();
        }

        (_position, _skipped) = (mark.Position, mark.Skipped);
    }

    // To the head of the next record, as far as these bytes tell.
    private static int SkipTo(ReadOnlySpan<byte> bytes)
    {
        Span<byte> mark = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(mark, SupervisorSteps.RecordMark);
        const int before = 16, unchanging = 7;
        var found = bytes[(before + 1 + 1)..].IndexOf(mark[1..unchanging]);
        return found >= 0 ? found + 1 : bytes.Length - SupervisorSteps.RecordHead + 1;
    }

    private bool TryOpenNext()
    {
        var next = TryOpen(_path);
        if (next is null || (_files.TryPeek(out var file) && IsSame(file, next)))
        {
            next?.Dispose();
            return false;
        }

        _files.Enqueue(next);
        return true;
    }

    private static SafeFileHandle? TryOpen(string path)
    {
        var errno = FileCalls.Local.TryOpen(null, path, OpenFlags.Read, 0, Resolve.Host, out var file);
        LinuxException.ThrowIf(errno == Errno.ENOENT ? 0 : errno, $"open '{path}'");
        return errno == 0 ? file : null;
    }

    private static bool IsMarked(SafeFileHandle file, LogMark mark) => FileCalls.Local.Stat(file) is var stat && (stat.Device, stat.Inode) == (mark.Device, mark.Inode);

    private static bool IsSame(SafeFileHandle one, SafeFileHandle other) =>
        (FileCalls.Local.Stat(one), FileCalls.Local.Stat(other)) is var (first, second) && (first.Inode, first.Device) == (second.Inode, second.Device);
}

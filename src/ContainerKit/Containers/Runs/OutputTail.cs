namespace ContainerKit.Containers.Runs;

/// <summary>
/// The last of what a program wrote to both of its streams, in the order in which it arrived, and those who look on. What it holds is
/// bounded, whatever comes.
/// </summary>
internal sealed class OutputTail
{
    private const int Capacity = 64 << 10;
    private const int FirstCapacity = 1 << 10;

    // A program that writes single bytes to its two streams in turn must not fill our memory with notes about them.
    private const int MostRuns = 4096;

    private readonly Lock _gate = new();
    private readonly LinkedList<(bool IsError, int Length)> _runs = [];
    private readonly List<OutputWatcher> _watchers = [];
    private byte[] _ring = [];
    private int _start;
    private int _count;

    /// <summary>Notes what a stream has brought, and shows it to those who look on.</summary>
    public void Add(bool isError, ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            foreach (var watcher in _watchers)
            {
                watcher.See(isError, bytes);
            }

            Keep(isError, bytes.Length > Capacity ? bytes[^Capacity..] : bytes);
        }
    }

    /// <summary>Shows a watcher what is kept, and all that comes from now on.</summary>
    public void Watch(OutputWatcher watcher)
    {
        lock (_gate)
        {
            Replay(watcher.See);
            _watchers.Add(watcher);
        }
    }

    public void Unwatch(OutputWatcher watcher)
    {
        lock (_gate)
        {
            _watchers.Remove(watcher);
        }
    }

    /// <summary>The last lines, the oldest first.</summary>
    public IReadOnlyList<OutputLine> LastLines(int count)
    {
        var lines = new LastLines(count);
        lock (_gate)
        {
            Replay(lines.Add);
        }

        return lines.Finish();
    }

    private delegate void Sight(bool isError, ReadOnlySpan<byte> bytes);

    private void Replay(Sight see)
    {
        var position = _start;
        foreach (var (isError, length) in _runs)
        {
            // A run that reaches over the end of the ring goes on at its beginning.
            var first = Math.Min(length, _ring.Length - position);
            see(isError, _ring.AsSpan(position, first));
            see(isError, _ring.AsSpan(0, length - first));
            position = (position + length) % _ring.Length;
        }
    }

    private void Keep(bool isError, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        Grow(_count + bytes.Length);
        while (_count + bytes.Length > _ring.Length || _runs.Count >= MostRuns)
        {
            ForgetOldest(_count + bytes.Length - _ring.Length);
        }

        var end = (_start + _count) % _ring.Length;
        var first = Math.Min(bytes.Length, _ring.Length - end);
        bytes[..first].CopyTo(_ring.AsSpan(end));
        bytes[first..].CopyTo(_ring);
        _count += bytes.Length;
        if (_runs.Last is { } last && last.Value.IsError == isError)
        {
            last.Value = (isError, last.Value.Length + bytes.Length);
        }
        else
        {
            _runs.AddLast((isError, bytes.Length));
        }
    }

    private void Grow(int wanted)
    {
        if (wanted <= _ring.Length || _ring.Length == Capacity)
        {
            return;
        }

        var capacity = Math.Max(_ring.Length, FirstCapacity);
        while (capacity < wanted && capacity < Capacity)
        {
            capacity *= 2;
        }

        var larger = new byte[capacity];
        var first = Math.Min(_count, _ring.Length - _start);
        _ring.AsSpan(_start, first).CopyTo(larger);
        _ring.AsSpan(0, _count - first).CopyTo(larger.AsSpan(first));
        (_ring, _start) = (larger, 0);
    }

    // The oldest run, or as much of it as makes room.
    private void ForgetOldest(int bytes)
    {
        var oldest = _runs.First!;
        var gone = bytes > 0 ? Math.Min(bytes, oldest.Value.Length) : oldest.Value.Length;
        if (gone == oldest.Value.Length)
        {
            _runs.RemoveFirst();
        }
        else
        {
            oldest.Value = (oldest.Value.IsError, oldest.Value.Length - gone);
        }

        _start = (_start + gone) % _ring.Length;
        _count -= gone;
    }
}

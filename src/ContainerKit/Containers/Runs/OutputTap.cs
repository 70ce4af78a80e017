using System.Runtime.Versioning;
using ContainerKit.Content;

namespace ContainerKit.Containers.Runs;

/// <summary>
/// One of a program's output streams, on which others may look on. Whoever reads it gets every byte once; while somebody waits for what the
/// program says, it is read ahead into memory, within a bound.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class OutputTap(Stream source, bool isError, OutputTail tail, int mostAhead) : ReadOnlyStream
{
    private const int PieceSize = 16 << 10;

    // Held by the one who reads the source: what came first is delivered first.
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Lock _gate = new();
    private readonly LinkedList<Piece> _ahead = [];
    private TaskCompletionSource _taken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _aheadBytes;
    private volatile bool _hasEnded;

    /// <summary>Whether as much has been read ahead as may be.</summary>
    public bool IsFull
    {
        get
        {
            lock (_gate)
            {
                return _aheadBytes >= mostAhead;
            }
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (TryTake(buffer.Span, out var count))
        {
            return count;
        }

        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // Somebody may have read ahead while this one waited for its turn.
            return TryTake(buffer.Span, out count) ? count : await ReadSourceAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Reads ahead until the stream's end, and waits where nobody takes what is there.</summary>
    /// <param name="full">Called whenever as much has been read ahead as may be.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task ReadAheadAsync(Action full, CancellationToken cancellationToken)
    {
        var buffer = new byte[PieceSize];
        while (!_hasEnded)
        {
            Task taken;
            lock (_gate)
            {
                taken = _taken.Task;
            }

            if (IsFull)
            {
                full();
                await taken.WaitAsync(cancellationToken).ConfigureAwait(false);
                continue;
            }

            await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                Keep(buffer.AsSpan(0, await ReadSourceAsync(buffer, cancellationToken).ConfigureAwait(false)));
            }
            finally
            {
                _turn.Release();
            }
        }
    }

    public override int Read(Span<byte> buffer)
    {
        var bytes = new byte[buffer.Length];
        var count = ReadAsync(bytes, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        bytes.AsSpan(0, count).CopyTo(buffer);
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            source.Dispose();
        }

        base.Dispose(disposing);
    }

    private async ValueTask<int> ReadSourceAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var count = await source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        _hasEnded = count == 0 && !buffer.IsEmpty;
        tail.Add(isError, buffer.Span[..count]);
        return count;
    }

    // Into the last piece as long as it has room: a program that writes single bytes must not cost a piece for each.
    private void Keep(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            _aheadBytes += bytes.Length;
            while (!bytes.IsEmpty)
            {
                if (_ahead.Last?.Value is not { End: < PieceSize } piece)
                {
                    _ahead.AddLast(piece = new Piece());
                }

                var length = Math.Min(bytes.Length, PieceSize - piece.End);
                bytes[..length].CopyTo(piece.Bytes.AsSpan(piece.End));
                piece.End += length;
                bytes = bytes[length..];
            }
        }
    }

    private bool TryTake(Span<byte> buffer, out int count)
    {
        count = 0;
        lock (_gate)
        {
            while (count < buffer.Length && _ahead.First is { Value: var piece })
            {
                var length = Math.Min(piece.End - piece.Start, buffer.Length - count);
                piece.Bytes.AsSpan(piece.Start, length).CopyTo(buffer[count..]);
                count += length;
                piece.Start += length;
                if (piece.Start == piece.End)
                {
                    _ahead.RemoveFirst();
                }
            }

            _aheadBytes -= count;
            if (count > 0)
            {
                _taken.TrySetResult();
                _taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            return count > 0;
        }
    }

    private sealed class Piece
    {
        public byte[] Bytes { get; } = new byte[PieceSize];

        public int Start { get; set; }

        public int End { get; set; }
    }
}

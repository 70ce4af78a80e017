using System.IO.Pipelines;
using System.Runtime.ExceptionServices;

namespace ContainerKit.Content;

/// <summary>
/// Reads a stream on a thread of its own, ahead of the one who wants its content, as far as a bounded pipe allows. What makes the
/// content (a decoder, a hash, a network) then works beside what uses it.
/// </summary>
/// <remarks>
/// A failure of the source comes out where it happened, behind all content before it, as the exception that it was. The end comes out
/// when the source has come to it: a source that verifies itself at its end has done so by then.
/// </remarks>
internal sealed class ReadAheadStream : ReadOnlyStream
{
    /// <summary>How much the source is read at a time, and so what a pipe is made of.</summary>
    public const int SegmentBytes = 128 << 10;

    private readonly Pipe _pipe;
    private readonly CancellationTokenSource _stop;
    private readonly Thread _thread;
    private readonly Func<Stream> _open;
    private ExceptionDispatchInfo? _failure;
    private SequencePosition? _held;
    private ReadOnlyMemory<byte> _current;

    /// <param name="open">Opens the source; called on the thread that reads it, so it may wait for what it opens.</param>
    /// <param name="maxBytes">How far the source is read ahead, in bytes; a segment more may be held for a moment.</param>
    /// <param name="cancellationToken">Ends the reading ahead, and what waits for it.</param>
    public ReadAheadStream(Func<Stream> open, int maxBytes, CancellationToken cancellationToken)
    {
        _open = open;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);

        // Both ends wait by blocking, so each may go on where the other one told it to: there is no queue to pass through.
        _pipe = new Pipe(new PipeOptions(
            readerScheduler: PipeScheduler.Inline,
            writerScheduler: PipeScheduler.Inline,
            pauseWriterThreshold: maxBytes,
            resumeWriterThreshold: Math.Max(maxBytes - (4 * SegmentBytes), maxBytes / 2),
            minimumSegmentSize: SegmentBytes,
            useSynchronizationContext: false));
        _thread = new Thread(Produce) { IsBackground = true, Name = "ContainerKit read-ahead" };
        _thread.Start();
    }

    public override int Read(Span<byte> buffer)
    {
        var count = Math.Min(buffer.Length, Peek().Length);
        _current.Span[..count].CopyTo(buffer);
        Advance(count);
        return count;
    }

    /// <summary>What comes next and is there already, without a copy of it; empty only at the end. Good until the next call.</summary>
    public ReadOnlyMemory<byte> Peek()
    {
        while (_current.IsEmpty && NextSegment())
        {
        }

        return _current;
    }

    /// <summary>Takes away the beginning of what <see cref="Peek"/> gave.</summary>
    public void Advance(int count) => _current = _current[count..];

    /// <summary>Passes over what is left, so that the source comes to its end.</summary>
    public void ReadToEnd()
    {
        while (Peek() is { IsEmpty: false } left)
        {
            Advance(left.Length);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // The producer ends at its next flush, and the source is closed when this returns.
            _stop.Cancel();
            _pipe.Reader.Complete();
            _thread.Join();
            _stop.Dispose();
        }

        base.Dispose(disposing);
    }

    private bool NextSegment()
    {
        if (_held is { } held)
        {
            // Given back one by one, so that the producer fills the pipe's end while its beginning is used.
            _pipe.Reader.AdvanceTo(held);
            _held = null;
        }

        var pending = _pipe.Reader.ReadAsync(_stop.Token);
        var result = pending.IsCompleted ? pending.GetAwaiter().GetResult() : pending.AsTask().GetAwaiter().GetResult();
        _current = result.Buffer.First;
        _held = result.Buffer.GetPosition(_current.Length);
        if (!_current.IsEmpty || !result.IsCompleted)
        {
            return true;
        }

        // Set before the pipe was completed. It stays, and so a further read fails as well.
        _failure?.Throw();
        return false;
    }

    private void Produce()
    {
        try
        {
            using var source = _open();
            while (!_stop.IsCancellationRequested && Fill(source) && PassOn())
            {
            }

            // Who gave up is told so; a pipe that ends for it must not look like the content's end.
            _stop.Token.ThrowIfCancellationRequested();
        }
        catch (Exception e)
        {
            // Whatever it is, it belongs to the one who reads.
            _failure = ExceptionDispatchInfo.Capture(e);
        }

        _pipe.Writer.Complete();
    }

    // Whole segments, because each time that the reader is told of something it may have to be woken up. A short one is the last.
    private bool Fill(Stream source)
    {
        var segment = _pipe.Writer.GetMemory(SegmentBytes).Span[..SegmentBytes];
        var filled = 0;
        try
        {
            while (filled < segment.Length && source.Read(segment[filled..]) is var read and > 0)
            {
                filled += read;
            }
        }
        finally
        {
            _pipe.Writer.Advance(filled);
        }

        return filled == segment.Length;
    }

    private bool PassOn()
    {
        var pending = _pipe.Writer.FlushAsync(_stop.Token);
        var flushed = pending.IsCompleted ? pending.GetAwaiter().GetResult() : pending.AsTask().GetAwaiter().GetResult();
        return !flushed.IsCompleted;
    }
}

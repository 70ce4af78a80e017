using ContainerKit.Content;

namespace ContainerKit.Layers;

/// <summary>
/// What SharpCompress's decoders want of a stream: single bytes without a call to the kernel for each, and a position, from which
/// xz computes its padding, though the stream cannot seek.
/// </summary>
internal sealed class ByteReadableStream(Stream source) : ReadOnlyStream
{
    private readonly byte[] _buffer = new byte[64 << 10];
    private int _start;
    private int _end;
    private long _position;

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    /// <summary>The next byte, which stays where it is; -1 at the end.</summary>
    public int PeekByte() => Fill() ? _buffer[_start] : -1;

    public override int ReadByte()
    {
        if (!Fill())
        {
            return -1;
        }

        _position++;
        return _buffer[_start++];
    }

    public override int Read(Span<byte> buffer)
    {
        // The decoders take a short read for the end.
        var filled = 0;
        while (filled < buffer.Length && Fill())
        {
            var count = Math.Min(buffer.Length - filled, _end - _start);
            _buffer.AsSpan(_start, count).CopyTo(buffer[filled..]);
            _start += count;
            filled += count;
        }

        _position += filled;
        return filled;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            source.Dispose();
        }

        base.Dispose(disposing);
    }

    private bool Fill()
    {
        if (_start == _end)
        {
            (_start, _end) = (0, source.Read(_buffer, 0, _buffer.Length));
        }

        return _end > 0;
    }
}

using ContainerKit.Content;

namespace ContainerKit.Layers;

/// <summary>What a gzip decoder reads: a stream, and a further member behind it. Tells whether the decoder stopped in zeros at the stream's end.</summary>
/// <remarks>
/// The zeros at the end are given one by one. The decoder asks for more as long as a member is incomplete, or another may follow; it
/// stops at the first byte that is neither. When that was one of these zeros, the rest of the stream is padding.
/// </remarks>
internal sealed class GzipInput(Stream stream, ReadOnlyMemory<byte> last) : ReadOnlyStream
{
    // A member ends with a checksum and a length, which may end with zeros; so many zeros are nobody's, and need not be given singly.
    private const int MostOwnZeros = 16;

    private readonly byte[] _ahead = new byte[64 << 10];
    private ReadOnlyMemory<byte> _last = last;
    private ReadOnlyMemory<byte> _content;
    private long _zerosBefore;
    private long _zerosBehind;
    private long _zerosGiven;
    private bool _isAtEnd;
    private bool _isLastAskedFor;

    /// <summary>Whether what was given last is one of the zeros at the stream's end.</summary>
    public bool EndedInPadding => _isAtEnd && _zerosGiven is > 0 and <= MostOwnZeros && !_isLastAskedFor;

    public override int Read(Span<byte> buffer)
    {
        while (_content.IsEmpty && !_isAtEnd)
        {
            LookAhead();
        }

        return _zerosBefore > 0 ? GiveZeros(buffer)
            : _content.IsEmpty ? GiveLast(buffer)
            : GiveContent(buffer);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            stream.Dispose();
        }

        base.Dispose(disposing);
    }

    // Zeros are counted, and given when it is known whether anything comes behind them.
    private void LookAhead()
    {
        var read = stream.Read(_ahead, 0, _ahead.Length);
        _isAtEnd = read == 0;
        _content = _ahead.AsMemory(0, _ahead.AsSpan(0, read).LastIndexOfAnyExcept((byte)0) + 1);
        (_zerosBefore, _zerosBehind) = (_zerosBefore + _zerosBehind, read - _content.Length);
        if (_content.IsEmpty)
        {
            (_zerosBefore, _zerosBehind) = (_zerosBefore + _zerosBehind, 0);
        }
    }

    private int GiveZeros(Span<byte> buffer)
    {
        var isSingle = _content.IsEmpty && _zerosGiven < MostOwnZeros;
        var count = (int)Math.Min(isSingle ? 1 : buffer.Length, _zerosBefore);
        buffer[..count].Clear();
        _zerosBefore -= count;
        _zerosGiven += _content.IsEmpty ? count : 0;
        return count;
    }

    private int GiveContent(Span<byte> buffer)
    {
        var count = Math.Min(buffer.Length, _content.Length);
        _content.Span[..count].CopyTo(buffer);
        _content = _content[count..];
        return count;
    }

    private int GiveLast(Span<byte> buffer)
    {
        _isLastAskedFor = true;
        var count = Math.Min(buffer.Length, _last.Length);
        _last.Span[..count].CopyTo(buffer);
        _last = _last[count..];
        return count;
    }
}

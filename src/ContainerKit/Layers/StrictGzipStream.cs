using System.IO.Compression;
using ContainerKit.Content;

namespace ContainerKit.Layers;

/// <summary>Reads gzip, and notices when its end is missing.</summary>
/// <remarks>
/// The framework's decoder takes the end of its input for the end of the data, wherever that comes, unless a switch is set for the
/// whole process. So a further member is put behind the input, as gzip allows. Behind a complete stream its content comes out as
/// the last thing; behind a truncated one it is swallowed as part of what is missing. Zeros behind a complete stream are padding, which
/// GNU gzip takes as well; other garbage is not.
/// </remarks>
internal sealed class StrictGzipStream : ReadOnlyStream
{
    private static readonly byte[] Mark = "The gzip stream is complete."u8.ToArray();
    private static readonly byte[] MarkMember = Compress(Mark);

    private readonly GzipInput _input;
    private readonly GZipStream _decoder;
    private readonly byte[] _buffer = new byte[64 << 10];
    private int _start;
    private int _end;
    private bool _isAtEnd;

    public StrictGzipStream(Stream source)
    {
        _input = new GzipInput(source, MarkMember);
        _decoder = new GZipStream(_input, CompressionMode.Decompress);
    }

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        while (!_isAtEnd && _end - _start <= Mark.Length)
        {
            Fill();
        }

        // What could be the mark is held back until it is known not to be.
        var count = Math.Min(buffer.Length, _isAtEnd ? _end - _start : _end - _start - Mark.Length);
        _buffer.AsSpan(_start, count).CopyTo(buffer);
        _start += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _decoder.Dispose();
        }

        base.Dispose(disposing);
    }

    private static byte[] Compress(byte[] content)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Fastest))
        {
            gzip.Write(content);
        }

        return output.ToArray();
    }

    private void Fill()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        var read = _decoder.Read(_buffer, _end, _buffer.Length - _end);
        _end += read;
        if (read == 0)
        {
            _isAtEnd = true;
            _end -= _buffer.AsSpan(0, _end).EndsWith(Mark) ? Mark.Length
                : _input.EndedInPadding ? 0
                : throw new InvalidDataException("The end of the gzip stream is missing.");
        }
    }
}

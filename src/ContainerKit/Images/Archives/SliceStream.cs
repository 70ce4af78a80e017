namespace ContainerKit.Images.Archives;

/// <summary>A part of a file. Several may be read in turns: each remembers where it is.</summary>
internal sealed class SliceStream(FileStream file, long offset, long length) : Stream
{
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get => _position;
        set => Seek(value, SeekOrigin.Begin);
    }

    public override int Read(Span<byte> buffer)
    {
        buffer = buffer[..(int)Math.Min(buffer.Length, length - _position)];
        var read = RandomAccess.Read(file.SafeFileHandle, buffer, offset + _position);
        if (read == 0 && !buffer.IsEmpty)
        {
            throw new ImageException($"'{file.Name}' became shorter while it was read.");
        }

        _position += read;
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin)
    {
        var position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => _position + offset,
            _ => length + offset,
        };
        return _position = position >= 0 && position <= length ? position : throw new ArgumentOutOfRangeException(nameof(offset));
    }

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}

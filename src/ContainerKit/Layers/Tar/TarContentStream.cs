using ContainerKit.Content;

namespace ContainerKit.Layers.Tar;

/// <summary>The part of an archive's stream that is one entry's content.</summary>
internal sealed class TarContentStream(Stream tar) : ReadOnlyStream
{
    private const int ScratchBytes = 64 << 10;

    private string _entry = "";
    private byte[]? _scratch;

    /// <summary>Content bytes that have not been read yet.</summary>
    public long Remaining { get; private set; }

    /// <summary>Padding behind the content, up to the next block.</summary>
    private int Padding { get; set; }

    public void Begin(long size, string entry)
    {
        Remaining = size;
        Padding = (int)(-size & (TarHeader.BlockSize - 1));
        _entry = entry;
    }

    public override int Read(Span<byte> buffer)
    {
        if (Remaining == 0 || buffer.IsEmpty)
        {
            return 0;
        }

        var read = tar.Read(buffer[..(int)Math.Min(buffer.Length, Remaining)]);
        Remaining -= read > 0 ? read : throw Truncated();
        return read;
    }

    /// <summary>Goes to the end of the content and of its padding.</summary>
    public void SkipRest()
    {
        var rest = Remaining + Padding;
        if (rest > 0 && tar.CanSeek && tar.Length - tar.Position >= rest)
        {
            tar.Seek(rest, SeekOrigin.Current);
        }
        else if (rest > 0)
        {
            _scratch ??= new byte[ScratchBytes];
            while (rest > 0)
            {
                var read = tar.Read(_scratch, 0, (int)Math.Min(_scratch.Length, rest));
                // Some writers end without the padding of the last entry, as they do without end blocks.
                if (read == 0 && rest <= Padding)
                {
                    break;
                }

                rest -= read > 0 ? read : throw Truncated();
            }
        }

        (Remaining, Padding) = (0, 0);
    }

    private ImageException Truncated() => new($"The archive ends in the middle of '{_entry}': it is truncated.");
}

/// <summary>A sparse file's content with its holes as zeros.</summary>
internal sealed class SparseContentStream(Stream packed, IReadOnlyList<DataExtent> extents, long size) : ReadOnlyStream
{
    private long _position;
    private int _next;

    public override int Read(Span<byte> buffer)
    {
        while (_next < extents.Count && _position >= extents[_next].Offset + extents[_next].Length)
        {
            _next++;
        }

        var isData = _next < extents.Count && _position >= extents[_next].Offset;
        var end = isData ? extents[_next].Offset + extents[_next].Length : _next < extents.Count ? extents[_next].Offset : size;
        buffer = buffer[..(int)Math.Min(buffer.Length, end - _position)];
        if (isData)
        {
            buffer = buffer[..packed.Read(buffer)];
        }
        else
        {
            buffer.Clear();
        }

        _position += buffer.Length;
        return buffer.Length;
    }
}

using ContainerKit.Content;

namespace ContainerKit.Tests.Content;

/// <summary>Gives a few bytes at a time, and cannot seek: a pipe or a connection at its worst.</summary>
internal sealed class TrickleStream(byte[] content, int step) : ReadOnlyStream
{
    private int _position;

    public override int Read(Span<byte> buffer)
    {
        var count = Math.Min(Math.Min(buffer.Length, step), content.Length - _position);
        content.AsSpan(_position, count).CopyTo(buffer);
        _position += count;
        return count;
    }
}

using ContainerKit.Content;

namespace ContainerKit.Layers;

/// <summary>A stream of which the beginning has been read already.</summary>
internal sealed class PrefixedStream(ReadOnlyMemory<byte> beginning, Stream rest) : ReadOnlyStream
{
    private ReadOnlyMemory<byte> _beginning = beginning;

    public override int Read(Span<byte> buffer)
    {
        if (_beginning.IsEmpty)
        {
            return rest.Read(buffer);
        }

        var count = Math.Min(buffer.Length, _beginning.Length);
        _beginning.Span[..count].CopyTo(buffer);
        _beginning = _beginning[count..];
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            rest.Dispose();
        }

        base.Dispose(disposing);
    }
}

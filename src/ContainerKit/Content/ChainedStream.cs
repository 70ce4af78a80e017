namespace ContainerKit.Content;

/// <summary>One stream, and then another, which stays open.</summary>
internal sealed class ChainedStream(Stream first, Stream second) : ReadOnlyStream
{
    private bool _isFirst = true;

    public override int Read(Span<byte> buffer)
    {
        var read = _isFirst ? first.Read(buffer) : 0;
        if (read > 0 || buffer.IsEmpty)
        {
            return read;
        }

        _isFirst = false;
        return second.Read(buffer);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            first.Dispose();
        }

        base.Dispose(disposing);
    }
}

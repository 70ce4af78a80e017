namespace ContainerKit.Content;

/// <summary>Counts what is read through it, tells someone, and gives up when asked to.</summary>
internal sealed class WatchedStream(Stream source, Action<long>? progress, CancellationToken cancellationToken, bool leaveOpen = false) : ReadOnlyStream
{
    public long BytesRead { get; private set; }

    public override int Read(Span<byte> buffer)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var read = source.Read(buffer);
        BytesRead += read;
        progress?.Invoke(BytesRead);
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !leaveOpen)
        {
            source.Dispose();
        }

        base.Dispose(disposing);
    }
}

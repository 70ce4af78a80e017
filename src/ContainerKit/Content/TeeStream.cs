namespace ContainerKit.Content;

/// <summary>Passes a copy of what is read through it to another stream.</summary>
internal sealed class TeeStream(Stream source, Stream copy, bool leaveOpen = false) : ReadOnlyStream
{
    public override int Read(Span<byte> buffer)
    {
        var read = source.Read(buffer);
        copy.Write(buffer[..read]);
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

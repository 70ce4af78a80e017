namespace ContainerKit.Content;

/// <summary>What is made of a source that is verified itself: at the content's end the source is read to its own, and fails there when it was not what was promised.</summary>
/// <param name="content">What is read.</param>
/// <param name="source">What it is made of.</param>
internal sealed class VerifiedSourceStream(Stream content, VerifyingStream source) : ReadOnlyStream
{
    public override int Read(Span<byte> buffer)
    {
        var read = content.Read(buffer);
        if (read == 0 && !buffer.IsEmpty)
        {
            source.ReadToEnd(CancellationToken.None);
        }

        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            content.Dispose();
            source.Dispose();
        }

        base.Dispose(disposing);
    }
}

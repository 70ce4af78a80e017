using ContainerKit.Content;

namespace ContainerKit.Layers;

/// <summary>
/// Where gzip is written to. zlib notes in its header on which system it ran (RFC 1952, 2.3.1: OS), and the digest of a layer would be
/// another on each; here the note always says Unix.
/// </summary>
internal sealed class GzipOutput(Stream output, bool leaveOpen) : WriteOnlyStream
{
    private const int PlaceOfSystem = 9;
    private const byte Unix = 3;

    private int _seen;

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (_seen <= PlaceOfSystem && !buffer.IsEmpty)
        {
            output.WriteByte(_seen++ == PlaceOfSystem ? Unix : buffer[0]);
            buffer = buffer[1..];
        }

        output.Write(buffer);
    }

    public override void Flush() => output.Flush();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !leaveOpen)
        {
            output.Dispose();
        }

        base.Dispose(disposing);
    }
}

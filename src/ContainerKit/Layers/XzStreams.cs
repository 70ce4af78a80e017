using ContainerKit.Content;
using XZStream = SharpCompress.Compressors.Xz.XZStream;

namespace ContainerKit.Layers;

/// <summary>Reads a file of xz streams, one behind another: the decoder knows only one. xz file format, "Overall Structure of .xz File".</summary>
internal sealed class XzStreams(ByteReadableStream source) : ReadOnlyStream
{
    private XZStream _current = new(source);

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        int read;
        while ((read = _current.Read(buffer)) == 0)
        {
            // Streams may have zeros between them, in fours.
            while (source.PeekByte() == 0)
            {
                source.ReadByte();
            }

            if (source.PeekByte() < 0)
            {
                return 0;
            }

            _current = new XZStream(source);
        }

        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            source.Dispose();
        }

        base.Dispose(disposing);
    }
}

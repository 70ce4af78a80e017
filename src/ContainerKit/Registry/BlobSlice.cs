using System.Net;
using System.Net.Http.Headers;
using ContainerKit.Content;

namespace ContainerKit.Registry;

/// <summary>A piece of a stored blob as the body of a request.</summary>
internal sealed class BlobSlice : HttpContent
{
    private const int BufferBytes = 128 << 10;

    private readonly BlobStore _blobs;
    private readonly Descriptor _blob;
    private readonly long _from;
    private readonly long _count;
    private readonly Action<long> _sent;

    /// <param name="blobs">Where it lies.</param>
    /// <param name="blob">The blob.</param>
    /// <param name="from">Its first byte.</param>
    /// <param name="count">How many.</param>
    /// <param name="sent">Told up to where the blob has been sent.</param>
    public BlobSlice(BlobStore blobs, Descriptor blob, long from, long count, Action<long> sent)
    {
        (_blobs, _blob, _from, _count, _sent) = (blobs, blob, from, count, sent);
        Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        await using var file = _blobs.OpenBlob(_blob);
        file.Seek(_from, SeekOrigin.Begin);
        var buffer = new byte[BufferBytes];
        for (var left = _count; left > 0;)
        {
            var read = await file.ReadAsync(buffer.AsMemory(0, (int)Math.Min(left, buffer.Length)), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                throw new EndOfStreamException($"The blob {_blob.Digest} has become shorter while it was sent.");
            }

            await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
            left -= read;
            _sent(_from + _count - left);
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _count;
        return true;
    }
}

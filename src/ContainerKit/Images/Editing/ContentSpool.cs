using ContainerKit.Content;
using ContainerKit.Images.Archives;
using ContainerKit.Layers;

namespace ContainerKit.Images.Editing;

/// <summary>
/// Contents of several layers side by side in one temporary file, so that they can be had in any order: a compressed layer is read
/// from its beginning, and each is read once here.
/// </summary>
internal sealed class ContentSpool : IDisposable
{
    private const int BufferBytes = 128 << 10;

    private readonly FileStream _file;
    private readonly Dictionary<LayerContent, (long Offset, long Length)> _places = [];

    private ContentSpool(FileStream file) => _file = file;

    /// <summary>Reads the contents into a file beside the store's blobs, which goes with <see cref="Dispose"/> or, after a crash, is swept.</summary>
    public static ContentSpool Fill(BlobStore blobs, IEnumerable<LayerContent> contents, CancellationToken cancellationToken)
    {
        var spool = new ContentSpool(blobs.CreateTemporary());
        try
        {
            foreach (var layer in contents.GroupBy(content => content.Layer))
            {
                var wanted = layer.ToDictionary(content => content.Entry);
                layer.Key.Read(reader => spool.Take(reader, wanted, cancellationToken), cancellationToken);
            }

            return spool;
        }
        catch
        {
            spool.Dispose();
            throw;
        }
    }

    public Stream Open(LayerContent content)
    {
        var (offset, length) = _places[content];
        return new SliceStream(_file, offset, length);
    }

    public void Dispose()
    {
        _file.Dispose();
        File.Delete(_file.Name);
    }

    private void Take(LayerReader reader, Dictionary<long, LayerContent> wanted, CancellationToken cancellationToken)
    {
        for (var i = 0L; reader.MoveNext(cancellationToken); i++)
        {
            if (wanted.TryGetValue(i, out var content))
            {
                var start = _file.Position;
                TakeFile(reader, start, cancellationToken);
                _places.Add(content, (start, _file.Position - start));
            }
        }
    }

    private void TakeFile(LayerReader reader, long start, CancellationToken cancellationToken)
    {
        if (reader.Current.DataExtents is not { } extents)
        {
            Copy(reader.Content, long.MaxValue, cancellationToken);
            return;
        }

        // Holes stay holes: a file of a terabyte may have no data at all.
        var end = start + reader.Current.Metadata.Size;
        foreach (var extent in extents)
        {
            _file.Position = start + extent.Offset;
            Copy(reader.PackedContent, extent.Length, cancellationToken);
        }

        _file.SetLength(Math.Max(_file.Length, end));
        _file.Position = end;
    }

    private void Copy(Stream content, long length, CancellationToken cancellationToken)
    {
        var buffer = new byte[BufferBytes];
        for (int read; length > 0 && (read = content.Read(buffer, 0, (int)Math.Min(buffer.Length, length))) > 0; length -= read)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _file.Write(buffer, 0, read);
        }
    }
}

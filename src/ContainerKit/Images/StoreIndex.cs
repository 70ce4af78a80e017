using ContainerKit.Content;

namespace ContainerKit.Images;

/// <summary>The <c>index.json</c> of a store: read without any lock, changed under one, and replaced by rename.</summary>
internal sealed class StoreIndex
{
    // It is our own file and grows with the images, some 400 bytes for each.
    private const int MaxBytes = 64 << 20;
    private const string LayoutVersion = """{"imageLayoutVersion":"1.0.0"}""";

    private readonly BlobStore _blobs;
    private readonly bool _flush;

    /// <summary>Opens the index of a layout, and makes the layout if there is none.</summary>
    public StoreIndex(BlobStore blobs, bool flush)
    {
        _blobs = blobs;
        _flush = flush;
        if (File.Exists(PathOfIndex) && File.Exists(PathOfLayout))
        {
            return;
        }

        using var held = Lock(CancellationToken.None);
        if (!File.Exists(PathOfIndex))
        {
            Replace(PathOfIndex, ImageIndex.Empty.ToJson());
        }

        // Last, because it is what says that here lies a layout.
        Replace(PathOfLayout, System.Text.Encoding.ASCII.GetBytes(LayoutVersion));
    }

    private string PathOfIndex => Path.Combine(_blobs.Root, "index.json");

    private string PathOfLayout => Path.Combine(_blobs.Root, "oci-layout");

    public ImageIndex Read()
    {
        using var file = new FileStream(PathOfIndex, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1);
        if (file.Length > MaxBytes)
        {
            throw new ImageException($"The store's index.json has {file.Length} bytes; {MaxBytes} are allowed.");
        }

        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return ImageIndex.Parse(bytes, MediaTypes.Index, "store's index.json", MaxBytes);
    }

    /// <summary>Replaces the index by what <paramref name="change"/> makes of it.</summary>
    public void Change(Func<ImageIndex, ImageIndex> change, CancellationToken cancellationToken)
    {
        using var held = Lock(cancellationToken);
        var before = Read();
        var after = change(before);
        if (after != before)
        {
            Replace(PathOfIndex, after.ToJson());
        }
    }

    private FileLock Lock(CancellationToken cancellationToken) =>
        FileLock.Acquire(Path.Combine(_blobs.Root, ".index.lock"), exclusive: true, cancellationToken);

    private void Replace(string path, ReadOnlySpan<byte> content)
    {
        using var file = _blobs.CreateTemporary();
        file.Write(content);
        file.Flush(_flush);
        file.Dispose();
        File.Move(file.Name, path, overwrite: true);
    }
}

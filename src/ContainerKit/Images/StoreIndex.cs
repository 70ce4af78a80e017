using ContainerKit.Content;

namespace ContainerKit.Images;

/// <summary>The <c>index.json</c> of a store: read without any lock, changed under one, and replaced by rename.</summary>
/// <remarks>
/// No other file says what the images are called, so there is a copy of it, which takes its place when it is gone, or when a repair finds it
/// damaged. A process that dies between the two renames leaves a copy that is one change behind.
/// </remarks>
internal sealed class StoreIndex
{
    // It is our own file and grows with the images, some 400 bytes for each.
    private const int MaxBytes = 64 << 20;
    private const string LayoutVersion = """{"imageLayoutVersion":"1.0.0"}""";

    private readonly BlobStore _blobs;

    /// <summary>Opens the index of a layout, and makes the layout if there is none.</summary>
    public StoreIndex(BlobStore blobs)
    {
        _blobs = blobs;
        if (File.Exists(PathOfIndex) && File.Exists(PathOfLayout))
        {
            return;
        }

        using var held = Lock(CancellationToken.None);
        if (!File.Exists(PathOfIndex))
        {
            // A store that has had images and lost its index is no empty store: the next sweep would take everything.
            _blobs.Replace(PathOfIndex, File.Exists(PathOfCopy) ? File.ReadAllBytes(PathOfCopy) : ImageIndex.Empty.ToJson());
        }

        // Last, because it is what says that here lies a layout.
        WriteLayout();
    }

    private string PathOfIndex => Path.Combine(_blobs.Root, "index.json");

    private string PathOfCopy => Path.Combine(_blobs.Root, ".index.copy");

    private string PathOfLayout => Path.Combine(_blobs.Root, "oci-layout");

    public ImageIndex Read() => Read(PathOfIndex);

    /// <summary>Puts the copy in the place of an index that cannot be read.</summary>
    /// <returns>When the copy was made; null when there is none that can be read, and nothing was done.</returns>
    public DateTime? Restore(CancellationToken cancellationToken)
    {
        using var held = Lock(cancellationToken);
        if (!File.Exists(PathOfCopy) || !CanRead(PathOfCopy))
        {
            return null;
        }

        _blobs.Replace(PathOfIndex, Read(PathOfCopy).ToJson());
        return File.GetLastWriteTimeUtc(PathOfCopy);
    }

    /// <summary>Whether the file that says which kind of layout this is says so.</summary>
    public bool HasLayout => File.Exists(PathOfLayout) && new FileInfo(PathOfLayout).Length == LayoutVersion.Length && File.ReadAllText(PathOfLayout) == LayoutVersion;

    /// <summary>Writes the file that says which kind of layout this is.</summary>
    public void WriteLayout() => _blobs.Replace(PathOfLayout, System.Text.Encoding.ASCII.GetBytes(LayoutVersion));

    private static bool CanRead(string path)
    {
        try
        {
            Read(path);
            return true;
        }
        catch (ImageException)
        {
            return false;
        }
    }

    private static ImageIndex Read(string path)
    {
        using var file = FileReplacement.OpenRead(path);
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
            Replace(after.ToJson(), isShorter: after.Entries.Count < before.Entries.Count);
        }
    }

    private void Replace(ReadOnlySpan<byte> json, bool isShorter)
    {
        try
        {
            _blobs.Replace(PathOfIndex, json);
        }
        catch (IOException e) when (isShorter && FullDisk.IsCause(e) && File.Exists(PathOfCopy))
        {
            // Where there is no room, something must be removable: the copy makes way for the index that is to take its place.
            File.Delete(PathOfCopy);
            _blobs.Replace(PathOfIndex, json);
        }

        try
        {
            _blobs.Replace(PathOfCopy, json);
        }
        catch (IOException e) when (FullDisk.IsCause(e))
        {
            // The change is done. An old copy would bring back what has been removed; the next change makes a new one.
            File.Delete(PathOfCopy);
        }
    }

    private FileLock Lock(CancellationToken cancellationToken) =>
        FileLock.Acquire(Path.Combine(_blobs.Root, ".index.lock"), exclusive: true, cancellationToken);
}

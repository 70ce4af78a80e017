using ContainerKit.Content;

namespace ContainerKit;

/// <summary>
/// Keeps an image, with its blobs and its unpacked layers, from being removed and swept, whatever others do: <see cref="ImageStore.LeaseAsync"/>. It ends
/// when it is disposed of, or with its process, however that ends.
/// </summary>
/// <remarks>A lease that outlives processes is a name: <see cref="ImageStore.TagAsync"/>.</remarks>
public sealed class ImageLease : IDisposable, IAsyncDisposable
{
    private readonly string _path;
    private FileLock? _held;

    internal ImageLease(Image image, FileLock held, string path) => (Image, _held, _path) = (image, held, path);

    /// <summary>The image.</summary>
    public Image Image { get; }

    /// <summary>Lets go. The image stays as long as it has a name or a container.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _held, null) is not { } held)
        {
            return;
        }

        // Elsewhere than on Linux, what is open cannot be removed: then whoever looks next removes it.
        if (OperatingSystem.IsLinux())
        {
            File.Delete(_path);
        }

        held.Dispose();
    }

    /// <inheritdoc cref="Dispose"/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }
}

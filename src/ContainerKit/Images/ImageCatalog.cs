using ContainerKit.Content;
using ContainerKit.Layers;

namespace ContainerKit.Images;

/// <summary>A layer that lies in the store, and what it is uncompressed.</summary>
internal sealed record StoredLayer(Descriptor Descriptor, Digest DiffId);

/// <summary>
/// Keeps what was added from being swept until an image refers to it. Take one before the first blob goes in (or before layers
/// are read), and keep it until the image has been created (or they have been read).
/// </summary>
internal sealed class StoreLease : IDisposable
{
    private readonly FileLock _held;

    internal StoreLease(FileLock held) => _held = held;

    public void Dispose() => _held.Dispose();
}

/// <summary>The images that lie in the store. Synchronous: the façade moves it off the caller's thread.</summary>
internal sealed class ImageCatalog
{
    /// <param name="directory">The directory of the layout; made when it is not there.</param>
    /// <param name="limits">What layers may ask for.</param>
    /// <param name="flush">Whether what is reported done survives a power loss.</param>
    /// <param name="pinned">Digests of manifests that containers stand on: never swept, even without a name.</param>
    public ImageCatalog(string directory, LayerLimits? limits = null, bool flush = false, Func<IEnumerable<Digest>>? pinned = null)
    {
        throw new NotImplementedException();
    }

    public BlobStore Blobs => throw new NotImplementedException();

    public StoreLease Lease(CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>Adds a layer whose tar <paramref name="writeTar"/> writes (uncompressed, to its end) to the stream that it is given.</summary>
    public StoredLayer AddLayer(StoreLease lease, Action<Stream> writeTar, CompressionKind compression, CancellationToken cancellationToken) =>
        throw new NotImplementedException();

    /// <summary>
    /// Makes an image of stored layers (the lowest first) and gives it a name. The config's <see cref="ImageConfig.DiffIds"/> are
    /// set from <paramref name="layers"/>; its history is the caller's.
    /// </summary>
    public Image CreateImage(StoreLease lease, ImageConfig config, IReadOnlyList<StoredLayer> layers, ImageReference? reference, CancellationToken cancellationToken) =>
        throw new NotImplementedException();

    /// <summary>The image of a name, a digest (of manifest or config) or the beginning of one (6 digits at least); null when there is none.</summary>
    public Image? Find(string reference) => throw new NotImplementedException();

    /// <summary>Every image of the store.</summary>
    public IReadOnlyList<Image> List() => throw new NotImplementedException();
}

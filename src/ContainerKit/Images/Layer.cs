using ContainerKit.Layers;

namespace ContainerKit;

/// <summary>One layer of an image: an archive of changes to the layers below.</summary>
public sealed class Layer
{
    internal Layer(Digest diffId, Descriptor descriptor, Content.BlobStore blobs, LayerLimits limits)
    {
        DiffId = diffId;
        Descriptor = descriptor;
        _ = blobs;
        _ = limits;
    }

    /// <summary>The digest of the uncompressed archive: what the layer is, however it is stored.</summary>
    public Digest DiffId { get; }

    /// <summary>The stored blob, usually compressed.</summary>
    public Descriptor Descriptor { get; }

    /// <summary>The entries of the archive, in its order.</summary>
    /// <exception cref="ImageException">The blob is missing or damaged.</exception>
    public IAsyncEnumerable<LayerEntry> EntriesAsync(CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Opens the uncompressed archive. The stream fails at its end when the content is not what <see cref="DiffId"/> names.</summary>
    /// <exception cref="ImageException">The blob is missing or damaged.</exception>
    public Task<Stream> OpenAsync(CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <inheritdoc cref="OpenAsync"/>
    internal Stream OpenTar() => throw new NotImplementedException();

    /// <summary>Reads the entries; closing the reader closes all.</summary>
    /// <remarks>To have the whole archive verified, call <see cref="LayerReader.MoveNext"/> until it says no.</remarks>
    internal LayerReader OpenReader() => throw new NotImplementedException();
}

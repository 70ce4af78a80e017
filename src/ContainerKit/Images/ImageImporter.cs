using ContainerKit.Content;
using ContainerKit.Images.Editing;
using ContainerKit.Layers.Trees;

namespace ContainerKit.Images;

/// <summary>Makes an image of a root file system's tar in one pass: it is decompressed, walked, hashed and stored while it is read.</summary>
internal static class ImageImporter
{
    /// <summary>Imports.</summary>
    /// <param name="catalog">The store.</param>
    /// <param name="archive">The tar, maybe compressed.</param>
    /// <param name="reference">The image's name.</param>
    /// <param name="progress">Told how many bytes of <paramref name="archive"/> have been read.</param>
    /// <param name="cancellationToken">Gives up; nothing becomes visible.</param>
    public static Image Import(ImageCatalog catalog, Stream archive, ImageReference reference, Action<long>? progress, CancellationToken cancellationToken)
    {
        using var lease = catalog.Lease(cancellationToken);
        var source = new WatchedStream(archive, progress, cancellationToken, leaveOpen: true);
        var newest = default(UnixTime);
        var layer = new TarLayer(
            catalog,
            lease,
            () => new LayerTree(catalog.Limits),
            time => newest = time ?? throw new ImageException("The archive is empty: there is no root file system in it."),
            cancellationToken).Add(source);

        // The image is as old as its newest file, so that importing the same archive again gives the same image.
        var created = newest.ToDateTimeOffset();
        var config = new ImageConfig
        {
            Created = created,
            History = [new ImageHistory { Created = created, CreatedBy = "ContainerKit import", Comment = "imported from a root file system" }],
        };
        return catalog.CreateImage(lease, config, [layer], reference, cancellationToken);
    }
}

using ContainerKit.Images.Editing;
using ContainerKit.Layers.Trees;

namespace ContainerKit;

// Looking into images: nothing is unpacked, and nothing of it needs Linux.
public sealed partial class ImageStore
{
    /// <summary>
    /// Reads the layers of an image and shows the files that they make together, on any system and without privilege. What is in memory
    /// grows with the number of files, and not with what is in them.
    /// </summary>
    /// <param name="image">An image of this store.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ImageException">A layer is missing or damaged, or what the layers make is larger than <see cref="ContainerHostOptions.LayerLimits"/> allow.</exception>
    public Task<ImageFiles> OpenFilesAsync(Image image, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Take($"read the files of '{image.Reference}'", () =>
        {
            using var lease = Catalog.Lease(cancellationToken);
            var tree = new LayerTree(Catalog.Limits);
            TreeReader.Apply(tree, image.Layers, hashes: true, cancellationToken);
            return new ImageFiles(tree.Root);
        }, cancellationToken);
    }
}

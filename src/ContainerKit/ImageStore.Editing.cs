using ContainerKit.Content;
using ContainerKit.Images.Archives;
using ContainerKit.Images.Editing;

namespace ContainerKit;

// Images made of images: nothing is run, nothing is unpacked, and what an edit does not touch keeps its digest.
public sealed partial class ImageStore
{
    /// <summary>Makes one layer of an image's layers. Files that a higher layer replaced or removed are in it no more.</summary>
    /// <param name="image">The image, which stays.</param>
    /// <param name="reference">The new image's name.</param>
    /// <param name="keep">An image that the other stands on, whose layers stay as they are; null to squash all.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="cancellationToken">Gives up; no image appears.</param>
    /// <returns>
    /// An image with the same tree and the same config. Its history tells the same steps, and that they make one layer. Trees that are
    /// the same give the same layer, whatever layers they were made of.
    /// </returns>
    /// <exception cref="ImageException">It does not stand on <paramref name="keep"/>, or a layer is missing or damaged.</exception>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    public Task<Image> SquashAsync(
        Image image, string reference, Image? keep = null, ImageEditOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        var name = NameOf(reference);
        return Take($"squash '{image.Reference}'", () => Editor(options, cancellationToken).Squash(image, name, keep), cancellationToken);
    }

    /// <summary>Puts the layers of an image that lie on one base onto another: a new release of the base, without building anything anew.</summary>
    /// <param name="image">The image, which stays.</param>
    /// <param name="oldBase">What it stands on: its lowest layers are this image's.</param>
    /// <param name="newBase">What it is to stand on.</param>
    /// <param name="reference">The new image's name.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="cancellationToken">Gives up; no image appears.</param>
    /// <returns>An image with the upper layers as they are, their digests and histories included, and the config of <paramref name="image"/>.</returns>
    /// <remarks>Whether the upper layers' programs work with the new base's libraries, nobody checks: bases should be releases of one system.</remarks>
    /// <exception cref="ImageException">It does not stand on <paramref name="oldBase"/>, or the new base is for another platform.</exception>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    public Task<Image> RebaseAsync(
        Image image, Image oldBase, Image newBase, string reference, ImageEditOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(oldBase);
        ArgumentNullException.ThrowIfNull(newBase);
        var name = NameOf(reference);
        return Take($"rebase '{image.Reference}'", () => Editor(options, cancellationToken).Rebase(image, oldBase, newBase, name), cancellationToken);
    }

    /// <summary>Adds a tar to an image as one more layer. Whiteouts in it take away what lower layers have.</summary>
    /// <param name="image">The image, which stays.</param>
    /// <param name="archive">The tar's file: plain, or compressed with gzip, zstd, xz or bzip2. With gzip and zstd it is kept byte for byte.</param>
    /// <param name="reference">The new image's name.</param>
    /// <param name="options">When it counts as made; the files keep their own times.</param>
    /// <param name="progress">Told how many bytes of the archive have been read.</param>
    /// <param name="cancellationToken">Gives up; no image appears.</param>
    /// <remarks>Files of the host are added by <see cref="ContainerHost.BuildFrom(Image)"/>, which makes an archive of them.</remarks>
    /// <exception cref="ImageException">The archive cannot be read, is damaged, or is refused.</exception>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    public Task<Image> AppendAsync(
        Image image,
        string archive,
        string reference,
        ImageEditOptions? options = null,
        IProgress<ImageProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentException.ThrowIfNullOrEmpty(archive);
        var name = NameOf(reference);
        return Take($"append '{archive}' to '{image.Reference}'", () =>
        {
            using var file = new FileStream(archive, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1);
            using var watched = new WatchedStream(file, Reporter(progress, Path.GetFileName(archive), file), cancellationToken, leaveOpen: true);
            return Editor(options, cancellationToken).Append(image, watched, name);
        }, cancellationToken);
    }

    /// <summary>Tells an image in OCI's words or in Docker's, or compresses its layers otherwise.</summary>
    /// <param name="image">The image, which stays.</param>
    /// <param name="reference">The name of the result.</param>
    /// <param name="conversion">What is to change.</param>
    /// <param name="cancellationToken">Gives up; no image appears.</param>
    /// <returns>An image with the same config, byte for byte, and the same diff IDs; where nothing changes, the same digest.</returns>
    /// <remarks>Docker's words are for registries and clients that know no others. Some tools, skopeo among them, find no such image in an OCI layout.</remarks>
    /// <exception cref="ImageException">Docker's schema 2 has no word for a layer's compression, or a layer is missing or damaged.</exception>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    public Task<Image> ConvertAsync(Image image, string reference, ImageConversion conversion, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(conversion);
        var name = NameOf(reference);
        return Take($"convert '{image.Reference}'", () =>
        {
            using var lease = Catalog.Lease(cancellationToken);
            return Catalog.Publish(lease, new ImageConverter(Catalog, cancellationToken).Convert(lease, image, conversion), name, cancellationToken);
        }, cancellationToken);
    }

    /// <summary>Writes an image in an OCI format, told in other words or compressed otherwise. The image in the store stays as it is.</summary>
    /// <inheritdoc cref="SaveAsync(Image, string, ImageArchiveFormat, IProgress{ImageProgress}?, CancellationToken)"/>
    /// <param name="image">An image of this store.</param>
    /// <param name="path">The file, which is replaced if it exists, or the directory, which must not exist or be empty.</param>
    /// <param name="format">What is written; a docker archive always holds plain layers, and takes no conversion.</param>
    /// <param name="conversion">What is to change.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellationToken">Gives up; nothing appears.</param>
    public Task SaveAsync(
        Image image, string path, ImageArchiveFormat format, ImageConversion conversion, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(conversion);
        if (format == ImageArchiveFormat.Docker && conversion != new ImageConversion())
        {
            throw new ArgumentException("A docker archive has no manifest of its own, and its layers are plain: nothing in it can be converted.", nameof(conversion));
        }

        return Take($"save '{image.Reference}' to '{path}'", () =>
        {
            using (var lease = Catalog.Lease(cancellationToken))
            {
                var converted = new ImageConverter(Catalog, cancellationToken).Convert(lease, image, conversion);
                Save(new ImageSaver(Catalog.Read(converted, image.Reference), Catalog.Blobs, progress, cancellationToken), path, format);
            }

            // What was made for the archive alone is nobody's now.
            Catalog.Sweep();
            return true;
        }, cancellationToken);
    }

    private ImageEditor Editor(ImageEditOptions? options, CancellationToken cancellationToken) => new(Catalog, options ?? ImageEditOptions.Default, cancellationToken);
}

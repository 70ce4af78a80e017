using ContainerKit.Images;

namespace ContainerKit;

/// <summary>The images of a host: found, imported, loaded, saved, named and removed. It lies on disk as an OCI image layout.</summary>
public sealed class ImageStore
{
    internal ImageStore(ImageCatalog catalog) => Catalog = catalog;

    /// <summary>The same store, synchronous, for the rooms that build on it.</summary>
    internal ImageCatalog Catalog { get; }

    /// <summary>Makes an image of a root file system's tar: plain, or compressed with gzip, zstd, xz or bzip2, which its content tells.</summary>
    /// <exception cref="ImageException">The archive cannot be read, is damaged, or is refused.</exception>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    public Task<Image> ImportAsync(string path, string reference, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <inheritdoc cref="ImportAsync(string, string, IProgress{ImageProgress}?, CancellationToken)"/>
    public Task<Image> ImportAsync(Stream archive, string reference, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <summary>Loads one image from an OCI archive, an OCI layout directory or a docker-archive; its content tells which.</summary>
    /// <param name="path">The file or directory.</param>
    /// <param name="reference">Which image, when there are several; the name to give, when there is one without a name.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellationToken">Gives up; nothing becomes visible.</param>
    /// <exception cref="ImageException">There are several and none was picked, or the archive cannot be read, is damaged, or is refused.</exception>
    public Task<Image> LoadAsync(string path, string? reference = null, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <summary>Loads every image from an OCI archive, an OCI layout directory or a docker-archive; its content tells which.</summary>
    public Task<IReadOnlyList<Image>> LoadAllAsync(string path, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <summary>Writes an image to a file or directory, which appears whole or not at all. The same image gives the same bytes.</summary>
    public Task SaveAsync(Image image, string path, ImageArchiveFormat format = ImageArchiveFormat.Oci, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <summary>Finds an image by name, by digest, or by the beginning of one (6 digits at least).</summary>
    /// <returns>Null when there is none.</returns>
    public Task<Image?> FindAsync(string reference, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Every image, in the order of their names; one without a name comes last.</summary>
    public IAsyncEnumerable<Image> ListAsync(CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Gives an image a further name. Another image that had it keeps only its digest.</summary>
    public Task<Image> TagAsync(Image image, string reference, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Takes a name away, and the image with it when that was its last; blobs that nobody refers to are swept.</summary>
    /// <exception cref="ImageException">There is no such image.</exception>
    public Task RemoveAsync(string reference, CancellationToken cancellationToken = default) => throw new NotImplementedException();
}

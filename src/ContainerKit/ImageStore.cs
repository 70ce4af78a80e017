using System.Runtime.CompilerServices;
using ContainerKit.Content;
using ContainerKit.Images;
using ContainerKit.Images.Archives;
using ContainerKit.Linux;
using ContainerKit.Registry;

namespace ContainerKit;

/// <summary>The images of a host: found, imported, loaded, saved, named and removed. It lies on disk as an OCI image layout.</summary>
/// <remarks>
/// Any number of tasks and processes may use one store at once. What is reported done is there; what was interrupted leaves nothing
/// that can be seen. Work is done off the caller's thread. An operation that the disk fails (full, forbidden) is an
/// <see cref="ImageException"/> like one that the image fails.
/// </remarks>
public sealed partial class ImageStore
{
    private readonly RegistryClient _registry;

    internal ImageStore(ImageCatalog catalog, RegistryClient? registry = null)
    {
        Catalog = catalog;
        _registry = registry ?? new RegistryClient();
    }

    /// <summary>The same store, synchronous, for the rooms that build on it.</summary>
    internal ImageCatalog Catalog { get; }

    /// <summary>Makes an image of a root file system's tar: plain, or compressed with gzip, zstd, xz or bzip2, which its content tells.</summary>
    /// <param name="path">The archive.</param>
    /// <param name="reference">The image's name.</param>
    /// <param name="progress">Told how many bytes of the archive have been read.</param>
    /// <param name="cancellationToken">Gives up; nothing becomes visible.</param>
    /// <returns>An image of one layer, without a command, for this machine's architecture. The same archive gives the same image.</returns>
    /// <exception cref="ImageException">The archive cannot be read, is damaged, or is refused.</exception>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    public Task<Image> ImportAsync(string path, string reference, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var name = NameOf(reference);
        return Take($"import '{path}'", () =>
        {
            if (Directory.Exists(path))
            {
                throw new ImageException("It is a directory, and an archive is a file.") { Hint = $"Pack it with 'tar -C {path} -cf ROOTFS.tar .' first." };
            }

            using var archive = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1);
            return ImageImporter.Import(Catalog, archive, name, Reporter(progress, Path.GetFileName(path), archive), cancellationToken);
        }, cancellationToken);
    }

    /// <inheritdoc cref="ImportAsync(string, string, IProgress{ImageProgress}?, CancellationToken)"/>
    /// <param name="archive">The archive; it is read from where it stands to its end, and stays open.</param>
    /// <param name="reference">The image's name.</param>
    /// <param name="progress">Told how many bytes of the archive have been read.</param>
    /// <param name="cancellationToken">Gives up; nothing becomes visible.</param>
    public Task<Image> ImportAsync(Stream archive, string reference, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(archive);
        var name = NameOf(reference);
        return Take(
            $"import '{name}'",
            () => ImageImporter.Import(Catalog, archive, name, Reporter(progress, name.ToString(), archive), cancellationToken),
            cancellationToken);
    }

    /// <summary>Loads one image from an OCI archive, an OCI layout directory or a docker-archive; its content tells which.</summary>
    /// <param name="path">The file or directory.</param>
    /// <param name="reference">Which image, when there are several; the name to give, when there is one without a name.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellationToken">Gives up; nothing becomes visible.</param>
    /// <returns>The image under the first of its names; it gets all of them, unless <paramref name="reference"/> picked one.</returns>
    /// <exception cref="ImageException">There are several and none was picked, or the archive cannot be read, is damaged, or is refused.</exception>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    public Task<Image> LoadAsync(string path, string? reference = null, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default) =>
        LoadAsync(path, new LoadOptions(), reference, progress, cancellationToken);

    /// <inheritdoc cref="LoadAsync(string, string?, IProgress{ImageProgress}?, CancellationToken)"/>
    /// <param name="path">The file or directory.</param>
    /// <param name="options">What is taken.</param>
    /// <param name="reference">Which image, when there are several; the name to give, when there is one without a name.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellationToken">Gives up; nothing becomes visible.</param>
    public Task<Image> LoadAsync(string path, LoadOptions options, string? reference = null, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(options);
        var wanted = reference is null ? null : NameOf(reference);
        return Take($"load '{path}'", () => ImageLoader.LoadOne(Catalog, path, wanted, options, progress, cancellationToken), cancellationToken);
    }

    /// <summary>Loads every image from an OCI archive, an OCI layout directory or a docker-archive; its content tells which.</summary>
    /// <param name="path">The file or directory.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellationToken">Gives up; images that were complete by then stay.</param>
    /// <returns>One image for each name, and one for each image without a name.</returns>
    /// <exception cref="ImageException">The archive cannot be read, is damaged, or is refused.</exception>
    public Task<IReadOnlyList<Image>> LoadAllAsync(string path, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default) =>
        LoadAllAsync(path, new LoadOptions(), progress, cancellationToken);

    /// <inheritdoc cref="LoadAllAsync(string, IProgress{ImageProgress}?, CancellationToken)"/>
    /// <param name="path">The file or directory.</param>
    /// <param name="options">What is taken.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellationToken">Gives up; images that were complete by then stay.</param>
    public Task<IReadOnlyList<Image>> LoadAllAsync(string path, LoadOptions options, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(options);
        return Take($"load '{path}'", () => ImageLoader.LoadAll(Catalog, path, options, progress, cancellationToken), cancellationToken);
    }

    /// <summary>Writes an image to a file or directory, which appears whole or not at all. The same image gives the same bytes.</summary>
    /// <param name="image">An image of this store.</param>
    /// <param name="path">The file, which is replaced if it exists, or the directory, which must not exist or be empty.</param>
    /// <param name="format">What is written.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellationToken">Gives up; nothing appears.</param>
    /// <exception cref="ImageException">A part of the image is missing or damaged, or the file cannot be written.</exception>
    public Task SaveAsync(
        Image image, string path, ImageArchiveFormat format = ImageArchiveFormat.Oci, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default) =>
        SaveAsync(image, path, format, new SaveOptions(), progress, cancellationToken);

    /// <inheritdoc cref="SaveAsync(Image, string, ImageArchiveFormat, IProgress{ImageProgress}?, CancellationToken)"/>
    /// <param name="image">An image of this store.</param>
    /// <param name="path">The file, which is replaced if it exists, or the directory, which must not exist or be empty.</param>
    /// <param name="format">What is written; a docker archive has no place for several platforms.</param>
    /// <param name="options">How much of it.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellationToken">Gives up; nothing appears.</param>
    public Task SaveAsync(
        Image image, string path, ImageArchiveFormat format, SaveOptions options, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(options);
        if (options.AllPlatforms && format == ImageArchiveFormat.Docker)
        {
            throw new ArgumentException("A docker archive has no place for the images of several platforms.", nameof(options));
        }

        return Take($"save '{image.Reference}' to '{path}'", () =>
        {
            using var lease = Catalog.Lease(cancellationToken);
            var index = !options.AllPlatforms ? null : image.Index ?? throw new ImageException("The store has it for one platform only.") { Hint = "Pull or load it with AllPlatforms (ckit: --all-platforms) first." };
            Save(new ImageSaver(image, Catalog.Blobs, progress, cancellationToken) { Index = index }, path, format);
            return true;
        }, cancellationToken);
    }

    /// <summary>
    /// Fetches an image from its registry. What the store has already is not fetched again, what an earlier attempt left of a blob is gone
    /// on with, and a blob that several tasks or processes want is fetched once.
    /// </summary>
    /// <param name="reference">The image's name with a tag or a digest, such as <c>debian:12</c> or <c>registry.example/app@sha256:…</c>.</param>
    /// <param name="options">For which platforms; null: for this machine's.</param>
    /// <param name="progress">Told about each blob how many of its bytes are here.</param>
    /// <param name="cancellationToken">Gives up; no image becomes visible, and what has arrived is kept for a day.</param>
    /// <returns>The image under its name.</returns>
    /// <exception cref="RegistryException">The registry has no such image, does not give it, or cannot be reached.</exception>
    /// <exception cref="ImageException">What the registry gave is damaged or refused, there is none for the platform, or the store cannot hold it.</exception>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    public Task<Image> PullAsync(string reference, PullOptions? options = null, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var name = NameOf(reference);
        var puller = new ImagePuller(_registry.Transport, Catalog, options ?? new PullOptions(), progress);
        return Transfer($"pull '{name}'", () => ToldOperation.TellAsync(ToldOperation.Pull, name.ToString(), driver: null, () => puller.PullAsync(name, cancellationToken)), cancellationToken);
    }

    /// <summary>
    /// Sends an image to a registry, as it lies here: its digest there is the same. What the registry has already is not sent again, and
    /// the name appears when all of it is there.
    /// </summary>
    /// <param name="image">An image of this store.</param>
    /// <param name="reference">Its name there; the store need not know it by that.</param>
    /// <param name="options">What is sent; null: the image alone.</param>
    /// <param name="progress">Told about each blob how many of its bytes are there.</param>
    /// <param name="cancellationToken">Gives up; no image becomes visible there.</param>
    /// <exception cref="RegistryException">The registry does not take it, or cannot be reached.</exception>
    /// <exception cref="ImageException">A part of the image is missing or damaged.</exception>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    public Task PushAsync(Image image, string reference, PushOptions? options = null, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        var name = NameOf(reference);
        return Transfer($"push '{name}'", async () =>
        {
            await new ImagePusher(_registry.Transport, Catalog, name, options ?? new PushOptions(), progress).PushAsync(image, cancellationToken).ConfigureAwait(false);
            return true;
        }, cancellationToken);
    }

    /// <summary>Finds an image by name, by digest (of the image, or of its config: docker's image ID), or by the beginning of one (6 digits at least).</summary>
    /// <returns>Null when there is none.</returns>
    /// <exception cref="ImageException">It is there, but damaged; or several digests begin so.</exception>
    public Task<Image?> FindAsync(string reference, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(reference);
        return Work($"look for '{reference}'", () => Catalog.Find(reference), cancellationToken);
    }

    /// <summary>Every image, in the order of their names, once for each name; those without one come last.</summary>
    /// <exception cref="ImageException">One of them is damaged.</exception>
    public async IAsyncEnumerable<Image> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var entry in await Work("list the images", Catalog.Entries, cancellationToken).ConfigureAwait(false))
        {
            // Whoever removes an image while others are listed must not make the listing fail.
            if (await Work("list the images", () => Catalog.TryRead(entry), cancellationToken).ConfigureAwait(false) is { } image)
            {
                yield return image;
            }
        }
    }

    /// <summary>Gives an image a further name. Another image that had it keeps only its digest.</summary>
    /// <returns>The image under its new name.</returns>
    /// <exception cref="ImageException">The image is no longer in the store.</exception>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    public Task<Image> TagAsync(Image image, string reference, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        var name = NameOf(reference);
        return Work($"tag '{image.Reference}' as '{name}'", () =>
        {
            using var lease = Catalog.Lease(cancellationToken);
            return Catalog.Publish(lease, image.Index ?? image.Manifest, name, cancellationToken);
        }, cancellationToken);
    }

    /// <summary>Keeps an image from being removed, with its blobs and its unpacked layers, until the lease is disposed of or this process ends.</summary>
    /// <param name="image">An image of this store.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The lease. Any number of tasks and processes may hold one on the same image.</returns>
    /// <remarks>
    /// <see cref="RemoveAsync"/> takes a held image's last name away and leaves the image without one, to be found by its digest; when the lease is over,
    /// <see cref="PruneAsync"/> removes it.
    /// </remarks>
    /// <exception cref="ImageException">The image is no longer in the store.</exception>
    public Task<ImageLease> LeaseAsync(Image image, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Work($"hold '{image.Reference}'", () => Catalog.Hold(image, cancellationToken), cancellationToken);
    }

    /// <summary>
    /// Takes a name away, and the image with its last one. What no image refers to any more is swept at once, or later when other
    /// tasks or processes are adding or reading just now. A digest, or its beginning, removes an image that has one name or none.
    /// </summary>
    /// <exception cref="ImageException">There is no such image, a container stands on it, or a digest was given and it has several names.</exception>
    public Task RemoveAsync(string reference, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(reference);
        return Work($"remove '{reference}'", () =>
        {
            Catalog.Remove(reference, cancellationToken);
            return true;
        }, cancellationToken);
    }

    /// <summary>
    /// Removes the images that have no name, that no container stands on, and that nobody holds (<see cref="LeaseAsync"/>). What they were made of is swept at once, or later when other
    /// tasks or processes are adding or reading just now.
    /// </summary>
    /// <returns>How many bytes became free at once.</returns>
    public Task<long> PruneAsync(CancellationToken cancellationToken = default) =>
        Work("remove the images without a name", () => Catalog.Prune(cancellationToken), cancellationToken);

    // All that is written on the way is the archive, which may lie on another file system than the store.
    private static void Save(ImageSaver saver, string path, ImageArchiveFormat format)
    {
        try
        {
            saver.Save(path, format);
        }
        catch (IOException e) when (FullDisk.IsCause(e))
        {
            var (reason, hint) = FullDisk.Describe(e, path);
            throw new ImageException(WithCause(reason, e), e) { Hint = hint };
        }
    }

    private static ImageReference NameOf(string reference) => ImageReference.Parse(reference) is { HasName: true } name
        ? name
        : throw new FormatException($"'{reference}' is a digest, and not a name.");

    private static Action<long> Reporter(IProgress<ImageProgress>? progress, string item, Stream stream) =>
        new ProgressReporter(progress, ImagePhase.Reading, item, stream.CanSeek ? stream.Length : null).Report;

    private Task<T> Transfer<T>(string attempt, Func<Task<T>> work, CancellationToken cancellationToken) => Task.Run(
        async () =>
        {
            try
            {
                return await work().ConfigureAwait(false);
            }
            catch (RegistryException e)
            {
                throw new RegistryException($"Cannot {attempt}: {e.Message}", e) { Hint = e.Hint, IsTransient = e.IsTransient, StatusCode = e.StatusCode };
            }
            catch (ImageException e)
            {
                throw new ImageException($"Cannot {attempt}: {e.Message}", e) { Hint = e.Hint };
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Failed(attempt, e, Catalog.Blobs.Root);
            }
        },
        cancellationToken);

    private Task<T> Work<T>(string attempt, Func<T> work, CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            try
            {
                return work();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Failed(attempt, e, Catalog.Blobs.Root);
            }
        },
        cancellationToken);

    /// <param name="attempt">What was tried, which completes "Cannot …".</param>
    /// <param name="failure">What the system said.</param>
    /// <param name="path">Where: on the file system that may be full.</param>
    private static ImageException Failed(string attempt, Exception failure, string path)
    {
        if (!FullDisk.IsCause(failure))
        {
            return new ImageException($"Cannot {attempt}: {failure.Message}", failure);
        }

        var (reason, hint) = FullDisk.Describe(failure, path);
        return new ImageException($"Cannot {attempt}: {WithCause(reason, failure)}", failure) { Hint = hint };
    }

    private static string WithCause(string reason, Exception failure) =>
        $"{reason.TrimEnd('.')} ({(failure.HResult == Errno.EDQUOT ? "Disk quota exceeded" : "No space left on device")}).";

    // What an archive is refused for is said by code that knows nothing of its name.
    private Task<T> Take<T>(string attempt, Func<T> work, CancellationToken cancellationToken) => Work(
        attempt,
        () =>
        {
            try
            {
                return work();
            }
            catch (ImageException e)
            {
                throw new ImageException($"Cannot {attempt}: {e.Message}", e) { Hint = e.Hint };
            }
        },
        cancellationToken);
}

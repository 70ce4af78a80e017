using System.Runtime.CompilerServices;
using ContainerKit.Containers;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Hosts;
using ContainerKit.Containers.Inspection;
using ContainerKit.Containers.Layering;
using ContainerKit.Content;
using ContainerKit.Images;
using ContainerKit.Images.Editing;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;
using ContainerKit.Layers.Trees;
using ContainerKit.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContainerKit;

/// <summary>
/// The door to everything: a store of images and containers, and the means of this host to run them. Several may be open on one
/// store at once, in one process or many. Thread-safe.
/// </summary>
public sealed class ContainerHost : IAsyncDisposable
{
    private readonly StoreLayout _store;
    private readonly SnapshotStore? _snapshots;
    private readonly ContainerCatalog? _containers;
    private volatile bool _isDisposed;
    private readonly ContainerGauges? _gauges;

    private ContainerHost(ContainerHostOptions options, StoreLayout store, HostIdentity? identity)
    {
        _store = store;
        var isDurable = options.Durability == Durability.PowerLoss;
        Registry = new RegistryClient(options.Registry, options.LoggerFactory);
        Images = new ImageStore(new ImageCatalog(_store.Images, options.LayerLimits, isDurable, UsedImages, options.LoggerFactory?.CreateLogger("ContainerKit.Images")), Registry);
        if (!OperatingSystem.IsLinux() || identity is null)
        {
            Images.Catalog.SweepLeftOvers();
            return;
        }

        ILogger logger = options.LoggerFactory?.CreateLogger("ContainerKit") ?? NullLogger.Instance;
        Directory.CreateDirectory(_store.Snapshots);
        var drivers = StorageDrivers.Choose(_store.Snapshots, options.StorageDriver, options.ExtraStorageDrivers);
        _snapshots = SnapshotStore.Open(_store.Snapshots, drivers.Driver, identity.Snapshots);
        var unpacker = new Unpacker(_snapshots, _store, Unpacker.VariantOf(identity.Snapshots.UserAttributes, identity.Snapshots.IdMap), logger);
        var cgroups = CgroupManager.Open(Path.Combine(_store.Root, "cgroups"));
        _containers = new ContainerCatalog(_store, Images, _snapshots, unpacker, identity, new IsolationEngine(_store.Root), cgroups, logger);
        logger.Opened(_store.Root, drivers.Driver.Name, identity.Mode);
        foreach (var better in drivers.NotTaken)
        {
            logger.DriverNotTaken(better.Name, better.WhyUnsupported ?? "");
        }

        _containers.Sweep();
        _gauges = new ContainerGauges(_containers);
        Images.Catalog.SweepLeftOvers();
    }

    /// <summary>The images.</summary>
    public ImageStore Images { get; }

    /// <summary>What can be asked of registries beyond fetching and sending images, with the host's options. It is disposed with the host.</summary>
    public RegistryClient Registry { get; }

    /// <summary>The networks that containers can share.</summary>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    public NetworkStore Networks => OperatingSystem.IsLinux() ? new NetworkStore(Containers.Networks) : throw NotLinux();

    /// <summary>The volumes: directories that outlive the containers that see them.</summary>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    public VolumeStore Volumes => OperatingSystem.IsLinux() ? new VolumeStore(Containers) : throw NotLinux();

    /// <summary>The directory that everything lies in.</summary>
    public string StoreDirectory => _store.Root;

    /// <summary>The name of the storage driver that is used.</summary>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    public string StorageDriver => OperatingSystem.IsLinux() ? Containers.Snapshots.Driver.Name : throw NotLinux();

    internal ContainerCatalog Containers
    {
        get
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return _containers ?? throw NotLinux();
        }
    }

    /// <summary>Opens the store, makes it when it is not there, and clears away what processes that are gone left behind.</summary>
    /// <exception cref="StorageException">The store cannot be opened, belongs to someone else, or is open to others.</exception>
    /// <exception cref="HostCapabilityException">This host lacks what the options ask for.</exception>
    public static Task<ContainerHost> OpenAsync(ContainerHostOptions? options = null, CancellationToken cancellationToken = default) =>
        Task.Run(() => Open(options ?? new ContainerHostOptions(), cancellationToken), cancellationToken);

    /// <summary>
    /// In what one tree of files differs from another: images, layers and containers, each with each. Nothing is unpacked: layers are
    /// read as they lie, those that both stand on once. What is in memory grows with the number of files, and not with what is in them.
    /// </summary>
    /// <param name="before">What it was.</param>
    /// <param name="after">What it is now. A running container is paused while its own layer is read.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// The differences in path order, told as <see cref="ContainerKit.Container.DiffAsync"/> tells them, with <see cref="FileMetadata.Digest"/>, and with
    /// the contents for the asking: <see cref="FileChange.OpenBeforeAsync"/>, <see cref="FileChange.OpenAfterAsync"/>.
    /// </returns>
    /// <exception cref="ImageException">A layer is missing or damaged, or what the layers make is larger than <see cref="ContainerHostOptions.LayerLimits"/> allow.</exception>
    /// <exception cref="StorageException">A container runs in another process.</exception>
    public async IAsyncEnumerable<FileChange> DiffAsync(IFileTree before, IFileTree after, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        foreach (var change in await Task.Run(() => Compare(before, after, cancellationToken), cancellationToken).ConfigureAwait(false))
        {
            yield return change;
        }
    }

    /// <summary>Begins the description of a container of an image in hand.</summary>
    public ContainerBuilder Container(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return new ContainerBuilder(this, image, new ContainerOptions());
    }

    /// <summary>Begins the description of a container of an image in the store; it is looked up when the container is made.</summary>
    /// <param name="image">A name such as <c>debian:12</c>, or a digest.</param>
    public ContainerBuilder Container(string image)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(image);
        return new ContainerBuilder(this, new ImageSource.Named(image), new ContainerOptions());
    }

    /// <summary>Begins the description of an image on top of another.</summary>
    public ImageBuilder BuildFrom(string image)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(image);
        return new ImageBuilder(this, new ImageSource.Named(image));
    }

    /// <inheritdoc cref="BuildFrom(string)"/>
    public ImageBuilder BuildFrom(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return new ImageBuilder(this, image);
    }

    /// <summary>Begins the description of an image that stands on nothing.</summary>
    public ImageBuilder BuildFromScratch() => new(this, null);

    /// <summary>Finds a container by its name, its id, or the beginning of its id.</summary>
    /// <returns>Null when there is none.</returns>
    /// <exception cref="StorageException">Several ids begin so.</exception>
    public Task<Container?> FindContainerAsync(string nameOrId, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(nameOrId);
        return Task.Run(() => OperatingSystem.IsLinux() ? Containers.Find(nameOrId) : throw NotLinux(), cancellationToken);
    }

    /// <summary>The named containers of the store, the oldest first.</summary>
    public async IAsyncEnumerable<Container> ListContainersAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var container in await Task.Run(() => OperatingSystem.IsLinux() ? Containers.List().ToArray() : throw NotLinux(), cancellationToken).ConfigureAwait(false))
        {
            yield return container;
        }
    }

    /// <summary>
    /// Tells what happens to the named containers of the store, by whichever process, from the moment at which the enumeration begins. A run that
    /// is over before it could be seen is told all the same, with the limits of memory that it met, but not those of processes. What is removed before it could be seen
    /// is told as made and removed. A pause is noticed within a second, and a shorter one may go unnoticed.
    /// </summary>
    /// <param name="cancellationToken">Ends it; nothing else does.</param>
    public IAsyncEnumerable<ContainerEvent> WatchContainersAsync(CancellationToken cancellationToken = default) =>
        OperatingSystem.IsLinux() ? Containers.WatchAsync(cancellationToken) : throw NotLinux();

    /// <summary>Removes the snapshots of layers that no image and no container needs any more.</summary>
    public Task PruneAsync(CancellationToken cancellationToken = default) => Task.Run(() => Prune(cancellationToken), cancellationToken);

    /// <summary>
    /// Reads everything in the store (every blob of every image by its digest and size; snapshots, file by file, against the layers that they were
    /// unpacked from; what is written down about images, snapshots and containers) and says what is not as it should be. It changes nothing, and
    /// takes as long as reading all that takes.
    /// </summary>
    /// <exception cref="StorageException">The store itself cannot be read.</exception>
    public Task<StoreCheck> CheckAsync(CancellationToken cancellationToken = default) =>
        Task.Run(
            () =>
            {
                var inspection = new StoreInspection(Images.Catalog, _containers, cancellationToken);
                inspection.Run();
                return inspection.Result();
            },
            cancellationToken);

    /// <summary>
    /// Reads everything as <see cref="CheckAsync"/> does, and puts right what can be: damaged or lost blobs are fetched again, and no others, from where
    /// they came from or were sent to; damaged snapshots are unpacked again; a lost list of images is replaced by its copy. A snapshot that a container
    /// stands on is not taken from under it.
    /// </summary>
    /// <param name="options">Where else blobs may be had; null: nowhere.</param>
    /// <param name="progress">Told about each blob how many of its bytes are here.</param>
    /// <param name="cancellationToken">Gives up; the store is no worse then. The same holds for a process that is killed.</param>
    /// <returns>What was found, what was put right, and what was not, with the reason and what helps.</returns>
    /// <remarks>Others may pull, run and remove meanwhile. Of several who repair one store, one does, and the others find it done.</remarks>
    /// <exception cref="StorageException">The store itself cannot be read.</exception>
    public Task<StoreRepair> RepairAsync(RepairOptions? options = null, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Task.Run(
            async () =>
            {
                try
                {
                    return await new StoreRepairer(_store, Images.Catalog, Registry.Transport, _containers, options ?? new RepairOptions(), progress, cancellationToken).RunAsync().ConfigureAwait(false);
                }
                catch (IOException e) when (FullDisk.IsCause(e))
                {
                    throw FullDisk.ToStorage(e, $"repair the store '{_store.Root}'", _store.Root);
                }
            },
            cancellationToken);

    /// <summary>What the store takes on its disk, and for what. It reads no file's content, and every directory.</summary>
    /// <exception cref="ImageException">The list of images cannot be read.</exception>
    /// <exception cref="StorageException">The store cannot be read.</exception>
    public Task<DiskUsage> GetDiskUsageAsync(CancellationToken cancellationToken = default) =>
        Task.Run(() => new UsageReport(_store, Images.Catalog, _containers, cancellationToken).Make(), cancellationToken);

    /// <summary>What this host can do for containers, and what to do about the rest.</summary>
    public Task<HostReport> ReportAsync(CancellationToken cancellationToken = default) => Task.Run(() => HostProbes.Report(_store.Root), cancellationToken);

    /// <summary>Closes the host. Containers that run go on until they are disposed of themselves.</summary>
    public ValueTask DisposeAsync()
    {
        _isDisposed = true;
        Registry.Dispose();
        if (OperatingSystem.IsLinux())
        {
            _gauges?.Dispose();
            _snapshots?.Dispose();
            _containers?.ExecGroups.Dispose();
            _containers?.Identity.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private static ContainerHost Open(ContainerHostOptions options, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var directory = options.StoreDirectory ?? StoreLayout.Default;
        try
        {
            return Open(options, StoreLayout.Open(directory));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw FullDisk.IsCause(e)
                ? FullDisk.ToStorage(e, $"open the store '{directory}'", directory)
                : new StorageException($"Cannot open the store '{directory}': {e.Message}", e);
        }
    }

    private static ContainerHost Open(ContainerHostOptions options, StoreLayout store)
    {
        if (!OperatingSystem.IsLinux())
        {
            return new ContainerHost(options, store, null);
        }

        var identity = HostIdentity.Choose(options.UserNamespace, options.Durability == Durability.PowerLoss, store.Root);
        try
        {
            return new ContainerHost(options, store, identity);
        }
        catch
        {
            identity.Dispose();
            throw;
        }
    }

    private static PlatformNotSupportedException NotLinux() =>
        LinuxOnly.Refusal("Containers are made and run");

    private IReadOnlyList<FileChange> Compare(IFileTree before, IFileTree after, CancellationToken cancellationToken)
    {
        using var lease = Images.Catalog.Lease(cancellationToken);
        var (then, now) = TreeReader.ReadBoth(before, after, Images.Catalog.Limits, cancellationToken);
        return TreeChanges.Between(then, now, cancellationToken);
    }

    private IEnumerable<Digest> UsedImages() => OperatingSystem.IsLinux() && _containers is { } containers ? containers.UsedImages() : [];

    private void Prune(CancellationToken cancellationToken)
    {
        if (OperatingSystem.IsLinux())
        {
            Containers.Prune(cancellationToken);
        }
    }
}

using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using ContainerKit.Containers.Hosts;
using ContainerKit.Containers.Layering;
using ContainerKit.Containers.Volumes;
using ContainerKit.Content;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;
using ContainerKit.Isolation.Seccomp;
using ContainerKit.Networking.Bridges;
using ContainerKit.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers.Catalog;

/// <summary>The containers of a store: made, found, listed, removed, and swept when the process that made them is gone.</summary>
[SupportedOSPlatform("linux")]
internal sealed partial class ContainerCatalog(StoreLayout store, ImageStore images, SnapshotStore snapshots, Unpacker unpacker, HostIdentity identity, IsolationEngine engine, CgroupManager cgroups, ILogger logger)
{
    private const int MostAttempts = 20;

    private readonly ConcurrentDictionary<(string? Profile, ulong Capabilities), byte[]> _filters = new();

    public ImageStore Images { get; } = images;

    public SnapshotStore Snapshots { get; } = snapshots;

    public HostIdentity Identity { get; } = identity;

    public IsolationEngine Engine { get; } = engine;

    public ExecGroups ExecGroups => cgroups.ExecGroups;

    public ILogger Logger { get; } = logger;

    public NetworkCatalog Networks { get; } = new(store.Networks, logger);

    public string StoreDirectory => store.Root;

    public Unpacker Unpacker { get; } = unpacker;

    public async Task<Container> CreateAsync(ImageSource source, ContainerOptions options, CancellationToken cancellationToken)
    {
        using var told = ToldOperation.Begin(ToldOperation.Create);
        try
        {
            var image = await source.ResolveAsync(Images, options.Pull, cancellationToken).ConfigureAwait(false);
            await Identity.PrepareAsync().ConfigureAwait(false);
            var container = await Task.Run(() => InStore($"make a container of '{image.Reference}'", () => Create(image, options, cancellationToken)), cancellationToken).ConfigureAwait(false);
            told?.Tag(container.Id, container.Name, container.ImageReference, Snapshots.Driver.Name);
            return container;
        }
        catch (Exception e) when (ToldOperation.HasFailed(told, e))
        {
            throw;
        }
    }

    /// <inheritdoc cref="FullDisk.Tell"/>
    public T InStore<T>(string attempt, Func<T> work) => FullDisk.Tell(attempt, store.Root, work);

    /// <summary>Makes a second container of one whose layer was frozen.</summary>
    public Container Fork(ContainerRecord source, string frozen, string? name, CancellationToken cancellationToken)
    {
        var (id, alive) = Begin();
        return Publish(ContainerForks.RecordOf(source, id, name), alive, frozen, cancellationToken);
    }

    /// <summary>Holds a container's own layer; null when there is none or somebody else holds it for longer than a moment.</summary>
    public SnapshotLease? TryAcquireLayer(ContainerRecord record, out bool isThere, CancellationToken cancellationToken)
    {
        var lease = Snapshots.TryAcquire(record.Id, out isThere, cancellationToken);
        return isThere || !TryRestore(record, cancellationToken) ? lease : Snapshots.TryAcquire(record.Id, out isThere, cancellationToken);
    }

    /// <summary>The container of a name, an id, or the only one whose id begins so.</summary>
    /// <exception cref="StorageException">Several ids begin so.</exception>
    public Container? Find(string nameOrId)
    {
        if (ContainerName.IsValid(nameOrId) && TryReadName(nameOrId) is { } named && TryRead(named) is { } found)
        {
            return Adopt(found);
        }

        var matches = nameOrId.Length == 0 ? [] : Records().Where(record => record.Id.StartsWith(nameOrId, StringComparison.Ordinal)).Take(2).ToArray();
        return matches switch
        {
            [] => null,
            [var only] => Adopt(only),
            _ => throw new StorageException($"Several containers have an id that begins with '{nameOrId}'."),
        };
    }

    public IEnumerable<Container> List() => Records().Where(record => record.Name is not null).OrderBy(record => record.Created).Select(Adopt);

    /// <summary>What happens to them from now on, by whichever process.</summary>
    public async IAsyncEnumerable<ContainerEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var watch = await Task.Run(() => new ContainerWatch(this, store.Containers), cancellationToken).ConfigureAwait(false);
        await foreach (var happened in watch.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            yield return happened;
        }
    }

    /// <summary>The id of every container, named or not.</summary>
    public IEnumerable<string> Ids() => Directory.EnumerateDirectories(store.Containers).Select(path => Path.GetFileName(path)).Where(id => !id.StartsWith('.'));

    /// <summary>What is written down about a container; null when it is gone.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    public ContainerRecord? TryRead(string id)
    {
        try
        {
            return ContainerRecord.Read(RecordPath(id));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // It was removed meanwhile, by another task or process.
            return null;
        }
    }

    /// <summary>The same, or null when it cannot be read.</summary>
    public ContainerRecord? TryReadSafely(string id)
    {
        try
        {
            return TryRead(id);
        }
        catch (StorageException)
        {
            return null;
        }
    }

    /// <summary>The names of the snapshots that containers stand on.</summary>
    public IReadOnlySet<string> UsedSnapshots() => Records().Select(record => record.ParentSnapshot).OfType<string>().ToHashSet();

    public IEnumerable<Digest> UsedImages() => Records().Select(record => Digest.Parse(record.ImageDigest));

    public Cgroup? CreateCgroup(ContainerRecord record)
    {
        var options = record.Options;
        if (options is { Limits: null, HasStatistics: false })
        {
            return null;
        }

        var group = cgroups.Create(record.Id, options.Limits ?? ResourceLimits.None, options.LimitsAreBestEffort, options.HasStatistics);
        foreach (var limit in group.NotApplied)
        {
            Logger.LimitLeftOut(record.Id, limit);
        }

        return group;
    }

    /// <summary>The control group of a container that runs, here or elsewhere; null when it has none.</summary>
    public Cgroup? FindCgroup(string id) => cgroups.Find(id);

    /// <summary>The ids of the containers that have a control group, here or elsewhere.</summary>
    public IReadOnlyList<string> IdsWithCgroups() => cgroups.Ids();

    /// <summary>Whether somebody runs a container or has its files open. Looking takes the lock for a moment, which those who want it wait for.</summary>
    public bool IsLayerHeld(ContainerRecord record)
    {
        using var lease = Snapshots.TryAcquire(record.Id);
        return lease is null && Snapshots.TryFind(record.Id) is not null;
    }

    /// <param name="profile">The profile's document; null for the default one.</param>
    /// <param name="capabilities">What the container has, which rules may depend on.</param>
    public ReadOnlyMemory<byte> SeccompFilter(string? profile, CapabilitySet capabilities) => _filters.GetOrAdd(
        (profile, capabilities.Bits),
        static key => key.Profile is null
            ? DefaultFilter.For(SeccompArchitectures.Native, new CapabilitySet(key.Capabilities), Environment.OSVersion.Version)
            : SeccompCompiler.Compile(SeccompProfile.Parse(key.Profile), SeccompArchitectures.Native, new CapabilitySet(key.Capabilities), Environment.OSVersion.Version));

    public void Remove(ContainerRecord record)
    {
        if (!TryRemove(record))
        {
            throw ContainerLayer.HeldElsewhere(record);
        }
    }

    /// <summary>The same, or false when it runs in another process.</summary>
    public bool TryRemove(ContainerRecord record)
    {
        using var files = Snapshots.TryAcquire(record.Id, out var areThere);
        if (files is null && areThere)
        {
            return false;
        }

        // The dot is the end of it: from here on nobody finds it, and whoever sweeps may finish this.
        var ending = Path.Combine(store.Containers, "." + record.Id);
        try
        {
            Directory.Move(DirectoryOf(record.Id), ending);
        }
        catch (DirectoryNotFoundException)
        {
            // Somebody else is removing it, too.
            return true;
        }

        try
        {
            if (files is not null)
            {
                Snapshots.Remove(files);
                Snapshots.RemoveFrozen(files.Snapshot.Parents);
            }
        }
        catch
        {
            // It is whole still, or what is left of it is the next sweep's.
            if (Snapshots.TryFind(record.Id) is not null)
            {
                Directory.Move(ending, DirectoryOf(record.Id));
            }

            throw;
        }

        if (record.Name is { } name && TryReadName(name) == record.Id)
        {
            File.Delete(Path.Combine(store.Names, name));
        }

        DeleteDirectory(ending);
        RemoveAnonymousVolumes(record);
        SweepNetworkOf(record);
        Logger.Removed(record.Id);
        return true;
    }

    private static void DeleteDirectory(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Somebody else has swept it.
        }
    }

    private Container Create(Image image, ContainerOptions options, CancellationToken cancellationToken)
    {
        // The image store's lease keeps the layers from being swept while they are unpacked.
        using var lease = Images.Catalog.Lease(cancellationToken);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return CreateOn(image, VolumeMounts.Complete(options, image), Unpacker.Unpack(image, options.Network != NetworkMode.None, progress: null, cancellationToken), cancellationToken);
            }
            catch (StorageException e) when (e.IsBaseGone && attempt < MostAttempts)
            {
                // The image has lost its name meanwhile, and somebody who prunes took its snapshots away: they are made again.
            }
        }
    }

    private Container CreateOn(Image image, ContainerOptions options, string parent, CancellationToken cancellationToken)
    {
        var (id, alive) = Begin();
        var record = new ContainerRecord
        {
            Id = id,
            Name = options.Name,
            Created = DateTimeOffset.UtcNow,
            ImageReference = image.Reference.ToString(),
            ImageDigest = image.Digest.ToString(),
            ParentSnapshot = parent,
            Driver = Snapshots.Driver.Name,
            Options = options,
            Image = ImageDefaults.Of(image.Config),
        };

        return Publish(record, alive, parent, cancellationToken);
    }

    private Container Publish(ContainerRecord record, SafeFileHandle alive, string parent, CancellationToken cancellationToken)
    {
        // Until the record is there, and the directory has lost its dot, this is nobody's, and the next open sweeps it.
        var unfinished = Path.Combine(store.Containers, "." + record.Id);
        try
        {
            using (Snapshots.Prepare(record.Id, parent, cancellationToken))
            {
                using var volumes = HoldVolumes(record, cancellationToken);
                record.Write(Path.Combine(unfinished, "container.json"));
                ClaimName(record);
                Directory.Move(unfinished, DirectoryOf(record.Id));
            }

            Logger.Created(record.Id, record.ImageReference);
        }
        catch
        {
            Snapshots.Remove(record.Id, CancellationToken.None);
            DeleteDirectory(unfinished);
            RemoveAnonymousVolumes(record);
            alive.Dispose();
            throw;
        }

        if (record.Name is not null)
        {
            alive.Dispose();
            return Adopt(record);
        }

        return new Container(new ContainerInstance(this, record, alive));
    }

    /// <summary>Makes and locks the directory of a new container.</summary>
    private (string Id, SafeFileHandle Alive) Begin()
    {
        while (true)
        {
            var id = ContainerName.NewId();
            var directory = Path.Combine(store.Containers, "." + id);
            Directory.CreateDirectory(directory);

            // Somebody who sweeps may have been faster: then it is gone, and another one is made.
            if (DirectoryLock.TryTake(directory, exclusive: true, out var alive) == LockResult.Taken)
            {
                return (id, alive!);
            }
        }
    }

    private void ClaimName(ContainerRecord record)
    {
        if (record.Name is not { } name)
        {
            return;
        }

        using var turn = FileLock.Acquire(Path.Combine(store.Containers, ".names.lock"), exclusive: true, CancellationToken.None);
        if (TryReadName(name) is { } taken && TryRead(taken) is not null)
        {
            throw new StorageException($"Cannot name a container '{name}': '{taken[..12]}' has that name.") { Hint = "Remove it first, or choose another name." };
        }

        var aside = Path.Combine(store.Names, "." + record.Id);
        File.WriteAllText(aside, record.Id);
        File.Move(aside, Path.Combine(store.Names, name), overwrite: true);
    }

    private Container Adopt(ContainerRecord record) => new(new ContainerInstance(this, record, alive: null));

    private IEnumerable<ContainerRecord> Records() => Ids().Select(TryRead).OfType<ContainerRecord>();

    private string? TryReadName(string name)
    {
        var path = Path.Combine(store.Names, name);
        try
        {
            return File.Exists(path) ? File.ReadAllText(path) : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private string RecordPath(string id) => Path.Combine(DirectoryOf(id), "container.json");

    public string DirectoryOf(string id) => Path.Combine(store.Containers, id);
}

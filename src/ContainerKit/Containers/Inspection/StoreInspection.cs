using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Volumes;
using ContainerKit.Images;
using ContainerKit.Storage;

namespace ContainerKit.Containers.Inspection;

/// <summary>Looks at everything in a store, and says what is not as it should be. It changes nothing.</summary>
internal sealed class StoreInspection(ImageCatalog images, ContainerCatalog? containers, CancellationToken cancellationToken)
{
    private readonly List<SnapshotDamage> _snapshots = [];
    private readonly List<string> _containers = [], _volumes = [];
    private readonly HashSet<string> _verified = new(StringComparer.Ordinal);
    private (int Snapshots, int Containers, int Volumes) _counts;

    public ImageChecker Images { get; } = new(images, cancellationToken);

    /// <summary>The snapshots that are damaged.</summary>
    public IReadOnlyList<SnapshotDamage> Snapshots => _snapshots;

    /// <summary>What is wrong with containers, each as a sentence.</summary>
    public IReadOnlyList<string> Containers => _containers;

    /// <summary>All that is wrong, each as a sentence.</summary>
    public IReadOnlyList<string> Problems => [.. Images.Problems.Select(problem => problem.Sentence), .. _snapshots.Select(damage => damage.Problem), .. _containers, .. _volumes];

    /// <summary>Looks. Once more, it reads again what was not right, and what is new.</summary>
    public void Run()
    {
        Images.Run();
        if (OperatingSystem.IsLinux() && containers is not null)
        {
            RunOnSnapshots(containers);
            _counts.Containers = CheckContainers(containers);
            _counts.Volumes = CheckVolumes(containers);
        }
    }

    public StoreCheck Result() => new()
    {
        Images = Images.Images,
        Blobs = Images.Blobs,
        Bytes = Images.Bytes,
        Snapshots = _counts.Snapshots,
        Containers = _counts.Containers,
        Volumes = _counts.Volumes,
        Problems = Problems,
    };

    /// <summary>Looks at the snapshots alone.</summary>
    [SupportedOSPlatform("linux")]
    public void RunOnSnapshots(ContainerCatalog containers)
    {
        _snapshots.Clear();
        _counts.Snapshots = containers.Snapshots.Check(_snapshots, cancellationToken);
        var contents = new SnapshotContents(containers.Unpacker, containers.Snapshots, images, _verified, cancellationToken);
        foreach (var image in Images.Sound)
        {
            contents.Check(image, _snapshots);
        }
    }

    [SupportedOSPlatform("linux")]
    private int CheckContainers(ContainerCatalog containers)
    {
        _containers.Clear();
        var ids = containers.Ids().ToList();
        foreach (var id in ids)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (FindProblem(containers, id) is { } problem)
            {
                _containers.Add(problem);
            }
        }

        return ids.Count;
    }

    [SupportedOSPlatform("linux")]
    private int CheckVolumes(ContainerCatalog containers)
    {
        _volumes.Clear();
        var names = containers.Volumes.Names();
        foreach (var name in names)
        {
            try
            {
                if (containers.Volumes.TryRead(name) is not null && !Directory.Exists(containers.Volumes.DataOf(name)) && Directory.Exists(containers.Volumes.PathOf(name)))
                {
                    _volumes.Add($"The volume '{name}' has lost its files.");
                }
            }
            catch (Exception e) when (e is StorageException or IOException or UnauthorizedAccessException)
            {
                _volumes.Add(e.Message);
            }
        }

        var lost = containers.Ids().Select(containers.TryReadSafely).OfType<ContainerRecord>()
            .SelectMany(record => VolumeMounts.NamesIn(record.Options).Except(names, StringComparer.Ordinal).Select(name => (record, name)));
        foreach (var (record, name) in lost.Where(pair => containers.TryReadSafely(pair.record.Id) is not null && !Directory.Exists(containers.Volumes.PathOf(pair.name))))
        {
            _volumes.Add($"The container '{record.Label}' has lost its volume '{name}'.");
        }

        return names.Count;
    }

    [SupportedOSPlatform("linux")]
    private static string? FindProblem(ContainerCatalog containers, string id)
    {
        try
        {
            // One that another driver made has its layer in that driver's part of the store.
            return containers.TryRead(id) is { } record && record.Driver == containers.Snapshots.Driver.Name && containers.Snapshots.TryFind(id) is null
                && containers.TryRead(id) is not null
                ? $"The container '{record.Name ?? id[..12]}' has lost its files."
                : null;
        }
        catch (Exception e) when (e is StorageException or IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }
}

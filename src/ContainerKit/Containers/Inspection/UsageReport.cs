using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Volumes;
using ContainerKit.Images;
using ContainerKit.Storage;

namespace ContainerKit.Containers.Inspection;

/// <summary>Adds up what everything in a store takes on its disk.</summary>
internal sealed class UsageReport(StoreLayout store, ImageCatalog images, ContainerCatalog? containers, CancellationToken cancellationToken)
{
    public DiskUsage Make()
    {
        using var lease = images.Lease(cancellationToken);
        var records = OperatingSystem.IsLinux() && containers is not null ? containers.Ids().Select(containers.TryReadSafely).OfType<ContainerRecord>().ToList() : [];
        var blobs = images.Blobs.List().ToDictionary(blob => blob, blob => SizeOf(images.Blobs.PathOf(blob)));
        var partials = Directory.EnumerateFileSystemEntries(images.Blobs.TemporaryDirectory).Where(path => !path.EndsWith(".lock", StringComparison.Ordinal)).Select(SizeOf).ToList();
        var (ofImages, referred, kept) = ImagesIn(blobs, records);
        var unreferenced = blobs.Where(blob => !referred.Contains(blob.Key)).Select(blob => blob.Value).ToList();
        var (snapshots, ofContainers, total) = OperatingSystem.IsLinux() && containers is not null ? OnLinux(containers, records, kept) : ([], [], TotalElsewhere());
        var volumes = OperatingSystem.IsLinux() && containers is not null ? VolumesIn(containers, records) : [];
        var unneeded = blobs.Where(blob => !kept.Contains(blob.Key)).Sum(blob => blob.Value);
        var known = blobs.Values.Sum() + partials.Sum() + snapshots.Sum(driver => driver.Bytes) + ofContainers.Sum(container => container.Bytes) + volumes.Sum(volume => volume.Bytes);
        return new DiskUsage
        {
            TotalBytes = total,
            ReclaimableBytes = unneeded + partials.Sum() + snapshots.Sum(driver => driver.ReclaimableBytes),
            Images = ofImages,
            BlobBytes = blobs.Values.Sum(),
            UnreferencedBlobs = new BytesUsage(unreferenced.Count, unreferenced.Sum()),
            PartialDownloads = new BytesUsage(partials.Count, partials.Sum()),
            Snapshots = snapshots,
            Containers = ofContainers,
            Volumes = volumes,
            OtherBytes = Math.Max(0, total - known),
        };
    }

    /// <summary>The images; the blobs that any of them refers to; and those that are left when the images are pruned.</summary>
    private (List<ImageUsage> Images, HashSet<Digest> Referred, HashSet<Digest> Kept) ImagesIn(Dictionary<Digest, long> blobs, List<ContainerRecord> records)
    {
        var users = records.CountBy(record => Digest.Parse(record.ImageDigest)).ToDictionary();
        var held = images.Held(cancellationToken);
        var found = images.Entries().GroupBy(entry => entry.Target.Digest)
            .Select(names => (
                names.Key,
                Names: names.Select(entry => entry.Reference).Where(name => name.HasName).ToList(),
                Blobs: StoreSweep.ReferredBy(images.Blobs, names.First().Target),
                Containers: images.ManifestsOf(names.First()).Sum(manifest => users.GetValueOrDefault(manifest.Digest)),
                IsHeld: images.ManifestsOf(names.First()).Select(manifest => manifest.Digest).Append(names.Key).Any(held.Contains)))
            .ToList();
        var counts = found.SelectMany(image => image.Blobs).CountBy(blob => blob).ToDictionary();
        var usages = found.Select(image => new ImageUsage
        {
            Digest = image.Key,
            Names = image.Names,
            UniqueBytes = image.Blobs.Where(blob => counts[blob] == 1).Sum(blob => blobs.GetValueOrDefault(blob)),
            SharedBytes = image.Blobs.Where(blob => counts[blob] > 1).Sum(blob => blobs.GetValueOrDefault(blob)),
            Containers = image.Containers,
            IsReclaimable = image.Names.Count == 0 && image.Containers == 0 && !image.IsHeld,
        }).ToList();
        var kept = found.Where(image => image.Names.Count > 0 || image.Containers > 0 || image.IsHeld).SelectMany(image => image.Blobs).ToHashSet();
        return (usages, counts.Keys.ToHashSet(), kept);
    }

    [SupportedOSPlatform("linux")]
    private (List<SnapshotsUsage> Snapshots, List<ContainerUsage> Containers, long Total) OnLinux(ContainerCatalog containers, List<ContainerRecord> records, HashSet<Digest> kept)
    {
        var measure = containers.Snapshots.Measure(cancellationToken);
        var all = containers.Snapshots.List();
        var bytes = all.ToDictionary(snapshot => snapshot.Id, snapshot => containers.Snapshots.BytesOf(snapshot, measure), StringComparer.Ordinal);
        var names = images.List().Where(image => kept.Contains(image.Digest)).SelectMany(containers.Unpacker.NamesOf).Concat(containers.UsedSnapshots()).ToHashSet(StringComparer.Ordinal);
        var needed = SnapshotStore.Needed(all, snapshot => names.Contains(snapshot.Id));
        var ofContainers = records.Where(record => record.Driver == containers.Snapshots.Driver.Name)
            .Select(record => new ContainerUsage { Id = record.Id, Name = record.Name, Image = record.ImageReference, Bytes = bytes.GetValueOrDefault(record.Id) })
            .OrderBy(container => container.Name, StringComparer.Ordinal).ToList();
        var own = ofContainers.Select(container => container.Id).ToHashSet(StringComparer.Ordinal);
        var layers = all.Where(snapshot => !own.Contains(snapshot.Id)).ToList();
        var here = new SnapshotsUsage
        {
            Driver = containers.Snapshots.Driver.Name,
            Count = layers.Count,
            Bytes = layers.Sum(snapshot => bytes[snapshot.Id]),
            ReclaimableBytes = layers.Where(snapshot => !needed.Contains(snapshot.Id)).Sum(snapshot => bytes[snapshot.Id]),
        };
        return ([here, .. OtherDrivers(containers, measure)], ofContainers, containers.Snapshots.Measure(cancellationToken).Of(store.Root));
    }

    [SupportedOSPlatform("linux")]
    private List<VolumeUsage> VolumesIn(ContainerCatalog containers, List<ContainerRecord> records)
    {
        var measure = containers.Snapshots.Measure(cancellationToken);
        var users = records.SelectMany(record => VolumeMounts.NamesIn(record.Options)).CountBy(name => name).ToDictionary(StringComparer.Ordinal);
        return [.. containers.Volumes.Names().Select(name => new VolumeUsage
        {
            Name = name,
            Bytes = measure.Of(containers.Volumes.PathOf(name)),
            Containers = users.GetValueOrDefault(name),
        })];
    }

    [SupportedOSPlatform("linux")]
    private IEnumerable<SnapshotsUsage> OtherDrivers(ContainerCatalog containers, TreeMeasure measure) => new DirectoryInfo(store.Snapshots).EnumerateDirectories()
        .Where(driver => driver.Name != containers.Snapshots.Driver.Name && !driver.Name.StartsWith('.'))
        .OrderBy(driver => driver.Name, StringComparer.Ordinal)
        .Select(driver => new SnapshotsUsage
        {
            Driver = driver.Name,
            Count = driver.EnumerateDirectories().Count(snapshot => SnapshotNames.KindOf(snapshot.Name) is not null),
            Bytes = measure.Of(driver.FullName),
            ReclaimableBytes = 0,
        });

    private long SizeOf(string path) => OperatingSystem.IsLinux() ? new TreeMeasure(Linux.FileCalls.Local, cancellationToken).Of(path) : LengthOf(path);

    private long TotalElsewhere() => Directory.EnumerateFiles(store.Root, "*", SearchOption.AllDirectories).Sum(LengthOf);

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;
}

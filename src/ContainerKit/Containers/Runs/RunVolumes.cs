using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Volumes;
using ContainerKit.Storage;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers.Runs;

/// <summary>The volumes of one run, held against those who would remove or fill them, and as what they are mounted.</summary>
[SupportedOSPlatform("linux")]
internal sealed class RunVolumes : IDisposable
{
    private readonly List<SafeFileHandle> _locks = [];

    private RunVolumes(IReadOnlyList<Mount> mounts) => Mounts = mounts;

    /// <summary>All that the description mounts; where it says a volume, a bind of the volume's files.</summary>
    public IReadOnlyList<Mount> Mounts { get; }

    /// <summary>What has to be held for as long as the container lives.</summary>
    public IReadOnlyList<SafeFileHandle> Locks => _locks;

    /// <summary>Holds the volumes of a container whose layer is held and not mounted yet, and fills those that are to be filled.</summary>
    /// <exception cref="StorageException">A volume is gone, is another user namespace's, or cannot be filled.</exception>
    public static async Task<RunVolumes> TakeAsync(ContainerCatalog catalog, ContainerRecord record, SnapshotLease lease, CancellationToken cancellationToken)
    {
        var mounts = VolumeMounts.Ordered(record.Options.Mounts).ToArray();
        SharedMounts.Require(mounts);
        return mounts.Any(mount => mount.Type == VolumeMounts.Type)
            ? await Task.Run(() => Take(catalog, record, lease, mounts, cancellationToken), cancellationToken).ConfigureAwait(false)
            : new RunVolumes(mounts);
    }

    public void Dispose() => _locks.ForEach(held => held.Dispose());

    private static RunVolumes Take(ContainerCatalog catalog, ContainerRecord record, SnapshotLease lease, Mount[] mounts, CancellationToken cancellationToken)
    {
        var volumes = new RunVolumes([.. mounts.Select(mount => mount.Type == VolumeMounts.Type ? BindOf(catalog, mount) : mount)]);
        try
        {
            foreach (var mount in mounts.Where(mount => mount.Type == VolumeMounts.Type).DistinctBy(mount => mount.Source))
            {
                volumes._locks.Add(
                    catalog.Volumes.HoldFilled(mount.Source, () => catalog.Snapshots.OpenTree(lease), mount.Target, cancellationToken)
                    ?? throw new StorageException($"Cannot start the container '{record.Label}': its volume '{mount.Source}' is gone."));
            }

            return volumes;
        }
        catch
        {
            volumes.Dispose();
            throw;
        }
    }

    // On disk the owners are those that the image names; where the container's are others, the kernel shows them mapped.
    private static Mount BindOf(ContainerCatalog catalog, Mount volume) => new(
        "bind", catalog.Volumes.DataOf(volume.Source), volume.Target, [.. (string[])["bind", volume.Options.Contains("ro") ? "ro" : "rw"], .. (string[])(catalog.Identity.MapsFiles ? ["idmap"] : [])]);
}

using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Storage;

namespace ContainerKit.Containers.Layering;

/// <summary>A container's own layer, which belongs to one user at a time; in sentences about containers, and not about snapshots.</summary>
[SupportedOSPlatform("linux")]
internal static class ContainerLayer
{
    /// <summary>Holds it.</summary>
    /// <exception cref="StorageException">The container runs in another process, or is gone.</exception>
    public static SnapshotLease Acquire(ContainerCatalog catalog, ContainerRecord record, CancellationToken cancellationToken) =>
        catalog.TryAcquireLayer(record, out var isThere, cancellationToken) ?? throw (isThere ? HeldElsewhere(record) : Gone(record));

    public static StorageException Gone(ContainerRecord record) => new($"The container '{record.Label}' is gone: it was removed.");

    public static StorageException HeldElsewhere(ContainerRecord record) => new($"The container '{record.Label}' runs in another process.")
    {
        Hint = "Its files are that process's alone until it ends.",
    };
}

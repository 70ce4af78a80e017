using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Runs;
using ContainerKit.Storage;
using ContainerKit.Storage.Aufs;

namespace ContainerKit.Containers.Layering;

/// <summary>
/// Freezes the layer of a container that does not run, for it and a second one to stand on with a new layer each. What dies on
/// the way leaves at worst a frozen layer and a container without one of its own, which it is given again. One that runs freezes its own:
/// <see cref="ContainerRun.Freeze"/>.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class ContainerForks
{
    /// <summary>Freezes the source's layer.</summary>
    /// <returns>The snapshot that the fork is to stand on.</returns>
    public static string Freeze(ContainerCatalog catalog, ContainerRecord source, CancellationToken cancellationToken)
    {
        var lease = catalog.TryAcquireLayer(source, out var isThere, cancellationToken);
        if (lease is null)
        {
            throw !isThere ? ContainerLayer.Gone(source)
                : RunningProcess.TryRead(catalog.DirectoryOf(source.Id)) is not null ? WhyNotElsewhere(catalog.Snapshots.Driver, source)
                : ContainerLayer.HeldElsewhere(source);
        }

        return catalog.Snapshots.Freeze(lease, cancellationToken);
    }

    /// <summary>What the fork is written down as.</summary>
    public static ContainerRecord RecordOf(ContainerRecord source, string id, string? name) => source with
    {
        Id = id,
        Name = name,
        Created = DateTimeOffset.UtcNow,
        Options = source.Options with { Name = name },
    };

    // Whoever serves a union can put a layer on it; on a mount of the kernel's nobody can.
    private static ContainerKitException WhyNotElsewhere(IStorageDriver driver, ContainerRecord source) => driver is not AufsDriver { Form: AufsForm.Fuse }
        ? WhyNotRunning(driver, source)
        : new StorageException($"Cannot fork the container '{source.Label}': another process runs it, and that one alone can put a new layer on what it serves.")
        {
            Hint = "Fork it in the process that runs it, or stop it first.",
        };

    /// <summary>Why a container that runs cannot be forked.</summary>
    public static HostCapabilityException WhyNotRunning(IStorageDriver driver, ContainerRecord source) =>
        new("fork-running", $"Cannot fork the container '{source.Label}' while it runs: the driver {driver.Name} cannot put a new layer on what is mounted.")
        {
            Hint = "Stop it first, or keep the containers in a store with the driver aufs.",
        };
}

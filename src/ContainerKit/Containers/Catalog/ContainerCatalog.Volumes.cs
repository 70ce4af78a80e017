using ContainerKit.Containers.Volumes;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers.Catalog;

// Which containers have which volumes: a container that is written down as having one keeps it from being removed.
internal sealed partial class ContainerCatalog
{
    public VolumeCatalog Volumes { get; } = new(store.Volumes, identity.Snapshots);

    /// <summary>What the containers are called that have a volume, by its name.</summary>
    public ILookup<string, string> VolumeUsers() => Records()
        .OrderBy(record => record.Created)
        .SelectMany(record => VolumeMounts.NamesIn(record.Options).Select(volume => (volume, Container: record.Name ?? record.Id)))
        .ToLookup(pair => pair.volume, pair => pair.Container, StringComparer.Ordinal);

    public IReadOnlySet<string> UsedVolumes() => Records().SelectMany(record => VolumeMounts.NamesIn(record.Options)).ToHashSet(StringComparer.Ordinal);

    /// <summary>What a container is called that has a volume; null when none has it.</summary>
    public string? FindUserOf(string volume) => Records().FirstOrDefault(record => VolumeMounts.NamesIn(record.Options).Contains(volume))?.Label;

    /// <summary>Holds the volumes of a container that is about to be written down, and makes those that are not there.</summary>
    private HeldVolumes HoldVolumes(ContainerRecord record, CancellationToken cancellationToken)
    {
        var held = new HeldVolumes();
        try
        {
            foreach (var name in VolumeMounts.NamesIn(record.Options))
            {
                held.Add(Volumes.HoldOrCreate(name, cancellationToken));
            }

            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Removes the volumes without a name of a container that is gone, unless a fork of it has them, too.</summary>
    private void RemoveAnonymousVolumes(ContainerRecord record)
    {
        foreach (var name in VolumeMounts.NamesIn(record.Options).Where(VolumeName.IsAnonymous))
        {
            try
            {
                Volumes.TryRemoveUnused(name, FindUserOf);
            }
            catch (Exception e) when (e is ContainerKitException or IOException or UnauthorizedAccessException)
            {
                // The container is gone all the same, and the next open tries again.
                Logger.VolumeNotSwept(name, e.Message);
            }
        }
    }

    private void SweepVolumes()
    {
        try
        {
            Volumes.Sweep(UsedVolumes);
        }
        catch (Exception e) when (e is ContainerKitException)
        {
            // Who has which volume cannot be read, or nobody may touch files of these owners just now: that must not keep a store from opening.
            Logger.VolumeNotSwept("*", e.Message);
        }
    }

    private sealed class HeldVolumes : IDisposable
    {
        private readonly List<SafeFileHandle> _handles = [];

        public void Add(SafeFileHandle handle) => _handles.Add(handle);

        public void Dispose() => _handles.ForEach(handle => handle.Dispose());
    }
}

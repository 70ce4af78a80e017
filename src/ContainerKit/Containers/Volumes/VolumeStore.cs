using System.Runtime.CompilerServices;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Volumes;

// There is one only where containers run, which is Linux.
#pragma warning disable CA1416

namespace ContainerKit;

/// <summary>
/// The volumes of a store: directories that containers see in place of their own (<see cref="ContainerBuilder.WithVolume"/>), and that outlive them. No layer, diff,
/// commit or fork has what is in them.
/// </summary>
/// <remarks>
/// A volume begins empty. The first container that starts with it, and whose own files have a directory at that path, fills it with what is there: with owners, modes,
/// attributes and times, whole or not at all. That happens once. What a container does in it, all others that have it see at once.
/// </remarks>
public sealed class VolumeStore
{
    private readonly ContainerCatalog _containers;

    internal VolumeStore(ContainerCatalog containers) => _containers = containers;

    private VolumeCatalog Volumes => _containers.Volumes;

    /// <summary>Makes a volume. A container that names one makes it as well, so this is for labels, or for files to be there beforehand.</summary>
    /// <param name="name">A letter or digit, then letters, digits, <c>_</c>, <c>.</c> and <c>-</c>, at most 128 in all; not 64 hexadecimal digits.</param>
    /// <param name="labels">Anything to be written on it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentException">The name is none for a volume.</exception>
    /// <exception cref="StorageException">There is a volume of that name, or the store cannot be written.</exception>
    public Task<Volume> CreateAsync(string name, IReadOnlyDictionary<string, string>? labels = null, CancellationToken cancellationToken = default)
    {
        if (VolumeName.IsAnonymous(VolumeName.Require(name)))
        {
            throw new ArgumentException($"'{name}' cannot name a volume: 64 hexadecimal digits are how those are called that have no name.", nameof(name));
        }

        var kept = labels?.ToDictionary();
        return Task.Run(
            () => _containers.InStore($"make the volume '{name}'", () => Volumes.TryCreate(name, kept)) && Describe(name) is { } made
                ? made
                : throw new StorageException($"Cannot make the volume '{name}': there is one of that name."),
            cancellationToken);
    }

    /// <summary>Finds a volume by its name.</summary>
    /// <returns>Null when there is none.</returns>
    /// <exception cref="StorageException">What is written down about it cannot be read.</exception>
    public Task<Volume?> FindAsync(string name, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return Task.Run(() => Describe(name), cancellationToken);
    }

    /// <summary>The volumes of the store, by name, the anonymous ones among them.</summary>
    /// <exception cref="StorageException">What is written down about one cannot be read.</exception>
    public async IAsyncEnumerable<Volume> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var volume in await Task.Run(ListNow, cancellationToken).ConfigureAwait(false))
        {
            yield return volume;
        }
    }

    /// <summary>Removes a volume with all that is in it.</summary>
    /// <returns>False when there is none of that name.</returns>
    /// <exception cref="StorageException">A container has it, running or not.</exception>
    public Task<bool> RemoveAsync(string name, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return Task.Run(() => Volumes.Remove(name, _containers.FindUserOf), cancellationToken);
    }

    /// <summary>Removes volumes that no container has.</summary>
    /// <param name="all">
    /// Whether those with names go, too, as with <c>docker volume prune --all</c>: what is in them is lost. Otherwise only anonymous ones go, of which there are some only
    /// after a process was killed.
    /// </param>
    /// <param name="cancellationToken">Gives up; what is removed stays so.</param>
    /// <returns>The names of those that were removed.</returns>
    public Task<IReadOnlyList<string>> PruneAsync(bool all = false, CancellationToken cancellationToken = default) =>
        Task.Run<IReadOnlyList<string>>(() => PruneNow(all, cancellationToken), cancellationToken);

    private List<string> PruneNow(bool all, CancellationToken cancellationToken)
    {
        var removed = new List<string>();
        var used = _containers.UsedVolumes();
        foreach (var name in Volumes.Names().Where(name => !used.Contains(name) && (all || VolumeName.IsAnonymous(name))))
        {
            cancellationToken.ThrowIfCancellationRequested();

            // Somebody may have begun to use it just now: then it stays.
            if (Volumes.TryRemoveUnused(name, _containers.FindUserOf))
            {
                removed.Add(name);
            }
        }

        return removed;
    }

    private List<Volume> ListNow()
    {
        var users = _containers.VolumeUsers();
        return [.. Volumes.Names().Select(name => Describe(name, users)).OfType<Volume>()];
    }

    private Volume? Describe(string name) => Describe(name, _containers.VolumeUsers());

    private Volume? Describe(string name, ILookup<string, string> users) => Volumes.TryRead(name) is { } record
        ? new Volume
        {
            Name = name,
            Created = record.Created,
            Labels = record.Labels ?? new Dictionary<string, string>(),
            HostPath = Volumes.DataOf(name),
            Containers = [.. users[name]],
        }
        : null;
}

using ContainerKit.Linux;
using ContainerKit.Storage.Union;

namespace ContainerKit.Storage;

/// <summary>How the snapshots that a store makes are written. Those in it already keep what their own record says.</summary>
internal sealed record SnapshotStoreOptions
{
    /// <inheritdoc cref="Snapshot.UserAttributes"/>
    public bool UserAttributes { get; init; }

    /// <inheritdoc cref="Snapshot.IdMap"/>
    public UserMap? IdMap { get; init; }

    /// <inheritdoc cref="Snapshot.SurvivesPowerLoss"/>
    public bool SurvivesPowerLoss { get; init; }

    /// <summary>Who makes the file calls on the trees; null for this process.</summary>
    public FileCalls? Calls { get; init; }

    /// <summary>Where the owners that the container sees are kept; null for on the files themselves.</summary>
    public TreeOwnership? Ownership { get; init; }
}

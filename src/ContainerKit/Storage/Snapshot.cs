using ContainerKit.Linux;
using ContainerKit.Storage.Union;

namespace ContainerKit.Storage;

/// <summary>What a snapshot is for.</summary>
public enum SnapshotKind
{
    /// <summary>It belongs to one container or to one layer that is being unpacked, and changes.</summary>
    Writable,

    /// <summary>It never changes again, and others are built on it.</summary>
    Committed,

    /// <summary>It shows its parent, read-only, and has no files of its own.</summary>
    View,
}

/// <summary>
/// One layer of a file system as it lies on disk, as data: what a storage driver is told. The directory is the driver's to lay
/// out, but for <c>snapshot.json</c>, which is the store's.
/// </summary>
public sealed record Snapshot
{
    /// <summary>The name under which the store knows it.</summary>
    public required string Id { get; init; }

    /// <summary>
    /// The absolute path of its directory on the host. While the snapshot is being created this is a temporary one, so a driver
    /// never writes it down.
    /// </summary>
    public required string Directory { get; init; }

    /// <summary>
    /// 32 hexadecimal digits that it keeps under every name and in every directory, for life: what a driver calls that which it keeps
    /// outside of <see cref="Directory"/>, beside it.
    /// </summary>
    public string StableId { get; init; } = "";

    /// <summary>What the snapshot is for.</summary>
    public required SnapshotKind Kind { get; init; }

    /// <summary>What it is built on: its parent first, the base last; empty for a base. All of them are <see cref="SnapshotKind.Committed"/>.</summary>
    public IReadOnlyList<Snapshot> Parents { get; init; } = [];

    /// <summary>
    /// Whether the driver keeps its books in <c>user.*</c> extended attributes, which a user namespace's root may write, and not
    /// in <c>trusted.*</c>, which only the host's root may. Never mixed within one chain.
    /// </summary>
    public bool UserAttributes { get; init; }

    /// <summary>
    /// The id map that the files on disk were written under, as text (<c>0 100000 65536</c> for users, a semicolon, groups); null
    /// when the owners on disk are the owners that the container sees.
    /// </summary>
    public string? IdMap { get; init; }

    /// <summary>Whether what is written must outlive a power failure, and not only the end of a process.</summary>
    public bool SurvivesPowerLoss { get; init; }

    /// <summary>Who makes the file calls on this snapshot's files; null for this process.</summary>
    internal FileCalls? Calls { get; init; }

    /// <summary>Where the owners that the container sees are kept; null for on the files themselves.</summary>
    internal TreeOwnership? Ownership { get; init; }

    /// <summary>The name, which is how messages speak of a snapshot.</summary>
    public override string ToString() => Id;
}

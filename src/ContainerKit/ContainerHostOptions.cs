using ContainerKit.Storage;
using Microsoft.Extensions.Logging;

namespace ContainerKit;

/// <summary>How safe what was reported done is.</summary>
public enum Durability
{
    /// <summary>Safe when the process is killed at any moment, not when the machine loses power. The default, and the faster one.</summary>
    Process,

    /// <summary>Safe when the machine loses power, too: everything is flushed before it becomes visible.</summary>
    PowerLoss,
}

/// <summary>In which user namespace containers run.</summary>
public enum UserNamespaceMode
{
    /// <summary>
    /// The host's own for root; for an ordinary user a range of subordinate ids where the host grants one, and the user's own id otherwise.
    /// </summary>
    Default,

    /// <summary>The host's own. Only root can have it.</summary>
    Host,

    /// <summary>A namespace with one id: root inside is the user outside, and nobody else exists.</summary>
    SingleId,

    /// <summary>A namespace with a range of subordinate ids, as <c>/etc/subuid</c> and <c>/etc/subgid</c> grant them.</summary>
    SubordinateIds,
}

/// <summary>How a <see cref="ContainerHost"/> is opened.</summary>
public sealed record ContainerHostOptions
{
    /// <summary>
    /// Where images, snapshots and containers are kept. Null: <c>/var/lib/containerkit</c> for root,
    /// <c>$XDG_DATA_HOME/containerkit</c> (<c>~/.local/share/containerkit</c>) for an ordinary user; the user's own data folder on Windows and macOS. It is made with mode 0700;
    /// on Windows its parent directory says who may enter it.
    /// </summary>
    public string? StoreDirectory { get; init; }

    /// <summary>The storage driver by name: <c>overlay</c>, <c>aufs</c> or <c>vfs</c>, or one of <see cref="ExtraStorageDrivers"/>. Null: the best that works here.</summary>
    public string? StorageDriver { get; init; }

    /// <summary>Storage drivers beyond the built-in ones, chosen by their <see cref="IStorageDriver.Name"/>.</summary>
    public IReadOnlyList<IStorageDriver> ExtraStorageDrivers { get; init; } = [];

    /// <summary>In which user namespace containers run.</summary>
    public UserNamespaceMode UserNamespace { get; init; }

    /// <summary>How safe what was reported done is.</summary>
    public Durability Durability { get; init; }

    /// <summary>What a layer may ask for before it is refused: sizes, counts, depths.</summary>
    public LayerLimits LayerLimits { get; init; } = LayerLimits.Default;

    /// <summary>How registries are spoken to: credentials, mirrors, certificates, patience.</summary>
    public RegistryOptions Registry { get; init; } = new();

    /// <summary>Where events are logged; null: nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }
}

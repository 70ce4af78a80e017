using System.Globalization;
using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Storage;
using ContainerKit.Storage.Union;
using static Tmds.Linux.LibC;

namespace ContainerKit.Containers;

/// <summary>As whom containers run on this host, and so how their files lie on disk: decided once, when the host is opened.</summary>
[SupportedOSPlatform("linux")]
internal sealed record HostIdentity
{
    public required UserNamespaceMode Mode { get; init; }

    public IReadOnlyList<IdMapping> UserMappings { get; init; } = [];

    public IReadOnlyList<IdMapping> GroupMappings { get; init; } = [];

    public required SnapshotStoreOptions Snapshots { get; init; }

    public required int LastCapability { get; init; }

    /// <exception cref="HostCapabilityException">The mode that was asked for is not to be had here.</exception>
    public static HostIdentity Choose(UserNamespaceMode asked, bool survivesPowerLoss)
    {
        var isRoot = (uint)geteuid() == 0;
        var mode = asked != UserNamespaceMode.Default ? asked : isRoot ? UserNamespaceMode.Host : UserNamespaceMode.SingleId;
        var lastCapability = int.Parse(File.ReadAllText("/proc/sys/kernel/cap_last_cap"), CultureInfo.InvariantCulture);
        return mode switch
        {
            UserNamespaceMode.Host when isRoot => new HostIdentity
            {
                Mode = mode,
                LastCapability = lastCapability,
                Snapshots = new SnapshotStoreOptions { SurvivesPowerLoss = survivesPowerLoss },
            },
            UserNamespaceMode.Host => throw new HostCapabilityException("root", "Only root can run containers in the host's own user namespace.")
            {
                Hint = "Leave UserNamespace at its default, or run as root.",
            },
            UserNamespaceMode.SingleId => SingleId(lastCapability, survivesPowerLoss),
            _ => throw new HostCapabilityException("subordinate-ids", "Containers with a range of subordinate ids cannot be run yet.")
            {
                Hint = "Use UserNamespaceMode.SingleId.",
            },
        };
    }

    private static HostIdentity SingleId(int lastCapability, bool survivesPowerLoss)
    {
        var (user, group) = ((uint)geteuid(), (uint)getegid());
        return new HostIdentity
        {
            Mode = UserNamespaceMode.SingleId,
            LastCapability = lastCapability,
            UserMappings = [new IdMapping(0, user, 1)],
            GroupMappings = [new IdMapping(0, group, 1)],
            Snapshots = new SnapshotStoreOptions
            {
                UserAttributes = true,
                Ownership = TreeOwnership.Recorded(user, group),
                SurvivesPowerLoss = survivesPowerLoss,
            },
        };
    }
}

using System.Globalization;
using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Launch;
using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Union;
using static Tmds.Linux.LibC;

namespace ContainerKit.Containers.Hosts;

/// <summary>As whom containers run on this host, and so how their files lie on disk: decided once, when the host is opened.</summary>
[SupportedOSPlatform("linux")]
internal sealed record HostIdentity : IDisposable
{
    public required UserNamespaceMode Mode { get; init; }

    public IReadOnlyList<IdMapping> UserMappings { get; init; } = [];

    public IReadOnlyList<IdMapping> GroupMappings { get; init; } = [];

    public required SnapshotStoreOptions Snapshots { get; init; }

    public required int LastCapability { get; init; }

    /// <summary>Whether files are owned on disk by the ids that the image names, and the kernel shows them mapped. Only root has it so.</summary>
    public bool MapsFiles { get; init; }

    /// <summary>Who makes file calls in the containers' user namespace, where this process may not; null where it may.</summary>
    public LazyFileWorker? Worker { get; init; }

    /// <exception cref="HostCapabilityException">The mode that was asked for is not to be had here.</exception>
    public static HostIdentity Choose(UserNamespaceMode asked, bool survivesPowerLoss, string programDirectory)
    {
        var isRoot = (uint)geteuid() == 0;
        var lent = isRoot ? SubordinateIds.ForRoot() : SubordinateIds.ForThisUser();
        var lastCapability = int.Parse(File.ReadAllText("/proc/sys/kernel/cap_last_cap"), CultureInfo.InvariantCulture);
        var plain = new SnapshotStoreOptions { SurvivesPowerLoss = survivesPowerLoss };
        switch (asked, isRoot)
        {
            case (UserNamespaceMode.Default or UserNamespaceMode.Host, true):
                return new HostIdentity { Mode = UserNamespaceMode.Host, LastCapability = lastCapability, Snapshots = plain };
            case (UserNamespaceMode.Host, false):
                throw new HostCapabilityException("root", "Only root can run containers in the host's own user namespace.")
                {
                    Hint = "Leave UserNamespace at its default, or run as root.",
                };
            case (UserNamespaceMode.SubordinateIds, _) when lent is null:
                throw new HostCapabilityException("subordinate-ids", "Containers cannot have a range of ids: /etc/subuid and /etc/subgid lend this user none.")
                {
                    Hint = isRoot
                        ? "Append the line 'containers:2147483648:65536' to both, or another range that nobody has."
                        : "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER; or use UserNamespaceMode.SingleId.",
                };
            case (UserNamespaceMode.SubordinateIds, true):
                // On disk nothing is mapped, so this process edits layers itself; but a running container's root it cannot write, as it is
                // nobody there.
                return Mapped(UserNamespaceMode.SubordinateIds, lent!, lastCapability, plain) with { MapsFiles = true, Worker = WorkerFor(lent!) };
            case (UserNamespaceMode.Default, false) when lent is null || !IdMaps.AreAvailable:
            case (UserNamespaceMode.SingleId, _):
                var (user, group) = ((uint)geteuid(), (uint)getegid());
                var single = plain with { UserAttributes = true, Ownership = TreeOwnership.Recorded(user, group) };
                return Mapped(UserNamespaceMode.SingleId, UserMap.Single(user, group), lastCapability, single);
            default:
                var worker = WorkerFor(lent!);
                var ranged = plain with { UserAttributes = true, IdMap = lent, Calls = worker.Calls, Ownership = TreeOwnership.Ranged };
                return Mapped(UserNamespaceMode.SubordinateIds, lent!, lastCapability, ranged) with { Worker = worker };
        }

        LazyFileWorker WorkerFor(UserMap map) => new(() => FileWorker.StartAsync(map, programDirectory, CancellationToken.None));
    }

    /// <summary>Has the worker started where there is to be one, before threads wait for it.</summary>
    public Task PrepareAsync() => Worker?.PrepareAsync() ?? Task.CompletedTask;

    public void Dispose() => Worker?.Dispose();

    private static HostIdentity Mapped(UserNamespaceMode mode, UserMap map, int lastCapability, SnapshotStoreOptions snapshots) => new()
    {
        Mode = mode,
        LastCapability = lastCapability,
        UserMappings = [.. map.Users.Select(range => new IdMapping(range.Inside, range.Outside, range.Count))],
        GroupMappings = [.. map.Groups.Select(range => new IdMapping(range.Inside, range.Outside, range.Count))],
        Snapshots = snapshots,
    };
}

using System.Runtime.Versioning;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>Makes the control groups of containers, and sweeps those whose makers died.</summary>
[SupportedOSPlatform("linux")]
internal sealed class CgroupManager
{
    private CgroupManager(string bookkeepingDirectory) => _ = bookkeepingDirectory;

    /// <param name="bookkeepingDirectory">A directory of the store: one locked file per group lies in it.</param>
    public static CgroupManager Open(string bookkeepingDirectory) => new(bookkeepingDirectory);

    /// <summary>Makes a group. When neither a limit nor statistics ask for one, the answer is a group without directories.</summary>
    /// <exception cref="HostCapabilityException">A limit cannot be applied, and <paramref name="bestEffort"/> is false.</exception>
    public Cgroup Create(string id, ResourceLimits limits, bool bestEffort = false, bool withStatistics = false) => throw new NotImplementedException();

    /// <summary>The group of a container that somebody else may own; null when it has none.</summary>
    public Cgroup? Find(string id) => throw new NotImplementedException();

    /// <summary>Kills and removes what processes that are gone have left.</summary>
    public int Sweep() => throw new NotImplementedException();
}

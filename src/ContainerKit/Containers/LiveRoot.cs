using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;

namespace ContainerKit.Containers;

/// <summary>The files of a running container: its root as it sees it itself, mounts included, walked one component at a time.</summary>
[SupportedOSPlatform("linux")]
internal static class LiveRoot
{
    public static UnionTree Open(IsolatedProcess process) =>
        new(RootedDirectory.Open($"/proc/{process.ProcessId}/root"), [], PlainDialect.Instance, TreeOwnership.Direct);
}

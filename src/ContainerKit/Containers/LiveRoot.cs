using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;

namespace ContainerKit.Containers;

/// <summary>The files of a running container: its root as it sees it itself, mounts included, walked one component at a time.</summary>
[SupportedOSPlatform("linux")]
internal static class LiveRoot
{
    /// <param name="process">The container's first process.</param>
    /// <param name="calls">Who makes the calls: somebody to whom the container's ids mean what they mean to the container. Null for this process.</param>
    public static UnionTree Open(IsolatedProcess process, FileCalls? calls)
    {
        // This process is the one that may look into the other; what it opens, a worker of another user namespace can use.
        var root = FileCalls.Local.Open(null, $"/proc/{process.ProcessId}/root", OpenFlags.Directory, resolve: Resolve.Host);
        return new UnionTree(RootedDirectory.Adopt(root, calls), [], PlainDialect.Instance, TreeOwnership.Direct);
    }
}

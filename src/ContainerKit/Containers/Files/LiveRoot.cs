using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers.Files;

/// <summary>The files of a running container: its root as it sees it itself, mounts included, walked one component at a time.</summary>
[SupportedOSPlatform("linux")]
internal static class LiveRoot
{
    /// <param name="process">The container's first process.</param>
    /// <param name="calls">Who makes the calls: somebody to whom the container's ids mean what they mean to the container. Null for this process.</param>
    /// <param name="ownership">Where the owners are kept that the container does not see itself; null for on the files.</param>
    public static UnionTree Open(IsolatedProcess process, FileCalls? calls, TreeOwnership? ownership = null)
    {
        // This process is the one that may look into the other; what it opens, a worker of another user namespace can use.
        // Without the right to read: that a file system may keep to those who are in there, and the worker asks for it itself.
        var root = OpenPath(process);
        return new UnionTree(RootedDirectory.Adopt(root, calls), [], PlainDialect.Instance, ownership ?? TreeOwnership.Direct);
    }

    /// <summary>The root as a place to start from, and nothing more.</summary>
    public static SafeFileHandle OpenPath(IsolatedProcess process) =>
        FileCalls.Local.Open(null, $"/proc/{process.ProcessId}/root", OpenFlags.Directory | OpenFlags.PathOnly, resolve: Resolve.Host);
}

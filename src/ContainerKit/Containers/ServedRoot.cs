using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Fuse;
using ContainerKit.Storage.Union;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers;

/// <summary>The root of one run of a container whose layers no file system of the kernel stacks: this process serves it for as long as the run lasts.</summary>
[SupportedOSPlatform("linux")]
internal sealed class ServedRoot : IDisposable
{
    private readonly UnionServer _server;

    private ServedRoot(UnionServer server, SafeFileHandle mount) => (_server, Mount) = (server, mount);

    /// <summary>The mount, until the container has it.</summary>
    public SafeFileHandle Mount { get; }

    /// <summary>Serves what is to be mounted, where that is ours to serve; null where it is the kernel's.</summary>
    /// <exception cref="HostCapabilityException">This host has no FUSE for us.</exception>
    public static ServedRoot? TryStart(ContainerCatalog catalog, SnapshotLease lease, IReadOnlyList<Mount> mounts)
    {
        if (mounts is not [{ Type: UnionMount.Type } union])
        {
            return null;
        }

        var options = new FuseServerOptions { Logger = catalog.Logger, AllowsIdMapping = catalog.Identity.MapsFiles };
        return new ServedRoot(UnionServer.Start(lease.Snapshot, union, options, out var mount), mount);
    }

    /// <summary>Once the container has the mount: it is to go when the container goes.</summary>
    public void LetMountGo() => Mount.Dispose();

    /// <summary>Has the kernel write down what it keeps in memory of the container's files.</summary>
    public static void Flush(IsolatedProcess process)
    {
        using var root = FileCalls.Local.Open(null, $"/proc/{process.ProcessId}/root", OpenFlags.Directory, resolve: Resolve.Host);
        var result = LibC.syncfs((int)root.DangerousGetHandle());
        LinuxException.ThrowIf(result < 0 ? Marshal.GetLastPInvokeError() : 0, $"write down what the container's programs have written");
    }

    public void Dispose()
    {
        Mount.Dispose();
        _server.Dispose();
    }
}

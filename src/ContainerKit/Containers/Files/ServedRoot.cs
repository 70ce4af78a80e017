using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Isolation;
using ContainerKit.Launch;
using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Aufs;
using ContainerKit.Storage.Fuse;
using ContainerKit.Storage.Union;

namespace ContainerKit.Containers.Files;

/// <summary>The root of one run of a container whose layers no file system of the kernel stacks: this process serves it for as long as the run lasts.</summary>
[SupportedOSPlatform("linux")]
internal sealed class ServedRoot : IDisposable
{
    private readonly Lock _gate = new();
    private LazyFileWorker? _worker;
    private UnionServer? _server;

    private ServedRoot(Mount root, RootService service) => (Root, Service) = (root, service);

    /// <summary>What the container is to mount.</summary>
    public Mount Root { get; }

    /// <summary>What this process does for it.</summary>
    public RootService Service { get; private init; }

    /// <summary>Serves what is to be mounted, where that is ours to serve; null where it is the kernel's.</summary>
    /// <exception cref="HostCapabilityException">This host has no FUSE for us.</exception>
    public static ServedRoot? TryMake(ContainerCatalog catalog, SnapshotLease lease, IReadOnlyList<Mount> mounts)
    {
        if (mounts is not [{ Type: UnionMount.Type } union])
        {
            return null;
        }

        if (AufsProbe.WhyNotFuse() is { } reason)
        {
            throw new HostCapabilityException("fuse", $"Nothing can run on the layers of the driver {catalog.Snapshots.Driver.Name} here: {reason}")
            {
                Hint = "Let this user read and write /dev/fuse, or keep the containers in a store with another driver.",
            };
        }

        // Not passed through: one file is one node then, before copy-up and after, with its locks and watches; and the server sees every write, so that a
        // branch can come on top at any time.
        var options = new FuseServerOptions { Logger = catalog.Logger, AllowsIdMapping = catalog.Identity.MapsFiles, Passthrough = PassthroughMode.Off };
        if (!Environment.IsPrivilegedProcess)
        {
            return InContainer(lease.Snapshot, union, options);
        }

        var server = UnionServer.Start(lease.Snapshot, union, options, out var mount);
        return new ServedRoot(union, new RootService { Mount = mount }) { _server = server };
    }

    /// <summary>Once the container has the mount: it is to go when the container goes.</summary>
    public void LetMountGo() => Service.Mount?.Dispose();

    /// <summary>Who makes file calls in the mount from outside, where this process is not let in; null where it is.</summary>
    public FileCalls? CallsIn(IsolatedProcess process, ContainerCatalog catalog)
    {
        if (Service.Serve is null)
        {
            return null;
        }

        // The kernel keeps a FUSE mount to the user namespace that it was made in. Waits for no more than a launch takes.
        lock (_gate)
        {
            var isSingle = catalog.Identity.Mode == UserNamespaceMode.SingleId;
            _worker ??= new LazyFileWorker(() => FileWorker.JoinAsync(process.Handle, isSingle, catalog.Engine.ProgramDirectory, CancellationToken.None));
            return _worker.Calls;
        }
    }

    /// <summary>Opens the branch of a new snapshot, which is to come on top of what is served.</summary>
    public IOpenedBranch OpenBranch(ContainerCatalog catalog, Snapshot snapshot) => _server!.OpenBranch(snapshot, catalog.Snapshots.Driver.Mounts(snapshot)[0]);

    /// <summary>Has the kernel write down what it keeps in memory of the container's files.</summary>
    public void Flush(IsolatedProcess process, ContainerCatalog catalog)
    {
        using var path = LiveRoot.OpenPath(process);
        using var root = (CallsIn(process, catalog) ?? FileCalls.Local).Open(path, default, OpenFlags.Directory);
        var result = LibC.syncfs((int)root.DangerousGetHandle());
        LinuxException.ThrowIf(result < 0 ? Marshal.GetLastPInvokeError() : 0, $"write down what the container's programs have written");
        _server!.Files.AwaitMappedWrites();
    }

    public void Dispose()
    {
        LetMountGo();
        lock (_gate)
        {
            _worker?.Dispose();
        }

        _server?.Dispose();
    }

    // An ordinary user may mount only as root of a user namespace, and there the mount is of use only to those who are inside.
    private static ServedRoot InContainer(Snapshot snapshot, Mount union, FuseServerOptions options)
    {
        var settings = FuseMount.Settings(new FuseMountOptions { IsReadOnly = union.Options.Contains("ro") })
            .Where(setting => setting.Key != "source")
            .Select(setting => setting.Value is { } value ? $"{setting.Key}={value}" : setting.Key);
        ServedRoot? root = null;
        return root = new ServedRoot(new Mount("fuse", union.Source, "/", [.. settings]), new RootService { Serve = device => root!._server = UnionServer.Serve(snapshot, union, device, options) });
    }
}

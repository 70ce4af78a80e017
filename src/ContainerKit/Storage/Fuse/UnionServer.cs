using System.Runtime.Versioning;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.Core;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Fuse;

/// <summary>Serves a snapshot's branches as one file system, from when it is mounted until it is gone: what a mount of type <c>ckunion</c> stands for.</summary>
[SupportedOSPlatform("linux")]
internal sealed class UnionServer : IDisposable
{
    private readonly FuseServer _server;

    private UnionServer(FuseServer server, UnionFileSystem files) => (_server, Files) = (server, files);

    /// <summary>What is served.</summary>
    public UnionFileSystem Files { get; }

    /// <summary>Completes when the mount is gone.</summary>
    public Task Ended => _server.Ended;

    public void Dispose() => _server.Dispose();

    /// <summary>Mounts a snapshot in this process's user namespace, and serves it.</summary>
    /// <param name="snapshot">The snapshot, held by the caller for as long as this lives.</param>
    /// <param name="mount">What its driver says is to be mounted.</param>
    /// <param name="options">How to serve.</param>
    /// <param name="mounted">The mount, which is nowhere yet: to be put somewhere, or handed to another process. It is the caller's.</param>
    /// <exception cref="StorageException">It cannot be mounted, or its branches cannot be opened.</exception>
    public static UnionServer Start(Snapshot snapshot, Mount mount, FuseServerOptions options, out SafeFileHandle mounted)
    {
        using var made = FuseMount.Make(new FuseMountOptions { IsReadOnly = mount.Options.Contains("ro") });
        var server = Serve(snapshot, mount, files => made.Serve(files, options));
        mounted = made.TakeMount();
        return server;
    }

    /// <summary>Serves a snapshot to a mount that somebody else has made of a device.</summary>
    /// <param name="snapshot">The snapshot, held by the caller for as long as this lives.</param>
    /// <param name="mount">What its driver says is to be mounted.</param>
    /// <param name="device">The device, open and mounted; taken over.</param>
    /// <param name="options">How to serve.</param>
    public static UnionServer Serve(Snapshot snapshot, Mount mount, SafeFileHandle device, FuseServerOptions options)
    {
        try
        {
            return Serve(snapshot, mount, files => FuseServer.Start(device, files, options));
        }
        catch
        {
            // Whoever waits for the mount is let go.
            device.Dispose();
            throw;
        }
    }

    /// <summary>Opens the branch of a new snapshot that is built on the one that is served.</summary>
    /// <param name="snapshot">The new snapshot.</param>
    /// <param name="mount">What its driver says is to be mounted.</param>
    public IOpenedBranch OpenBranch(Snapshot snapshot, Mount mount)
    {
        if (Files.HasPassedWriters)
        {
            throw new InvalidOperationException("The kernel writes files of this mount by itself, so that nothing can come on top of them.");
        }

        var (upper, work, _) = UnionMount.DirectoriesOf(mount);
        var calls = snapshot.Calls ?? FileCalls.Local;
        var branch = new UnionBranch(RootedDirectory.Open(upper!, calls), BranchOptions.Writable);
        try
        {
            return new OpenedBranch(Files.Union, branch, UnionOpening.OpenStaging(branch, UnionMount.DialectOf(mount), work, new UnionCoreOptions(), calls));
        }
        catch
        {
            branch.Dispose();
            throw;
        }
    }

    private static UnionServer Serve(Snapshot snapshot, Mount mount, Func<UnionFileSystem, FuseServer> serve)
    {
        UnionFileSystem? files = null;
        try
        {
            files = new UnionFileSystem(Open(snapshot, mount));
            return new UnionServer(serve(files), files);
        }
        catch (Exception e)
        {
            files?.Union.Dispose();
            throw e is LinuxException error ? StorageErrors.Translate(error, $"serve the files of '{snapshot.Id}'", snapshot.Directory) : e;
        }
    }

    private static UnionCore Open(Snapshot snapshot, Mount mount)
    {
        var (upper, work, lower) = UnionMount.DirectoriesOf(mount);
        (string, BranchOptions)[] writable = upper is null ? [] : [(upper, BranchOptions.Writable)];
        return UnionOpening.Open(
            [.. writable, .. lower.Select(path => (path, BranchOptions.HonoursWhiteouts))],
            UnionMount.DialectOf(mount),
            (snapshot.Ownership ?? TreeOwnership.Direct).InMount,
            work,
            calls: snapshot.Calls);
    }

    private sealed class OpenedBranch(UnionCore union, UnionBranch branch, SafeFileHandle staging) : IOpenedBranch
    {
        private bool _isOnTop;

        public void PutOnTop()
        {
            union.PushBranch(branch, staging);
            _isOnTop = true;
        }

        public void Dispose()
        {
            if (!_isOnTop)
            {
                branch.Dispose();
                staging.Dispose();
            }
        }
    }
}

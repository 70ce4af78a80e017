using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Fuse;
using ContainerKit.Storage.Union;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage;

/// <summary>What a driver says is to be mounted, mounted with mount(8); a union by its server.</summary>
internal sealed class MountedSnapshot : IDisposable
{
    private readonly UnionServer? _server;

    public MountedSnapshot(SnapshotStore store, SnapshotLease lease, string target)
    {
        Path = target;
        var mount = store.Mounts(lease).Single();
        switch (mount.Type)
        {
            case UnionMount.Type:
                _server = UnionServer.Start(lease.Snapshot, mount, new FuseServerOptions(), out var mounted);
                using (mounted)
                using (var directory = FileCalls.Local.Open(null, target, OpenFlags.PathOnly | OpenFlags.Directory, resolve: Resolve.Host))
                {
                    LinuxException.ThrowIf(MountCalls.TryMove(mounted, directory), $"mount on '{target}'");
                }

                break;
            case "bind":
                Shell.Run("mount", "--bind", mount.Source, target);
                break;
            default:
                Shell.Run("mount", "-t", mount.Type, mount.Source, "-o", OptionsOf(mount), target);
                break;
        }
    }

    public string Path { get; }

    public void Dispose()
    {
        Shell.Run("umount", Path);
        _server?.Dispose();
    }

    private static string OptionsOf(Mount mount)
    {
        var lower = mount.Options.Where(option => option.StartsWith("lowerdir=", StringComparison.Ordinal)).Select(option => option["lowerdir=".Length..]);
        var others = mount.Options.Where(option => !option.StartsWith("lowerdir=", StringComparison.Ordinal));
        return string.Join(',', [$"lowerdir={string.Join(':', lower)}", .. others]);
    }
}

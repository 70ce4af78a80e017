using System.Runtime.Versioning;
using ContainerKit.Storage.Fuse;

namespace ContainerKit.Benchmarks.CopyUp;

/// <summary>A union that this process serves. Whoever unmounts it disposes of this afterwards.</summary>
[SupportedOSPlatform("linux")]
internal sealed class UnionMountPoint : IDisposable
{
    private readonly FuseServer _server;

    private UnionMountPoint(FuseServer server) => _server = server;

    public string Passthrough => _server.Passthrough.ToString();

    public static UnionMountPoint Make(Branches branches, PassthroughMode passthrough)
    {
        using var mount = FuseMount.Make(new FuseMountOptions());
        var server = mount.Serve(new UnionFileSystem(branches.OpenCore()), new FuseServerOptions { Passthrough = passthrough });
        mount.Attach(branches.Mounted);
        return new UnionMountPoint(server);
    }

    public void Dispose() => _server.Dispose();
}

using ContainerKit.Storage.Fuse;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.Core;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage.Fuse;

/// <summary>A union served by this process and mounted for a test: branches <c>upper</c>, <c>lower1</c> (and so on) of a temporary directory.</summary>
internal sealed class MountedUnion : IDisposable
{
    private readonly FuseServer _server;

    public MountedUnion(TemporaryDirectory directory, IWhiteoutDialect dialect, int lowers = 1, PassthroughMode passthrough = PassthroughMode.Off)
    {
        Needs.Root();
        Upper = directory.MakeDirectory("upper");
        Path = directory.MakeDirectory("mounted");
        List<(string Path, BranchOptions Options)> branches = [(Upper, BranchOptions.Writable)];
        for (var i = 1; i <= lowers; i++)
        {
            branches.Add((directory.MakeDirectory($"lower{i}"), BranchOptions.HonoursWhiteouts));
        }

        Union = UnionOpening.Open(branches, dialect, TreeOwnership.Direct, dialect is AufsDialect ? null : directory.MakeDirectory("work"));
        Files = new UnionFileSystem(Union);
        var mount = FuseMount.Make(new FuseMountOptions());
        _server = FuseServer.Start(mount.Device, Files, new FuseServerOptions { Passthrough = passthrough });
        mount.Attach(Path);
        mount.Mount.Dispose();
    }

    public string Path { get; }

    public string Upper { get; }

    public UnionCore Union { get; }

    public UnionFileSystem Files { get; }

    public string this[string path] => System.IO.Path.Combine(Path, path);

    public void Dispose()
    {
        Shell.Run("umount", Path);
        _server.Dispose();
    }
}

using ContainerKit.Launch;
using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Aufs;
using ContainerKit.Storage.Overlay;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Vfs;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage;

/// <summary>As root, with real owners and devices.</summary>
internal sealed class OverlayDriverTests : MountedDriverContract
{
    private protected override IStorageDriver Driver { get; } = new OverlayDriver();

    [OneTimeSetUp]
    public void OnlyAsRoot() => Needs.Root();
}

/// <summary>As an ordinary user (or root who acts as one): one id on disk, the rest recorded.</summary>
internal sealed class RootlessOverlayDriverTests : MountedDriverContract
{
    private protected override IStorageDriver Driver { get; } = new OverlayDriver();

    private protected override SnapshotStoreOptions Options => Rootless.Options;
}

internal sealed class VfsDriverTests : MountedDriverContract
{
    private protected override IStorageDriver Driver { get; } = new VfsDriver();

    [OneTimeSetUp]
    public void OnlyAsRoot() => Needs.Root();
}

internal sealed class RootlessVfsDriverTests : MountedDriverContract
{
    private protected override IStorageDriver Driver { get; } = new VfsDriver();

    private protected override SnapshotStoreOptions Options => Rootless.Options;
}

/// <summary>Without any mount: all that is done to layers in process.</summary>
internal sealed class AufsDriverTests : StorageDriverContract
{
    private protected override IStorageDriver Driver { get; } = new AufsDriver(AufsForm.InProcess);

    [OneTimeSetUp]
    public void OnlyAsRoot() => Needs.Root();
}

/// <summary>Mounted by this library's server.</summary>
internal sealed class ServedAufsDriverTests : MountedDriverContract
{
    private protected override IStorageDriver Driver { get; } = new AufsDriver(AufsForm.Fuse);

    [OneTimeSetUp]
    public void OnlyAsRoot() => Needs.Root();
}

internal sealed class RootlessServedAufsDriverTests : MountedDriverContract
{
    private protected override IStorageDriver Driver { get; } = new AufsDriver(AufsForm.Fuse);

    private protected override SnapshotStoreOptions Options => Rootless.Options;
}

internal sealed class RootlessAufsDriverTests : StorageDriverContract
{
    private protected override IStorageDriver Driver { get; } = new AufsDriver(AufsForm.InProcess);

    private protected override SnapshotStoreOptions Options => Rootless.Options;
}

/// <summary>As an ordinary user with a range of ids: real owners, by a worker in a user namespace, where nobody can make a device.</summary>
internal sealed class RangedOverlayDriverTests : RangedDriverContract
{
    private protected override IStorageDriver Driver { get; } = new OverlayDriver();
}

internal sealed class RangedAufsDriverTests : RangedDriverContract
{
    private protected override IStorageDriver Driver { get; } = new AufsDriver(AufsForm.InProcess);
}

internal sealed class RangedVfsDriverTests : RangedDriverContract
{
    private protected override IStorageDriver Driver { get; } = new VfsDriver();
}

internal abstract class RangedDriverContract : StorageDriverContract
{
    private LazyFileWorker? _worker;
    private SnapshotStoreOptions _options = new();

    private protected override SnapshotStoreOptions Options => _options;

    [OneTimeSetUp]
    public void PrepareWorker()
    {
        Needs.OrdinaryUser();
        Needs.SubordinateIds();
        var map = SubordinateIds.ForThisUser()!;
        _worker = new LazyFileWorker(() => FileWorker.StartAsync(map, null, CancellationToken.None));
        _options = new SnapshotStoreOptions { UserAttributes = true, IdMap = map, Calls = _worker.Calls, Ownership = TreeOwnership.Ranged };
    }

    [OneTimeTearDown]
    public void EndWorker() => _worker?.Dispose();
}

internal static class Rootless
{
    public static SnapshotStoreOptions Options { get; } = new()
    {
        UserAttributes = true,
        Ownership = TreeOwnership.Recorded((uint)Tmds.Linux.LibC.geteuid(), (uint)Tmds.Linux.LibC.getegid()),
    };
}

using System.Runtime.Versioning;
using ContainerKit.Linux;
using ContainerKit.Storage.Fuse;
using ContainerKit.Storage.Mounted;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContainerKit;

/// <summary>
/// A stack of directories as one file system, mounted on a directory of the host: changes go to the topmost one, after a file was copied up to it.
/// This process serves it, so that it ends with this process: a mount that nobody serves any more answers ENOTCONN until it is unmounted, or another
/// union is mounted in its place.
/// </summary>
/// <remarks>Takes root, or CAP_SYS_ADMIN in a user namespace in which this process was started. The directories must not be changed but through the mount.
/// This process may read and write files of the mount, but not map them into memory: a thread that waits for a page holds up the garbage collector, and
/// that the threads which would serve the page.</remarks>
public sealed class MountedUnion : IAsyncDisposable
{
    private readonly FuseServer _server;

    private MountedUnion(string mountPoint, FuseServer server) => (MountPoint, _server) = (mountPoint, server);

    /// <summary>The directory that it is mounted on; absolute.</summary>
    public string MountPoint { get; }

    /// <summary>Whether the kernel reads and writes the files itself (<c>active</c>), or why it does not.</summary>
    public string Passthrough => OperatingSystem.IsLinux() ? _server.Passthrough.ToString() : "";

    /// <summary>Completes when it has been unmounted, by whomever.</summary>
    public Task Unmounted => OperatingSystem.IsLinux() ? _server.Ended : Task.CompletedTask;

    /// <summary>Mounts a union and begins to serve it.</summary>
    /// <param name="mountPoint">An existing directory.</param>
    /// <param name="options">What it is stacked from.</param>
    /// <param name="cancellationToken">Gives up before anything is mounted.</param>
    /// <exception cref="StorageException">It cannot be mounted; the message ends with the name of the kernel's error in brackets.</exception>
    /// <exception cref="PlatformNotSupportedException">This system is not Linux.</exception>
    public static Task<MountedUnion> MountAsync(string mountPoint, UnionMountOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(mountPoint);
        ArgumentNullException.ThrowIfNull(options);
        return Task.Run(
            () => OperatingSystem.IsLinux()
                ? Mount(Path.GetFullPath(mountPoint), options)
                : throw LinuxOnly.Refusal("Unions are mounted"),
            cancellationToken);
    }

    /// <summary>
    /// Gives a union that is mounted, by whichever process, other branches or options, as mount(8)'s <c>-o remount,…</c> does for AUFS: <c>append:PATH=ro+wh</c>,
    /// <c>prepend:PATH=rw</c>, <c>add:PLACE:PATH=ro</c>, <c>del:PATH</c>, <c>mod:PATH=ro</c>, and the options of <see cref="UnionMountOptions.Parse"/>. Those who use it go on.
    /// </summary>
    /// <param name="mountPoint">Where it is mounted.</param>
    /// <param name="options">What is to be different, separated by commas.</param>
    /// <param name="cancellationToken">Gives up before it is asked for.</param>
    /// <exception cref="StorageException">
    /// It is not done, and the branches are what they were; the message ends with the name of the error in brackets. EBUSY: a file of a branch that was to go is open, or the
    /// kernel writes files of the mount by itself. (Only <c>ro</c>, <c>nosuid</c> and their like come after the branches have changed, and fail alone: <c>ro</c> with EBUSY while a file is written.) EINVAL: the options are wrong, or the union was not mounted in AUFS's words. ENOSYS: the kernel is older than 6.16, and
    /// could not be told to forget what it knows.
    /// </exception>
    /// <exception cref="PlatformNotSupportedException">This system is not Linux.</exception>
    public static Task RemountAsync(string mountPoint, string options, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(mountPoint);
        ArgumentNullException.ThrowIfNull(options);
        var directory = Environment.CurrentDirectory;
        return Task.Run(
            () =>
            {
                if (!OperatingSystem.IsLinux())
                {
                    throw LinuxOnly.Refusal("Unions are mounted");
                }

                Remount(Path.GetFullPath(mountPoint, directory), options, directory);
            },
            cancellationToken);
    }

    /// <summary>Unmounts it, from the tree at once and wholly when nobody uses it any more, and stops serving.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        if (!_server.Ended.IsCompleted)
        {
            _ = MountCalls.TryUnmount(MountPoint, lazily: true);
        }

        await Task.Run(_server.Dispose).ConfigureAwait(false);
    }

    [SupportedOSPlatform("linux")]
    private static MountedUnion Mount(string mountPoint, UnionMountOptions options)
    {
        try
        {
            LetDeadGo(mountPoint);
            RequireInodeFile(mountPoint, options.InodeFile);
            var union = Open(options);
            try
            {
                return Serve(mountPoint, options, union);
            }
            catch
            {
                union.Dispose();
                throw;
            }
        }
        catch (LinuxException e)
        {
            // AUFS has one word for everything that is wrong with a branch.
            throw Refusal(mountPoint, e, options.IsAufs ? Errno.EINVAL : e.Errno);
        }
    }

    [SupportedOSPlatform("linux")]
    private static void Remount(string mountPoint, string options, string directory)
    {
        if (!IsUnion(mountPoint))
        {
            throw new StorageException($"Cannot remount '{mountPoint}': no union is mounted there (EINVAL).");
        }

        try
        {
            UnionRemount.Ask(mountPoint, options, directory);
        }
        catch (LinuxException e)
        {
            throw new StorageException($"{e.Message.TrimEnd('.')} ({Errno.NameOf(e.Errno)}).", e);
        }
    }

    // A union whose server was killed stays where it was, and is good for nothing.
    [SupportedOSPlatform("linux")]
    private static void LetDeadGo(string mountPoint)
    {
        while (IsDead(mountPoint) && IsUnion(mountPoint) && MountCalls.TryUnmount(mountPoint, lazily: true) == 0)
        {
            // There may be another below.
        }
    }

    [SupportedOSPlatform("linux")]
    private static bool IsUnion(string mountPoint) => MountInfo.Visible(MountInfo.Parse(File.ReadAllText("/proc/self/mountinfo")))
        .Any(mount => mount.Target == mountPoint && mount.Type == $"fuse.{UnionMount.Type}");

    [SupportedOSPlatform("linux")]
    private static bool IsDead(string mountPoint)
    {
        var errno = FileCalls.Local.TryOpen(null, mountPoint, OpenFlags.Directory, 0, Resolve.Host, out var handle);
        handle.Dispose();
        return errno == Errno.ENOTCONN;
    }

    private static StorageException Refusal(string mountPoint, LinuxException e, int errno) =>
        new($"Cannot mount on '{mountPoint}': {e.Message.TrimEnd('.')} ({Errno.NameOf(errno)}).", e);

    // Nothing is kept there, and yet whoever names it expects that it could be. AUFS's file is gone as soon, too.
    [SupportedOSPlatform("linux")]
    private static void RequireInodeFile(string mountPoint, string? file)
    {
        if (file is null)
        {
            return;
        }

        const int OwnerOnly = 0x180;
        var errno = FileCalls.Local.TryOpen(null, file, OpenFlags.Write | OpenFlags.Create | OpenFlags.Exclusive, OwnerOnly, Resolve.Host, out var handle);
        if (errno != 0)
        {
            throw Refusal(mountPoint, new LinuxException(errno, $"keep inode numbers in '{file}'"), errno);
        }

        handle.Dispose();
        File.Delete(file);
    }

    [SupportedOSPlatform("linux")]
    private static UnionCore Open(UnionMountOptions options) => UnionOpening.Open(
        options.Branches,
        !options.IsAufs ? OverlayDialect.Trusted : options.ShowsWhiteouts ? AufsDialect.ShowingWhiteouts : AufsDialect.Instance,
        TreeOwnership.Direct,
        options.WorkDirectory,
        options.Core);

    [SupportedOSPlatform("linux")]
    private static MountedUnion Serve(string mountPoint, UnionMountOptions options, UnionCore union)
    {
        // The mount is read-only, and not what is mounted: that may get a branch for changes later.
        using var mount = FuseMount.Make(new FuseMountOptions { Attributes = MountFlags.ChangeOf(options.Flags).Added });
        var logger = options.LoggerFactory?.CreateLogger<MountedUnion>() ?? NullLogger<MountedUnion>.Instance;
        var files = new UnionFileSystem(union)
        {
            Remounting = new UnionRemount(options, union).Perform,
            PassesLowerFiles = options.Passthrough == PassthroughMode.On,
        };
        var server = mount.Serve(files, new FuseServerOptions { Passthrough = options.Passthrough, Logger = logger });
        try
        {
            mount.Attach(mountPoint);
            return new MountedUnion(mountPoint, server);
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }
}

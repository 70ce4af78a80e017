using System.Globalization;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Fuse;

/// <summary>Makes the kernel's side of a FUSE mount: a mount that is nowhere yet, to be put on a directory or handed to a container.</summary>
[SupportedOSPlatform("linux")]
internal sealed class FuseMount : IDisposable
{
    private const string Type = "fuse";

    private bool _isDeviceTaken, _isMountTaken;

    private FuseMount(SafeFileHandle device, SafeFileHandle mount) => (Device, Mount) = (device, mount);

    /// <summary>What a <see cref="FuseServer"/> serves.</summary>
    public SafeFileHandle Device { get; }

    /// <summary>The mount. When it is neither moved anywhere nor held open any more, it is gone, and its server ends.</summary>
    public SafeFileHandle Mount { get; }

    /// <summary>Mounts. Needs CAP_SYS_ADMIN, of this process's user namespace at least. Nothing in the mount answers before a server is started.</summary>
    /// <exception cref="StorageException">The kernel does not mount it.</exception>
    public static FuseMount Make(FuseMountOptions options)
    {
        var device = FuseDevice.Open();
        try
        {
            return new FuseMount(device, Make(device, options));
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    /// <summary>The settings for fsconfig(2) beside the device itself, and flags as keys without a value: the same for whoever mounts.</summary>
    public static IEnumerable<(string Key, string? Value)> Settings(FuseMountOptions options)
    {
        yield return ("source", options.Source);
        yield return ("subtype", options.Subtype);
        yield return ("rootmode", "40000");
        yield return ("user_id", options.UserId.ToString(CultureInfo.InvariantCulture));
        yield return ("group_id", options.GroupId.ToString(CultureInfo.InvariantCulture));
        yield return ("default_permissions", null);
        yield return ("allow_other", null);
        if (options.IsReadOnly)
        {
            yield return ("ro", null);
        }
    }

    /// <summary>Puts the mount on a directory.</summary>
    public void Attach(string mountPoint)
    {
        var calls = FileCalls.Local;
        var errno = calls.TryOpen(null, mountPoint, OpenFlags.PathOnly | OpenFlags.Directory, 0, Resolve.Host, out var directory);
        using (directory)
        {
            errno = errno != 0 ? errno : MountCalls.TryMove(Mount, directory);
        }

        if (errno != 0)
        {
            throw new StorageException($"Cannot mount on '{mountPoint}': {LinuxException.Describe(errno)} ({Errno.NameOf(errno)}).");
        }
    }

    /// <summary>Serves the mount; the device belongs to the server from now on.</summary>
    public FuseServer Serve(FuseFileSystem files, FuseServerOptions options)
    {
        _isDeviceTaken = true;
        return FuseServer.Start(Device, files, options);
    }

    /// <summary>The mount for whoever is to hold it from now on.</summary>
    public SafeFileHandle TakeMount()
    {
        _isMountTaken = true;
        return Mount;
    }

    public void Dispose()
    {
        if (!_isMountTaken)
        {
            Mount.Dispose();
        }

        if (!_isDeviceTaken)
        {
            Device.Dispose();
        }
    }

    private static SafeFileHandle Make(SafeFileHandle device, FuseMountOptions options)
    {
        var errno = MountContext.TryOpen(Type, out var context);
        using (context)
        {
            Check(errno, "mount a FUSE file system");
            foreach (var (key, value) in Settings(options))
            {
                Check(value is null ? context.TrySet(key) : context.TrySet(key, value), $"give a FUSE mount the option {key}");
            }

            // By number: as a descriptor (FSCONFIG_SET_FD) the kernel refuses it.
            Check(context.TrySet("fd", device.DangerousGetHandle().ToString(CultureInfo.InvariantCulture)), "give a FUSE mount its device");
            Check(context.TryCreate(), "mount a FUSE file system");
            errno = context.TryMount(options.Attributes, out var mount);
            Check(errno, "mount a FUSE file system");
            return mount;
        }
    }

    private static void Check(int errno, string attempt)
    {
        if (errno != 0)
        {
            throw new StorageException($"Cannot {attempt}: {LinuxException.Describe(errno)}.")
            {
                Hint = errno == Errno.EPERM ? "It takes root, or a user namespace in which this process is root and has opened the device itself." : null,
            };
        }
    }
}

/// <summary>How a FUSE file system is mounted.</summary>
internal sealed record FuseMountOptions
{
    /// <summary>What stands first in its line of /proc/mounts.</summary>
    public string Source { get; init; } = "ckunion";

    /// <summary>The type in /proc/mounts is <c>fuse.</c> and this.</summary>
    public string Subtype { get; init; } = "ckunion";

    /// <summary>Who mounts, in the user namespace of the mount.</summary>
    public uint UserId { get; init; }

    /// <inheritdoc cref="UserId"/>
    public uint GroupId { get; init; }

    /// <summary>Whether the file system itself takes no change, whatever mounts of it say.</summary>
    public bool IsReadOnly { get; init; }

    public MountAttributes Attributes { get; init; }
}

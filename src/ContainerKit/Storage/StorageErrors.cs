using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Storage;

/// <summary>Turns what the kernel said into what the user of a store can do something with.</summary>
[SupportedOSPlatform("linux")]
internal static class StorageErrors
{
    /// <param name="error">The failed call.</param>
    /// <param name="attempt">What was tried, which completes "Cannot …".</param>
    /// <param name="path">A path on the file system that it was tried on.</param>
    public static StorageException Translate(LinuxException error, string attempt, string path) => error.Errno switch
    {
        Errno.ENOSPC => new($"Cannot {attempt}: the file system mounted at '{MountPointOf(path)}' is full.", error)
        {
            Hint = "Free some space there, or some inodes ('df -h' and 'df -i' tell which is short); nothing half-written was left.",
        },
        Errno.EDQUOT => new($"Cannot {attempt}: the user's quota on the file system mounted at '{MountPointOf(path)}' is used up.", error),
        Errno.EROFS => new($"Cannot {attempt}: the file system mounted at '{MountPointOf(path)}' is read-only.", error),
        _ => new($"Cannot {attempt}: {error.Message}", error),
    };

    private static string MountPointOf(string path)
    {
        // Up as long as it is the same file system.
        var directory = Path.GetFullPath(path);
        var device = DeviceOf(directory);
        while (Path.GetDirectoryName(directory) is { } parent && (device is null || DeviceOf(parent) == device))
        {
            directory = parent;
            device ??= DeviceOf(directory);
        }

        return directory;
    }

    private static ulong? DeviceOf(string path)
    {
        if (FileCalls.Local.TryOpen(null, path, OpenFlags.PathOnly, 0, Resolve.Host, out var handle) != 0)
        {
            return null;
        }

        using (handle)
        {
            return FileCalls.Local.Stat(handle).Device;
        }
    }
}

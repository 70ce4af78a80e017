using ContainerKit.Linux;

namespace ContainerKit.Content;

/// <summary>What is said when there is no room: which file system is full, and what frees it.</summary>
internal static class FullDisk
{
    private const int WindowsDiskFull = unchecked((int)0x80070070), WindowsHandleDiskFull = unchecked((int)0x80070027);

    /// <summary>Whether a failure means that a file system, or a quota, has no room.</summary>
    public static bool IsCause(Exception failure) => failure is IOException && (OperatingSystem.IsWindows()
        ? failure.HResult is WindowsDiskFull or WindowsHandleDiskFull
        : failure.HResult is Errno.ENOSPC or Errno.EDQUOT);

    /// <summary>What failed, as the end of a sentence, and what helps.</summary>
    /// <param name="failure">A failure that <see cref="IsCause"/>.</param>
    /// <param name="path">A path on the file system that it happened on; it need not be there.</param>
    public static (string Reason, string Hint) Describe(Exception failure, string path)
    {
        var place = MountPointOf(path);
        return failure.HResult == Errno.EDQUOT && !OperatingSystem.IsWindows()
            ? ($"the user's quota on the file system mounted at '{place}' is used up.", $"Remove what is not needed there, or have the quota raised. {Housekeeping}")
            : ($"the file system mounted at '{place}' is full.", $"Free some space there, or some inodes ('df -h {place}' and 'df -i {place}' tell which is short). {Housekeeping}");
    }

    /// <summary>What in a store can go, and what a failure has left: nothing, but for the beginnings of blobs.</summary>
    private const string Housekeeping = "'ckit df' tells what the store takes, and 'ckit prune' (PruneAsync of the images and of the host) frees what nothing needs; nothing half-written was left.";

    /// <summary>The failure as an exception of a store.</summary>
    /// <param name="failure">A failure that <see cref="IsCause"/>.</param>
    /// <param name="attempt">What was tried, which completes "Cannot …".</param>
    /// <param name="path">A path on the file system that it happened on.</param>
    public static StorageException ToStorage(Exception failure, string attempt, string path)
    {
        var (reason, hint) = Describe(failure, path);
        return new StorageException($"Cannot {attempt}: {reason}", failure) { Hint = hint };
    }

    /// <summary>Does something, and says so in a sentence when there is no room for it.</summary>
    /// <param name="attempt">What, which completes "Cannot …".</param>
    /// <param name="path">A path on the file system that it is done on.</param>
    /// <param name="work">Does it.</param>
    public static T Tell<T>(string attempt, string path, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (IOException e) when (IsCause(e))
        {
            throw ToStorage(e, attempt, path);
        }
    }

    /// <summary>Where the file system is mounted that a path is on, or would be.</summary>
    public static string MountPointOf(string path)
    {
        var directory = Path.GetFullPath(path);
        if (!OperatingSystem.IsLinux())
        {
            return Path.GetPathRoot(directory) ?? directory;
        }

        // Up as long as it is the same file system.
        var device = DeviceOf(directory);
        while (Path.GetDirectoryName(directory) is { } parent && (device is null || DeviceOf(parent) == device))
        {
            directory = parent;
            device ??= DeviceOf(directory);
        }

        return directory;
    }

    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
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

using System.Runtime.Versioning;
using ContainerKit.Content;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage;

/// <summary>
/// A flock(2) on a directory itself. It goes along when the directory is renamed, and away with the process that holds it.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class DirectoryLock
{
    /// <summary>Opens and locks a directory. The lock lasts until the handle is disposed.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="exclusive">Alone, or together with others who do not ask to be alone.</param>
    /// <param name="handle">The lock; null when there is none.</param>
    public static LockResult TryTake(string path, bool exclusive, out SafeFileHandle? handle)
    {
        handle = null;
        var errno = FileCalls.Local.TryOpen(null, path, OpenFlags.Directory | OpenFlags.NoFollow, 0, Resolve.Host, out var directory);
        if (errno is Errno.ENOENT or Errno.ENOTDIR)
        {
            return LockResult.Absent;
        }

        LinuxException.ThrowIf(errno, $"open '{path}'");
        if (!FileLock.TryFlock(directory, exclusive))
        {
            directory.Dispose();
            return LockResult.Busy;
        }

        // Between opening and locking it may have been renamed, removed or replaced: then it is another's by now.
        var isCurrent = FileCalls.Local.TryOpen(null, path, OpenFlags.PathOnly | OpenFlags.NoFollow, 0, Resolve.Host, out var there) == 0
            && FileCalls.Local.Stat(there) is var now
            && FileCalls.Local.Stat(directory) is var mine
            && (now.Inode, now.Device) == (mine.Inode, mine.Device);
        there.Dispose();
        if (!isCurrent)
        {
            directory.Dispose();
            return LockResult.Absent;
        }

        handle = directory;
        return LockResult.Taken;
    }
}

/// <summary>How an attempt to lock a directory ended.</summary>
internal enum LockResult
{
    Taken,
    Busy,
    Absent,
}

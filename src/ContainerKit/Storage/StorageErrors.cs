using System.Runtime.Versioning;
using ContainerKit.Content;
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
        Errno.ENOSPC or Errno.EDQUOT => FullDisk.ToStorage(error, attempt, path),
        Errno.EROFS => new($"Cannot {attempt}: the file system mounted at '{FullDisk.MountPointOf(path)}' is read-only.", error),
        _ => new($"Cannot {attempt}: {error.Message}", error),
    };
}

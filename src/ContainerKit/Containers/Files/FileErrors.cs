using ContainerKit.Content;
using ContainerKit.Linux;

namespace ContainerKit.Containers.Files;

/// <summary>Turns the kernel's answers about a file into the exceptions that .NET's own file calls have for them.</summary>
internal static class FileErrors
{
    /// <param name="path">The file.</param>
    /// <param name="call">Does something to it.</param>
    /// <param name="where">Where the file is.</param>
    /// <param name="disk">A path on the file system that it lies on, to be named when that is full.</param>
    public static T Translate<T>(string path, Func<T> call, string where = "in the container", string? disk = null)
    {
        try
        {
            return call();
        }
        catch (LinuxException e)
        {
            throw Translate(path, where, disk, e);
        }
    }

    private static Exception Translate(string path, string where, string? disk, LinuxException e) => e.Errno switch
    {
        Errno.ENOENT => new FileNotFoundException($"There is no '{path}' {where}.", path, e),
        Errno.ENOTDIR => new DirectoryNotFoundException($"The directory of '{path}' {where} is no directory.", e),
        Errno.EACCES or Errno.EPERM => new UnauthorizedAccessException($"Not allowed for '{path}' {where}: {e.Message}", e),
        Errno.ENOSPC or Errno.EDQUOT => NoRoom(path, where, disk, e),
        _ => new IOException($"Failed for '{path}' {where}: {e.Message}", e),
    };

    /// <summary>That a file system is full. A file of a running container may lie on another one than its layers: then the reason tells the rest.</summary>
    public static IOException NoRoom(string path, string where, string? disk, IOException e) => new(
        $"There is no room left for '{path}' {where}: {(disk is null ? e.Message : FullDisk.Describe(e, disk).Reason)}", e);
}

using ContainerKit.Linux;

namespace ContainerKit.Containers;

/// <summary>Turns the kernel's answers about a file into the exceptions that .NET's own file calls have for them.</summary>
internal static class FileErrors
{
    public static T Translate<T>(string path, Func<T> call, string where = "in the container")
    {
        try
        {
            return call();
        }
        catch (LinuxException e)
        {
            throw Translate(path, where, e);
        }
    }

    private static Exception Translate(string path, string where, LinuxException e) => e.Errno switch
    {
        Errno.ENOENT => new FileNotFoundException($"There is no '{path}' {where}.", path, e),
        Errno.ENOTDIR => new DirectoryNotFoundException($"The directory of '{path}' {where} is no directory.", e),
        Errno.EACCES or Errno.EPERM => new UnauthorizedAccessException($"Not allowed for '{path}' {where}: {e.Message}", e),
        Errno.ENOSPC or Errno.EDQUOT => new IOException($"There is no room left for '{path}': the store's file system is full.", e),
        _ => new IOException($"Failed for '{path}' {where}: {e.Message}", e),
    };
}

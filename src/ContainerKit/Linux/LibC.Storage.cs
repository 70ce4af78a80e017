using System.Runtime.InteropServices;

namespace ContainerKit.Linux;

/// <summary>What a store calls: offsets of 64 bits whatever the machine, and flushing.</summary>
internal static unsafe partial class LibC
{
    [LibraryImport(Library, SetLastError = true)]
    public static partial int fsync(int fd);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int syncfs(int fd);

    [LibraryImport(Library, SetLastError = true)]
    public static partial long lseek64(int fd, long offset, int whence);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int ftruncate64(int fd, long length);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint pwrite64(int fd, byte* buffer, nuint count, long offset);
}

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

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint pread64(int fd, byte* buffer, nuint count, long offset);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int fdatasync(int fd);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int fallocate64(int fd, int mode, long offset, long length);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int fstatfs(int fd, statfs_t* buffer);

    /// <summary>struct statfs, as every 64-bit machine has it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct statfs_t
    {
        public long f_type, f_bsize;
        public ulong f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_fsid;
        public long f_namelen, f_frsize, f_flags;
        public fixed long f_spare[4];
    }
}

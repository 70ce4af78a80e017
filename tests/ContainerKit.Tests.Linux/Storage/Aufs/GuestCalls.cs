using System.Runtime.InteropServices;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>libc, raw, as a program in the mount calls it; names and arguments are libc's own.</summary>
internal static unsafe partial class GuestCalls
{
    public const int AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, AT_SYMLINK_FOLLOW = 0x400, AT_EMPTY_PATH = 0x1000;
    public const int O_CREAT = 0x40, O_EXCL = 0x80, O_TRUNC = 0x200, O_APPEND = 0x400, O_NONBLOCK = 0x800, O_NOATIME = 0x40000;
    public const int O_WRONLY = 1, O_RDWR = 2, O_CLOEXEC = 0x80000;
    public const int CLONE_FS = 0x200, CLONE_NEWNS = 0x20000;
    public const int MS_RDONLY = 1, MS_NOATIME = 0x400, MS_REMOUNT = 0x20, MS_BIND = 0x1000, MS_REC = 0x4000, MS_PRIVATE = 0x40000;
    public const int MNT_DETACH = 2;
    public const uint S_IFREG = 0x8000, S_IFIFO = 0x1000, S_IFCHR = 0x2000, S_IFBLK = 0x6000, S_IFSOCK = 0xC000;
    public const nuint FS_IOC_GETFLAGS = 0x80086601, FS_IOC_SETFLAGS = 0x40086602, FICLONE = 0x40049409;
    public const int PC_NAME_MAX = 3;

    private const string Library = "libc";
    private const StringMarshalling Utf8 = StringMarshalling.Utf8;

    // arm64 has the same values of these four in another order.
    public static int O_DIRECTORY => IsArm ? 0x4000 : 0x10000;

    public static int O_NOFOLLOW => IsArm ? 0x8000 : 0x20000;

    public static int O_DIRECT => IsArm ? 0x10000 : 0x4000;

    public static int O_TMPFILE => 0x400000 | O_DIRECTORY;

    private static bool IsArm => RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int open(string path, int flags, uint mode);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int close(int fd);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint read(int fd, byte* buffer, nuint count);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint write(int fd, byte* buffer, nuint count);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint pread(int fd, byte* buffer, nuint count, long offset);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint pwrite(int fd, byte* buffer, nuint count, long offset);

    [LibraryImport(Library, SetLastError = true)]
    public static partial long lseek(int fd, long offset, int whence);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int statx(int dirfd, string path, int flags, uint mask, byte* statx);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int statfs(string path, byte* statfs);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial nint pathconf(string path, int name);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int access(string path, int mode);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int mkdir(string path, uint mode);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int rmdir(string path);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int unlink(string path);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int rename(string oldPath, string newPath);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int renameat2(int oldDirectory, string oldPath, int newDirectory, string newPath, uint flags);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int linkat(int oldDirectory, string oldPath, int newDirectory, string newPath, int flags);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int symlink(string target, string path);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial nint readlink(string path, byte* buffer, nuint size);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int mknod(string path, uint mode, ulong device);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int chmod(string path, uint mode);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int fchmod(int fd, uint mode);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int lchown(string path, int user, int group);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int fchown(int fd, int user, int group);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int utimensat(int directory, string path, long* times, int flags);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int truncate(string path, long length);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int ftruncate(int fd, long length);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int fallocate(int fd, int mode, long offset, long length);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int fsync(int fd);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int flock(int fd, int operation);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int ioctl(int fd, nuint request, nint argument);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int lsetxattr(string path, string name, byte* value, nuint size, int flags);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int fsetxattr(int fd, string name, byte* value, nuint size, int flags);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial nint lgetxattr(string path, string name, byte* value, nuint size);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial nint llistxattr(string path, byte* list, nuint size);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int lremovexattr(string path, string name);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint mmap(nint address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int munmap(nint address, nuint length);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int msync(nint address, nuint length, int flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint getdents64(int fd, byte* buffer, nuint size);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int unshare(int flags);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int mount(string? source, string target, string? type, nuint flags, string? data);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int umount2(string target, int flags);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int chroot(string path);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = Utf8)]
    public static partial int chdir(string path);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int socket(int family, int type, int protocol);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int bind(int socket, byte[] address, int length);

    [LibraryImport(Library, SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b, nint c);

    /// <summary>
    /// Makes the calling thread another user, without further groups; the saved user stays root's, so that it can come back. libc's
    /// own functions would change all threads of the process.
    /// </summary>
    public static void BecomeUser(int user, int group)
    {
        Check(syscall(IsArm ? 159 : 116, 0, 0, 0), "setgroups");
        Check(syscall(IsArm ? 149 : 119, group, group, 0), "setresgid");
        Check(syscall(IsArm ? 147 : 117, user, user, 0), "setresuid");
    }

    /// <summary>Makes the calling thread root again.</summary>
    public static void BecomeRoot()
    {
        Check(syscall(IsArm ? 147 : 117, 0, 0, 0), "setresuid");
        Check(syscall(IsArm ? 149 : 119, 0, 0, 0), "setresgid");
    }

    /// <summary>Throws when a call of the harness's own failed, on which the scenario says nothing.</summary>
    public static long Check(long result, string what) =>
        result >= 0 ? result : throw new InvalidOperationException($"The replay's own {what} failed: {Errno.NameOf(Marshal.GetLastPInvokeError())}.");
}

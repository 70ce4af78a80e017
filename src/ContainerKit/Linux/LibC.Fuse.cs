using System.Runtime.InteropServices;

namespace ContainerKit.Linux;

/// <content>What a server on /dev/fuse calls, for each request: nothing here allocates.</content>
internal static unsafe partial class LibC
{
    public const int CLONE_FS = 0x200;
    public const ulong FUSE_DEV_IOC_CLONE = 0x8004E500, FUSE_DEV_IOC_BACKING_OPEN = 0x4010E501, FUSE_DEV_IOC_BACKING_CLOSE = 0x4004E502;

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint read(int fd, void* buffer, nuint count);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint write(int fd, void* buffer, nuint count);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int unshare(int flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int umount2(byte* target, int flags);

    [LibraryImport(Library)]
    public static partial uint umask(uint mask);
}

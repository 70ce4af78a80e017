using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Raw = ContainerKit.Linux.LibC;

namespace ContainerKit.Linux;

/// <summary>Asks the kernel what it can do, by calls that cannot succeed, or whose success nobody notices.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe class KernelProbe
{
    // The same numbers on every architecture.
    private const int FsOpen = 430, PidfdOpen = 434, Clone3 = 435, CloseRange = 436, OpenAt2 = 437, MountSetAttributes = 442;

    /// <summary>The error number with which each of the newer calls refuses nonsense: <see cref="Errno.ENOSYS"/> where it is not there.</summary>
    public static IReadOnlyDictionary<string, int> NewerCalls() => new Dictionary<string, int>
    {
        ["pidfd_open"] = Call(PidfdOpen, -1),
        ["clone3"] = Call(Clone3, 0, 0),
        ["close_range"] = Call(CloseRange, 1, 0),
        ["openat2"] = Call(OpenAt2, -1, 0, 0, 0),
        ["mount_setattr"] = Call(MountSetAttributes, -1, 0, 0, 0, 0),
        ["fsopen"] = Call(FsOpen, 0, 0),
    };

    /// <summary>Whether files on the file system of a directory can share their data: 0, or the error number of trying.</summary>
    public static int TryReflink(string directory)
    {
        var calls = FileCalls.Local;
        if (calls.TryOpen(null, directory, OpenFlags.Nameless | OpenFlags.ReadWrite, 0x180, Resolve.Host, out var first) is var errno and not 0)
        {
            return errno;
        }

        using (first)
        {
            calls.TryOpen(null, directory, OpenFlags.Nameless | OpenFlags.ReadWrite, 0x180, Resolve.Host, out var second);
            using (second)
            {
                RandomAccess.Write(first, new byte[4096], 0);
                return Raw.ioctl((int)second.DangerousGetHandle(), Raw.FICLONE, first.DangerousGetHandle()) < 0 ? Marshal.GetLastPInvokeError() : 0;
            }
        }
    }

    /// <summary>
    /// Builds an overlay of directories without mounting it anywhere: 0, or the error number of trying. It is gone when this returns.
    /// </summary>
    /// <param name="settings">Keys and values, as <c>lowerdir</c> and a path.</param>
    public static int TryOverlay(IEnumerable<(string Key, string Value)> settings)
    {
        if (MountContext.TryOpen("overlay", out var context) is var failure and not 0)
        {
            return failure;
        }

        using (context)
        {
            foreach (var (key, value) in settings)
            {
                if (context.TrySet(key, value) is var errno and not 0)
                {
                    return errno;
                }
            }

            failure = context.TryCreate();
            if (failure == 0)
            {
                failure = context.TryMount(MountAttributes.None, out var mount);
                mount.Dispose();
            }

            return failure;
        }
    }

    private static int Call(int number, nint first = 0, nint second = 0, nint third = 0, nint fourth = 0, nint fifth = 0) =>
        Syscall(number, first, second, third, fourth, fifth) < 0 ? Marshal.GetLastPInvokeError() : 0;

    private static nint Syscall(int number, nint first = 0, nint second = 0, nint third = 0, nint fourth = 0, nint fifth = 0) =>
        Raw.syscall(number, first, second, third, fourth, fifth);
}

using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Raw = ContainerKit.Linux.LibC;

namespace ContainerKit.Linux;

/// <summary>Where mounts go, and how they go away.</summary>
/// <remarks>Every <c>Try…</c> returns 0 or an <see cref="Errno"/>.</remarks>
[SupportedOSPlatform("linux")]
internal static unsafe class MountCalls
{
    // The same number on every architecture.
    private const int MoveMount = 429, MountSetAttributes = 442;
    private const int EmptySource = 4, EmptyTarget = 0x40;
    private const int Lazily = 2, NoFollow = 8;

    // A field of three bits, which is replaced as a whole.
    private const MountAttributes AccessTimes = (MountAttributes)0x70;

    /// <summary>Puts a mount that is nowhere yet on a directory: move_mount(2).</summary>
    public static int TryMove(SafeFileHandle mount, SafeFileHandle directory)
    {
        byte empty = 0;
        var path = (nint)(&empty);
        var result = Raw.syscall(MoveMount, mount.DangerousGetHandle(), path, directory.DangerousGetHandle(), path, EmptySource | EmptyTarget);
        return result < 0 ? Marshal.GetLastPInvokeError() : 0;
    }

    /// <summary>Changes what a mount allows: mount_setattr(2). Access times are one choice of three, so that whoever names one replaces it.</summary>
    public static int TrySetAttributes(string path, MountAttributes added, MountAttributes taken)
    {
        const int Here = -100;
        taken = ((added | taken) & AccessTimes) != 0 ? taken | AccessTimes : taken;
        fixed (byte* target = (byte[])[.. LinuxPath.Encode(path), 0])
        fixed (ulong* change = (ulong[])[(ulong)added, (ulong)taken, 0, 0])
        {
            return Raw.syscall(MountSetAttributes, Here, (nint)target, 0, (nint)change, 4 * sizeof(ulong)) < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
    }

    /// <summary>Unmounts; lazily means now from the tree, and wholly when nobody uses it any more.</summary>
    public static int TryUnmount(string path, bool lazily)
    {
        fixed (byte* target = (byte[])[.. LinuxPath.Encode(path), 0])
        {
            return Raw.umount2(target, NoFollow | (lazily ? Lazily : 0)) < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
    }
}

using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Raw = ContainerKit.Linux.LibC;

namespace ContainerKit.Linux;

/// <summary>A file system being configured, setting by setting, and then mounted nowhere yet: fsopen(2), fsconfig(2), fsmount(2).</summary>
/// <remarks>Every <c>Try…</c> returns 0 or an <see cref="Errno"/>.</remarks>
[SupportedOSPlatform("linux")]
internal sealed unsafe class MountContext : IDisposable
{
    // The same numbers on every architecture.
    private const int FsOpen = 430, FsConfig = 431, FsMount = 432;
    private const int CloseOnExec = 1;

    private readonly SafeFileHandle _context;

    private MountContext(SafeFileHandle context) => _context = context;

    private enum Command
    {
        SetFlag = 0,
        SetString = 1,
        Create = 6,
    }

    public static int TryOpen(string type, out MountContext context)
    {
        fixed (byte* name = Terminated(type))
        {
            var fd = Raw.syscall(FsOpen, (nint)name, CloseOnExec, 0, 0);
            var errno = fd < 0 ? Marshal.GetLastPInvokeError() : 0;
            context = new MountContext(new SafeFileHandle(fd, ownsHandle: true));
            return errno;
        }
    }

    public int TrySet(string key) => Configure(Command.SetFlag, key, null);

    public int TrySet(string key, string value) => Configure(Command.SetString, key, value);

    public int TryCreate() => Configure(Command.Create, null, null);

    /// <summary>The mount, seen by nobody until it is moved somewhere; gone with the handle unless it was.</summary>
    public int TryMount(MountAttributes attributes, out SafeFileHandle mount)
    {
        var fd = Raw.syscall(FsMount, _context.DangerousGetHandle(), CloseOnExec, (nint)attributes, 0);
        var errno = fd < 0 ? Marshal.GetLastPInvokeError() : 0;
        mount = new SafeFileHandle(fd, ownsHandle: true);
        return errno;
    }

    public void Dispose() => _context.Dispose();

    private int Configure(Command command, string? key, string? value)
    {
        fixed (byte* k = Terminated(key), v = Terminated(value))
        {
            var result = Raw.syscall(FsConfig, _context.DangerousGetHandle(), (nint)command, (nint)k, (nint)v, 0);
            return result < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
    }

    private static byte[]? Terminated(string? text) => text is null ? null : [.. LinuxPath.Encode(text), 0];
}

/// <summary>The attributes of a mount, as fsmount(2) and mount_setattr(2) number them.</summary>
[Flags]
internal enum MountAttributes
{
    None = 0,
    ReadOnly = 1,
    NoSetId = 2,
    NoDevices = 4,
    NoExecution = 8,
    NoAccessTime = 0x10,
    StrictAccessTime = 0x20,
    NoDirectoryAccessTime = 0x80,
    NoSymlinkFollowing = 0x200000,
}

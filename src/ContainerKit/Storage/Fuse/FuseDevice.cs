using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;
using Raw = ContainerKit.Linux.LibC;

namespace ContainerKit.Storage.Fuse;

/// <summary>An open /dev/fuse: where requests are read and answers written. fuse(4)</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class FuseDevice : IDisposable
{
    public const string Path = "/dev/fuse";

    private readonly SafeFileHandle _handle;
    private readonly int _descriptor;

    /// <summary>Takes an open device over, and makes it non-blocking.</summary>
    public FuseDevice(SafeFileHandle handle)
    {
        _handle = handle;
        _descriptor = (int)handle.DangerousGetHandle();
        var flags = Tmds.Linux.LibC.fcntl(_descriptor, Tmds.Linux.LibC.F_GETFL);
        var result = flags < 0 ? flags : Tmds.Linux.LibC.fcntl(_descriptor, Tmds.Linux.LibC.F_SETFL, flags | Tmds.Linux.LibC.O_NONBLOCK);
        LinuxException.ThrowIf(result < 0 ? Marshal.GetLastPInvokeError() : 0, $"make a FUSE device non-blocking");
    }

    public SafeFileHandle Handle => _handle;

    /// <summary>Opens the device, of which a mount can then be made. Inside a user namespace it must be opened in there.</summary>
    public static SafeFileHandle Open()
    {
        var errno = FileCalls.Local.TryOpen(null, Path, OpenFlags.ReadWrite | OpenFlags.NonBlocking, 0, Resolve.Host, out var handle);
        return errno == 0 ? handle : throw new StorageException($"Cannot open {Path}: {LinuxException.Describe(errno)}.")
        {
            Hint = errno is Errno.ENOENT or Errno.ENODEV or Errno.ENXIO ? "The kernel module is called fuse: modprobe fuse." : $"Most systems make it open to everybody: chmod 0666 {Path}.",
        };
    }

    /// <summary>
    /// A second descriptor of the same mount, so that workers do not queue for one lock. Where the device cannot be opened again, the workers share this one's.
    /// </summary>
    public FuseDevice Clone()
    {
        if (FileCalls.Local.TryOpen(null, $"/proc/self/fd/{_descriptor}", OpenFlags.ReadWrite | OpenFlags.NonBlocking, 0, Resolve.Host, out var clone) == 0)
        {
            var source = _descriptor;
            if (Raw.ioctl((int)clone.DangerousGetHandle(), Raw.FUSE_DEV_IOC_CLONE, (nint)(&source)) == 0)
            {
                return new FuseDevice(clone);
            }

            clone.Dispose();
        }

        return new FuseDevice(ProcessCalls.Raise(_handle));
    }

    /// <summary>Reads a request. 0 or an errno: EAGAIN when there is none, ENODEV when the file system is unmounted.</summary>
    public int TryRead(byte* buffer, int size, out int length)
    {
        var count = Raw.read(_descriptor, buffer, (nuint)size);
        length = (int)count;
        return count < 0 ? Marshal.GetLastPInvokeError() : 0;
    }

    /// <summary>Writes an answer or a notice, whole.</summary>
    public int TryWrite(byte* message, int length) =>
        Raw.write(_descriptor, message, (nuint)length) < 0 ? Marshal.GetLastPInvokeError() : 0;

    public int TryOpenBacking(SafeFileHandle file, out int backingId)
    {
        var counted = false;
        file.DangerousAddRef(ref counted);
        try
        {
            var map = new FuseBackingMap { Descriptor = (int)file.DangerousGetHandle() };
            var result = Raw.ioctl(_descriptor, Raw.FUSE_DEV_IOC_BACKING_OPEN, (nint)(&map));
            backingId = Math.Max(result, 0);
            return result < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
        finally
        {
            file.DangerousRelease();
        }
    }

    public int TryCloseBacking(int backingId) =>
        Raw.ioctl(_descriptor, Raw.FUSE_DEV_IOC_BACKING_CLOSE, (nint)(&backingId)) < 0 ? Marshal.GetLastPInvokeError() : 0;

    public void Dispose() => _handle.Dispose();
}

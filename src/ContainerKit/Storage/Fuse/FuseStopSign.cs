using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;
using Raw = ContainerKit.Linux.LibC;

namespace ContainerKit.Storage.Fuse;

/// <summary>A descriptor that becomes readable when the server stops, and stays so. eventfd(2)</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class FuseStopSign : IDisposable
{
    private volatile bool _isGiven;

    public FuseStopSign()
    {
        Handle = new SafeFileHandle(Tmds.Linux.LibC.eventfd(0, Tmds.Linux.LibC.EFD_CLOEXEC), ownsHandle: true);
        LinuxException.ThrowIf(Handle.IsInvalid ? Marshal.GetLastPInvokeError() : 0, $"make an event descriptor");
    }

    public SafeFileHandle Handle { get; }

    public bool IsGiven => _isGiven;

    public void Give()
    {
        _isGiven = true;
        var one = 1UL;
        _ = Raw.write((int)Handle.DangerousGetHandle(), &one, sizeof(ulong));
    }

    public void Dispose() => Handle.Dispose();
}

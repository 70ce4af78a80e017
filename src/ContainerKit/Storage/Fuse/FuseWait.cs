using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ContainerKit.Storage.Fuse;

/// <summary>Sleeps until the kernel has a request, or the server stops.</summary>
/// <remarks>By epoll(7) with EPOLLEXCLUSIVE: of many workers that sleep, a request wakes one; poll(2) would wake them all.</remarks>
[SupportedOSPlatform("linux")]
internal sealed unsafe class FuseWait : IDisposable
{
    private const uint Exclusive = 1u << 28;

    private readonly SafeFileHandle _epoll;

    /// <summary>Waits for a device, and for <paramref name="stopping"/>, which becomes readable when the server stops.</summary>
    public FuseWait(FuseDevice device, SafeFileHandle stopping)
    {
        _epoll = new SafeFileHandle(epoll_create1(EPOLL_CLOEXEC), ownsHandle: true);
        LinuxException.ThrowIf(_epoll.IsInvalid ? Marshal.GetLastPInvokeError() : 0, $"make an epoll instance");
        Add(device.Handle, (uint)EPOLLIN | Exclusive);
        Add(stopping, (uint)EPOLLIN);
    }

    /// <summary>False when the server stops.</summary>
    public bool UntilReady()
    {
        epoll_event happened = default;
        while (true)
        {
            switch (epoll_wait((int)_epoll.DangerousGetHandle(), &happened, 1, -1))
            {
                case 1:
                    return happened.data.u64 == 0;
                case < 0 when Marshal.GetLastPInvokeError() is var errno && errno != Errno.EINTR:
                    throw new LinuxException(errno, "wait for a request");
            }
        }
    }

    public void Dispose() => _epoll.Dispose();

    private void Add(SafeFileHandle handle, uint events)
    {
        epoll_event request = default;
        request.events = (int)events;
        request.data.u64 = (events & Exclusive) != 0 ? 0UL : 1UL;
        var result = epoll_ctl((int)_epoll.DangerousGetHandle(), EPOLL_CTL_ADD, (int)handle.DangerousGetHandle(), &request);
        LinuxException.ThrowIf(result < 0 ? Marshal.GetLastPInvokeError() : 0, $"watch a descriptor");
    }
}

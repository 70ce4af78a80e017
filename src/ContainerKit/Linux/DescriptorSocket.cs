using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ContainerKit.Linux;

/// <summary>Takes descriptors from a socket: unix(7), SCM_RIGHTS.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe class DescriptorSocket
{
    /// <summary>Receives one message with one descriptor.</summary>
    /// <returns>Null when there is no message yet, when the other side has gone, or sent none.</returns>
    public static SafeFileHandle? TryReceive(SafeFileHandle socket)
    {
        const int ControlSize = 24;
        var control = stackalloc byte[ControlSize];
        byte content = 0;
        var vector = new iovec { iov_base = &content, iov_len = (size_t)1UL };
        msghdr message = default;
        message.msg_iov = &vector;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = (socklen_t)(uint)ControlSize;
        long count;
        do
        {
            count = recvmsg((int)socket.DangerousGetHandle(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        }
        while (count < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);

        var errno = count < 0 ? Marshal.GetLastPInvokeError() : 0;
        LinuxException.ThrowIf(errno == Errno.EAGAIN ? 0 : errno, $"take a descriptor from a launch program");
        var header = (cmsghdr*)control;
        return count > 0 && (uint)message.msg_controllen >= 20 && header->cmsg_type == SCM_RIGHTS
            ? new SafeFileHandle(*(int*)CMSG_DATA(header), ownsHandle: true)
            : null;
    }
}

using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Linux;

/// <summary>Namespaces that single threads enter.</summary>
[SupportedOSPlatform("linux")]
internal static class NamespaceCalls
{
    private const int NewNetwork = 0x40000000;

    /// <summary>Takes this thread, and no other, into the network namespace of a process: setns(2). It has to be a thread that does nothing else afterwards.</summary>
    public static void EnterNetworkOf(SafeFileHandle process)
    {
        var result = LibC.setns((int)process.DangerousGetHandle(), NewNetwork);
        LinuxException.ThrowIf(result < 0 ? Marshal.GetLastPInvokeError() : 0, $"enter the network namespace of a container");
    }
}

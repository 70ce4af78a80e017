using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;
using static Tmds.Linux.LibC;

namespace ContainerKit.Launch;

/// <summary>Network namespaces in which nobody lives yet, and which are root's: they last as long as somebody has their handle. unshare(2)</summary>
[SupportedOSPlatform("linux")]
internal static class EmptyNetworkNamespaces
{
    private const int CLONE_NEWNET = 0x40000000;

    /// <returns>A handle that is the caller's.</returns>
    /// <exception cref="LinuxException">This process may make none.</exception>
    public static Task<SafeFileHandle> MakeAsync()
    {
        var result = new TaskCompletionSource<SafeFileHandle>(TaskCreationOptions.RunContinuationsAsynchronously);

        // A namespace is the thread's. This one ends with it, and none that does other work ever leaves the host's.
        new Thread(() =>
        {
            try
            {
                LinuxException.ThrowIf(unshare(CLONE_NEWNET) < 0 ? Marshal.GetLastPInvokeError() : 0, $"make a network namespace");
                result.SetResult(FileCalls.Local.Open(null, "/proc/thread-self/ns/net", OpenFlags.Read, resolve: Resolve.Host));
            }
            catch (Exception e)
            {
                result.SetException(e);
            }
        })
        { IsBackground = true, Name = "network namespace" }.Start();
        return result.Task;
    }
}

using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Storage.Aufs;

/// <summary>Finds out in which of its forms aufs can be had here.</summary>
[SupportedOSPlatform("linux")]
internal static class AufsProbe
{
    public static string? WhyNotKernel(string storeDirectory)
    {
        if (!File.ReadLines("/proc/filesystems").Any(line => line.EndsWith("\taufs", StringComparison.Ordinal)))
        {
            return "The kernel has no aufs: it is not part of Linux, and few distributions add it.";
        }

        // A user namespace may not mount it, unless a module parameter says otherwise, which nobody sets.
        return !Environment.IsPrivilegedProcess ? "Only root can mount the kernel's aufs."
            : AufsMountPlan.WhyUnusable(Path.GetFullPath(storeDirectory)) is { } reason ? $"The path of the store cannot be given to aufs: {reason}"
            : null;
    }

    public static string? WhyNotFuse()
    {
        var errno = FileCalls.Local.TryOpen(null, "/dev/fuse", OpenFlags.ReadWrite, 0, Resolve.Host, out var device);
        device.Dispose();
        return errno switch
        {
            0 => null,
            Errno.ENOENT or Errno.ENODEV or Errno.ENXIO => "There is no /dev/fuse: the kernel has no FUSE (or its module is not loaded: 'modprobe fuse').",
            _ => $"/dev/fuse cannot be opened by this user: {LinuxException.Describe(errno)}.",
        };
    }
}

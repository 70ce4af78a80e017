using System.Globalization;
using System.Runtime.Versioning;
using ContainerKit.Content;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;

namespace ContainerKit.Storage.Overlay;

/// <summary>
/// Finds out whether layers can be stacked with overlayfs in a directory, by doing there what the driver will do, short of the
/// mount itself.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class OverlayProbe
{
    private const string ProcFileSystems = "/proc/filesystems";

    public static string? WhyUnsupported(string storeDirectory)
    {
        if (!KernelHasOverlay())
        {
            return "The kernel has no overlay file system (or its module is not loaded: 'modprobe overlay').";
        }

        // overlayfs writes its books into user attributes, as root of a user namespace must, since 5.11.
        if (!Environment.IsPrivilegedProcess && Environment.OSVersion.Version < new Version(5, 11))
        {
            return string.Create(CultureInfo.InvariantCulture, $"An ordinary user can mount overlayfs since Linux 5.11, and this is {Environment.OSVersion.Version}.");
        }

        try
        {
            // Where the driver's snapshots lie, it was tried before the first was made; the file system is still the same.
            return Directory.Exists(Path.Combine(storeDirectory, "overlay")) ? null : WhyDirectoryUnsuitable(storeDirectory);
        }
        catch (LinuxException e) when (FullDisk.IsCause(e))
        {
            // That says nothing about overlayfs: another driver would be chosen for good because of a disk that is full for an hour.
            throw StorageErrors.Translate(e, $"try overlayfs in '{storeDirectory}'", storeDirectory);
        }
        catch (LinuxException e)
        {
            return $"Trying it in '{storeDirectory}' failed. {e.Message}";
        }
    }

    private static bool KernelHasOverlay() =>
        File.ReadLines(ProcFileSystems).Any(line => line.EndsWith("\toverlay", StringComparison.Ordinal))
        || Directory.Exists("/sys/module/overlay")
        || Directory.Exists($"/lib/modules/{KernelRelease()}/kernel/fs/overlayfs");

    private static string KernelRelease() => File.ReadAllText("/proc/sys/kernel/osrelease").Trim();

    private static string? WhyDirectoryUnsuitable(string storeDirectory)
    {
        var calls = FileCalls.Local;
        using var store = RootedDirectory.Open(storeDirectory);
        var name = SnapshotNames.TemporaryOf(SnapshotNames.NewStableId());
        calls.MakeDirectory(store.Handle, name, 0x1C0);
        try
        {
            using var probe = RootedDirectory.Adopt(calls.Open(store.Handle, name, OpenFlags.Directory));
            var dialect = Environment.IsPrivilegedProcess ? OverlayDialect.Trusted : OverlayDialect.User;
            var errno = calls.TrySetAttribute(probe.Handle, default, dialect.OpaqueAttribute, "y"u8);
            RefuseIfFull(errno);
            if (errno != 0)
            {
                return $"'{storeDirectory}' is on a file system that does not take the attribute '{dialect.OpaqueAttribute}': {LinuxException.Describe(errno)}.";
            }

            errno = dialect.MakeWhiteout(calls, new UnionBranch(probe, BranchOptions.Writable), probe.Handle, "whiteout");
            RefuseIfFull(errno);
            if (errno != 0)
            {
                return $"A whiteout (a character device 0:0) cannot be made in '{storeDirectory}': {LinuxException.Describe(errno)}.";
            }

            calls.MakeDirectory(probe.Handle, "directory", 0x1C0);
            errno = calls.TryRename(probe.Handle, "directory", probe.Handle, "whiteout", RenameFlags.Exchange);
            if (errno != 0)
            {
                return $"The file system of '{storeDirectory}' cannot exchange two names, which overlayfs needs: {LinuxException.Describe(errno)}.";
            }

            return KindsAreListed(probe) ? null : $"The file system of '{storeDirectory}' lists names without their types, which overlayfs needs (xfs made with ftype=0 does so).";
        }
        finally
        {
            TreeRemover.Remove(calls, store.Handle, name);
        }
    }

    private static void RefuseIfFull(int errno) => LinuxException.ThrowIf(errno is Errno.ENOSPC or Errno.EDQUOT ? errno : 0, $"make a file");

    private static bool KindsAreListed(RootedDirectory directory)
    {
        var entries = new DirectoryEntries(directory.Handle, new byte[1024]);
        while (entries.MoveNext())
        {
            if (entries.Kind is null)
            {
                return false;
            }
        }

        return true;
    }
}

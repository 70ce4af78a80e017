using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;
using ContainerKit.Launch;
using ContainerKit.Linux;
using ContainerKit.Networking.Pasta;
using ContainerKit.Storage;

namespace ContainerKit.Containers.Hosts;

/// <summary>Finds out what this host can do, without changing anything on it: whatever it makes to try is gone when it answers.</summary>
internal static class HostProbes
{
    private const string Settings = "/proc/sys";
    private const int PrivateMode = 0x1C0;

    private static readonly string[] SettingNames =
    [
        "user/max_user_namespaces", "kernel/unprivileged_userns_clone", "kernel/apparmor_restrict_unprivileged_userns", "kernel/seccomp/actions_avail",
        "vm/memfd_noexec",
    ];

    private static readonly ResourceLimits Everything =
        new() { MemoryBytes = 1 << 30, CpuQuota = 1, CpuSet = "0", Pids = 1 << 10, IoWeight = 100, HugePages = new Dictionary<string, long> { ["2MB"] = 0 } };

    /// <summary>Looks at everything.</summary>
    /// <param name="root">The store, which exists; what is tried is tried there.</param>
    public static HostReport Report(string root) => OperatingSystem.IsLinux()
        ? HostVerdicts.Report(Look(root))
        : new HostReport([new HostCapability("kernel", false, $"containers are made and run on Linux only, and this is {LinuxOnly.System}", $"Run them {LinuxOnly.Elsewhere}.")]);

    [SupportedOSPlatform("linux")]
    public static HostFacts Look(string root)
    {
        var layout = CgroupLayout.Detect();
        var placement = CgroupPlacement.Find(layout, Everything, withStatistics: true);
        var isRoot = Environment.IsPrivilegedProcess;
        var (namespaceFailure, overlayFailure) = isRoot ? (null, null) : TryAsOrdinaryUser(root);
        return new HostFacts
        {
            IsRoot = isRoot,
            UserName = Environment.UserName,
            Kernel = Environment.OSVersion.Version,
            StoreDirectory = root,
            FileSystems = File.ReadLines("/proc/filesystems").Select(l => l[(l.IndexOf('\t', StringComparison.Ordinal) + 1)..]).ToHashSet(),
            Namespaces = Directory.EnumerateFileSystemEntries("/proc/self/ns").Select(n => Path.GetFileName(n)).ToHashSet(),
            Settings = SettingNames.Select(n => (Name: n, Value: Read(Path.Combine(Settings, n)))).Where(s => s.Value is not null).ToDictionary(s => s.Name, s => s.Value!),
            HasAppArmor = LaunchHost.Current.HasAppArmor,
            HasSelinux = LaunchHost.Current.HasSelinux,
            Calls = KernelProbe.NewerCalls(),
            MapHelpers = [.. ((string[])["newuidmap", "newgidmap"]).Select(FindProgram).OfType<string>()],
            SubordinateIds = isRoot ? SubordinateIds.ForRoot() : SubordinateIds.ForThisUser(),
            Drivers = StorageDrivers.Examine(root),
            FuseError = TryOpen("/dev/fuse"),
            PastaPath = PastaProgram.Find(),
            TunError = PastaProgram.TryDevice(),
            ReflinkError = KernelProbe.TryReflink(root),
            OverlayError = isRoot ? TryOverlay(root, "lowerdir") : overlayFailure?.Errno,
            UserNamespaceRefusal = namespaceFailure?.Message,
            OverlayLayerError = isRoot ? TryOverlay(root, "lowerdir+") : null,
            Cgroups = layout,
            ControllerPlaces = placement.Places.SelectMany(p => p.Controllers.Select(c => (c.Name, p.Parent)))
                .Concat(Freezer(layout, placement)).ToDictionary(p => p.Name, p => p.Parent),
            ExecGroupsPlace = ExecGroups.FindPlace(layout),
            MissingControllers = placement.Missing.ToDictionary(m => m.Key.Name, m => m.Value),
        };
    }

    // In version 2 every group can be frozen; in version 1 it is a controller.
    [SupportedOSPlatform("linux")]
    private static IEnumerable<(string Name, string Parent)> Freezer(CgroupLayout layout, CgroupPlacement placement) =>
        placement.Places.FirstOrDefault(p => p.Hierarchy.Version == CgroupVersion.V2) is { } unified ? [("freezer", unified.Parent)]
        : Environment.IsPrivilegedProcess && layout.Find("freezer") is { } hierarchy ? [("freezer", hierarchy.OwnDirectory)]
        : [];

    [SupportedOSPlatform("linux")]
    private static int TryOverlay(string root, string key) => WithDirectories(
        root, path => KernelProbe.TryOverlay([(key, $"{path}/lower"), ("upperdir", $"{path}/upper"), ("workdir", $"{path}/work")]));

    // What an ordinary user may do depends on security modules whose settings say little: so it is tried.
    [SupportedOSPlatform("linux")]
    private static (LaunchFailedException? Namespace, LaunchFailedException? Overlay) TryAsOrdinaryUser(string root)
    {
        var (user, group) = ((uint)Tmds.Linux.LibC.geteuid(), (uint)Tmds.Linux.LibC.getegid());
        return UserNamespaceTrial.EnterAsync(user, group, root).GetAwaiter().GetResult() is { } failure
            ? (failure, null)
            : (null, WithDirectories(
                root, path => UserNamespaceTrial.StackAsync(user, group, path, $"{path}/lower", $"{path}/upper", $"{path}/work").GetAwaiter().GetResult()));
    }

    [SupportedOSPlatform("linux")]
    private static T WithDirectories<T>(string root, Func<string, T> attempt)
    {
        var name = $".probe-{Guid.NewGuid():N}";
        using var store = RootedDirectory.Open(root);
        string[] parts = ["", "/lower", "/upper", "/work"];
        try
        {
            foreach (var part in parts)
            {
                Directory.CreateDirectory(Path.Combine(root, name + part), (UnixFileMode)PrivateMode);
            }

            return attempt(Path.Combine(root, name));
        }
        finally
        {
            TreeRemover.Remove(FileCalls.Local, store.Handle, name);
        }
    }

    [SupportedOSPlatform("linux")]
    private static int TryOpen(string path)
    {
        var errno = FileCalls.Local.TryOpen(null, path, OpenFlags.ReadWrite, 0, Resolve.Host, out var handle);
        handle.Dispose();
        return errno;
    }

    // As an ordinary user's PATH may leave out where Debian has them, these directories are looked at always.
    private static string? FindProgram(string name) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/bin:/usr/sbin:/bin".Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(d => Path.Combine(d, name)).FirstOrDefault(File.Exists);

    private static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

using System.Globalization;
using ContainerKit.Linux;
using ContainerKit.Networking.Pasta;

namespace ContainerKit.Containers.Hosts;

/// <summary>Concludes from facts what a host can do, why not, and what to do about it. A pure function, so that any host can be tested anywhere.</summary>
/// <remarks>The list of all capabilities: long because there are many, each a few lines of its own.</remarks>
internal static class HostVerdicts
{
    private static readonly Version
        OldestKernel = new(5, 12), UserOverlay = new(5, 11), MappedMounts = new(5, 12), MappedOverlay = new(5, 19), GroupKill = new(5, 14), LayerByLayer = new(6, 8), FusePassthrough = new(6, 9);

    public static HostReport Report(HostFacts facts) => new(
    [
        Kernel(facts),
        .. Drivers(facts),
        OverlayLayers(facts),
        Aufs(facts),
        Fuse(facts),
        FusePassThrough(facts),
        UserNamespaces(facts),
        SubordinateIds(facts),
        Namespace(facts, "network-namespaces", "net"),
        BridgeNetworks(facts),
        Pasta(facts),
        Namespace(facts, "cgroup-namespaces", "cgroup"),
        Seccomp(facts),
        SecurityModule(facts.HasAppArmor, "apparmor", "AppArmor"),
        SecurityModule(facts.HasSelinux, "selinux", "SELinux"),
        Call(facts, "pidfd", "pidfd_open", "processes are waited for and signalled without their numbers"),
        Call(facts, "openat2", "openat2", "paths inside a container are resolved by the kernel, within its root"),
        Call(facts, "mount-api", "fsopen", "mounts are made without paths"),
        MappedMount(facts),
        MemoryPrograms(facts),
        Cgroups(facts),
        .. ((string[])["memory", "cpu", "cpuset", "pids", "io", "hugetlb", "freezer"]).Select(c => Controller(facts, c)),
        TreeKill(facts),
        ExecKill(facts),
        Reflink(facts),
    ]);

    private static HostCapability Kernel(HostFacts facts) => facts.Kernel >= OldestKernel
        ? Yes("kernel", $"Linux {facts.Kernel.ToString(2)}")
        : No("kernel", $"this is Linux {facts.Kernel.ToString(2)}, and {OldestKernel} is needed", "Use a newer kernel.");

    private static IEnumerable<HostCapability> Drivers(HostFacts facts) => facts.Drivers.Select(d => d switch
    {
        { WhyUnsupported: { } reason } => No(d.Name, reason.TrimEnd('.'), CureOf(d.Name, facts)),
        { Name: "overlay" } when facts.OverlayError is > 0 and var errno =>
            No(d.Name, $"building one in '{facts.StoreDirectory}' failed: {LinuxException.Describe(errno)}", OverlayCure(facts)),
        { Name: "overlay" } when !facts.IsRoot && WhyNoUserNamespaces(facts) is var (reason, cure) =>
            No(d.Name, $"an ordinary user mounts it in a user namespace, and {reason}", cure),
        { Name: "overlay" } => Yes(d.Name, facts.IsRoot ? $"works in '{facts.StoreDirectory}'" : $"works in '{facts.StoreDirectory}', in a user namespace with userxattr"),
        _ => Yes(d.Name, $"works in '{facts.StoreDirectory}'"),
    });

    private static string? CureOf(string driver, HostFacts facts) => driver switch
    {
        "overlay" => OverlayCure(facts),
        "aufs-kernel" => "Nothing need be done: over FUSE the same layers can be had.",
        "aufs-fuse" => "Let this user read and write /dev/fuse, or use overlay or vfs.",
        _ => null,
    };

    private static string OverlayCure(HostFacts facts) => !facts.IsRoot && facts.Kernel < UserOverlay
        ? $"Use Linux {UserOverlay} or newer, or the driver vfs."
        : $"{(facts.FileSystems.Contains("overlay") ? "Put" : "Load it with 'modprobe overlay', or put")} the store on ext4, xfs (ftype=1), btrfs or tmpfs; the driver vfs works everywhere.";

    private static HostCapability OverlayLayers(HostFacts facts)
    {
        const string Name = "overlay-lowerdirs";
        return (facts.OverlayLayerError, facts.Kernel >= LayerByLayer) switch
        {
            (0, _) or (null, true) => Yes(Name, "each layer is a setting of its own, so that their number and names do not matter"),
            (null or Errno.EINVAL, false) => No(Name, $"Linux {LayerByLayer} brings it", "Without it, all layers' paths must fit into one page of memory."),
            ({ } errno, _) => No(
                Name,
                $"trying it in '{facts.StoreDirectory}' failed: {LinuxException.Describe(errno)}",
                facts.OverlayError is > 0 ? OverlayCure(facts) : "Without it, all layers' paths must fit into one page of memory."),
        };
    }

    private static HostCapability Aufs(HostFacts facts) => (Works(facts, "aufs-kernel"), Works(facts, "aufs-fuse")) switch
    {
        (true, _) => Yes("aufs", "by the kernel's own aufs"),
        (_, true) => Yes("aufs", "by this library's union, over FUSE"),
        _ => No("aufs", "its layers can be unpacked, edited and committed, and nothing can run on them: the kernel has no aufs, and FUSE is not to be had", "Let this user read and write /dev/fuse, or use overlay or vfs."),
    };

    private static bool Works(HostFacts facts, string driver) => facts.Drivers.Any(d => d.Name == driver && d.WhyUnsupported is null);

    private static HostCapability Fuse(HostFacts facts) => facts.FuseError switch
    {
        0 => Yes("fuse", "/dev/fuse can be opened"),
        Errno.ENOENT => No("fuse", "there is no /dev/fuse", "Load it with 'modprobe fuse'."),
        var errno => No("fuse", $"/dev/fuse cannot be opened: {LinuxException.Describe(errno)}", "Let this user read and write /dev/fuse."),
    };

    private static HostCapability FusePassThrough(HostFacts facts) => facts.Kernel >= FusePassthrough
        ? facts.IsRoot ? Yes("fuse-passthrough", "the kernel has it") : No("fuse-passthrough", "the kernel has it, and gives it to root only", "Run as root.")
        : No("fuse-passthrough", $"Linux {FusePassthrough} brings it");

    private static HostCapability UserNamespaces(HostFacts facts) => WhyNoUserNamespaces(facts) is var (reason, cure)
        ? No("user-namespaces", reason, cure)
        : Yes("user-namespaces", facts.IsRoot ? "for root" : "for ordinary users");

    private static (string Reason, string? Cure)? WhyNoUserNamespaces(HostFacts facts)
    {
        if (!facts.Namespaces.Contains("user"))
        {
            return ("this kernel has no user namespaces", "Use a kernel with CONFIG_USER_NS.");
        }

        if (facts.Settings.GetValueOrDefault("user/max_user_namespaces") == "0")
        {
            return ("user.max_user_namespaces is 0", "Set it with 'sysctl user.max_user_namespaces=15000'.");
        }

        if (!facts.IsRoot && facts.Settings.GetValueOrDefault("kernel/unprivileged_userns_clone") == "0")
        {
            return ("kernel.unprivileged_userns_clone is 0", "Set it with 'sysctl kernel.unprivileged_userns_clone=1', or run as root.");
        }

        if (facts.UserNamespaceRefusal is { } refusal)
        {
            return (refusal.TrimEnd('.'), "Allow it to this program, or run as root.");
        }

        return !facts.IsRoot && facts.Settings.GetValueOrDefault("kernel/apparmor_restrict_unprivileged_userns") == "1"
            ? ("AppArmor leaves ordinary users' namespaces without rights (kernel.apparmor_restrict_unprivileged_userns is 1)",
                "Give this program an AppArmor profile with 'userns,', or set the setting to 0.")
            : null;
    }

    private static HostCapability SubordinateIds(HostFacts facts)
    {
        const string Name = "subordinate-ids";
        if (facts.IsRoot)
        {
            return facts.SubordinateIds is { } lent
                ? Yes(Name, string.Create(CultureInfo.InvariantCulture, $"{lent.Users.Sum(r => (long)r.Count)} ids are lent to root's containers"))
                : No(Name, "/etc/subuid and /etc/subgid lend no ids to 'root' or 'containers'", "Append the line 'containers:2147483648:65536' to both, or another range that nobody has.");
        }

        if (facts.SubordinateIds is not { } map)
        {
            return No(Name, $"/etc/subuid and /etc/subgid lend no ids to '{facts.UserName}'", $"Lend some with 'usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {facts.UserName}'.");
        }

        var count = map.Users.Skip(1).Sum(r => (long)r.Count);
        return facts.MapHelpers.Count < 2
            ? No(Name, "newuidmap or newgidmap is not installed", "Install them (Debian's package uidmap).")
            : Yes(Name, string.Create(CultureInfo.InvariantCulture, $"{count} ids are lent to '{facts.UserName}'"));
    }

    private static HostCapability Namespace(HostFacts facts, string name, string file) => facts.Namespaces.Contains(file)
        ? Yes(name, "the kernel has them")
        : No(name, "this kernel has none", null);

    // Whether the kernel has all of it is known when the first container joins one: trying would load modules.
    private static HostCapability BridgeNetworks(HostFacts facts) => facts.IsRoot
        ? Yes("bridge-networks", "root's containers share them")
        : No("bridge-networks", "bridges, addresses and firewall rules are root's", NetworkStore.CureForUsers);

    private static HostCapability Pasta(HostFacts facts) => (facts.IsRoot, facts.PastaPath, facts.TunError) switch
    {
        (true, _, _) => No(PastaProgram.Capability, "it is ordinary users' way out of the host; root's containers share bridges", "Nothing need be done: use NetworkMode.Bridge."),
        (_, null, _) => No(PastaProgram.Capability, "the program pasta is not installed, so an ordinary user's containers have no way out of the host", PastaProgram.Cure),
        (_, _, not 0) => No(PastaProgram.Capability, $"{PastaProgram.Device} cannot be opened: {LinuxException.Describe(facts.TunError)}", PastaProgram.DeviceCure),
        var (_, path, _) => Yes(PastaProgram.Capability, $"'{path}' carries an ordinary user's connections out of the host"),
    };

    private static HostCapability Seccomp(HostFacts facts)
    {
        var actions = facts.Settings.GetValueOrDefault("kernel/seccomp/actions_avail")?.Split(' ') ?? [];
        return actions.Contains("errno") && actions.Contains("allow")
            ? Yes("seccomp", "system calls are filtered")
            : No("seccomp", "this kernel does not filter system calls", "Use a kernel with CONFIG_SECCOMP_FILTER.");
    }

    private static HostCapability SecurityModule(bool isThere, string name, string spelling) => isThere
        ? Yes(name, $"{spelling} is at work; containers are given what they ask for")
        : No(name, $"this host does not run {spelling}", "Nothing need be done unless containers are to ask for it.");

    private static HostCapability Call(HostFacts facts, string name, string call, string use) => facts.Calls.GetValueOrDefault(call, Errno.ENOSYS) switch
    {
        Errno.ENOSYS => No(name, $"the kernel has no {call}, or a filter hides it", "Use a newer kernel; in a container, allow the call."),
        Errno.EPERM when call != "fsopen" => No(name, $"{call} is forbidden here", "In a container, allow the call."),
        _ => Yes(name, use),
    };

    private static HostCapability MappedMount(HostFacts facts)
    {
        const string Name = "id-mapped-mounts";
        return facts.Kernel < MappedMounts || facts.Calls.GetValueOrDefault("mount_setattr", Errno.ENOSYS) == Errno.ENOSYS
            ? No(Name, $"Linux {MappedMounts} brings them")
            : facts.IsRoot ? Yes(Name, $"the kernel has them{(facts.Kernel < MappedOverlay ? $" (overlay takes part from Linux {MappedOverlay} on)" : "")}; each file system says whether it takes part")
            : No(Name, "only root can make them", "Run as root.");
    }

    private static HostCapability MemoryPrograms(HostFacts facts) => facts.Settings.GetValueOrDefault("vm/memfd_noexec") == "2"
        ? No("memfd-exec", "vm.memfd_noexec is 2, so programs cannot run from memory; a nameless file in the store stands in", "Set it with 'sysctl vm.memfd_noexec=1'.")
        : Yes("memfd-exec", "programs run from memory");

    private static HostCapability Cgroups(HostFacts facts)
    {
        var v1 = facts.Cgroups.Hierarchies.SelectMany(h => h.Controllers).Where(c => !c.Contains('=', StringComparison.Ordinal));
        return facts.Cgroups.Kind switch
        {
            "none" => No("cgroups", "no control groups are mounted", "Mount them: 'mount -t cgroup2 none /sys/fs/cgroup'."),
            "v2" => Yes("cgroups", $"version 2, in '{facts.Cgroups.Unified!.OwnDirectory}'"),
            "hybrid" => Yes("cgroups", $"version 1 ({string.Join(' ', v1.Order(StringComparer.Ordinal))}) and version 2, in '{facts.Cgroups.Unified!.OwnDirectory}'"),
            _ => Yes("cgroups", $"version 1 ({string.Join(' ', v1.Order(StringComparer.Ordinal))})"),
        };
    }

    private static HostCapability Controller(HostFacts facts, string name) => facts.ControllerPlaces.TryGetValue(name, out var place)
        ? Yes($"cgroup-{name}", $"to be had in '{place}'")
        : No(
            $"cgroup-{name}",
            facts.MissingControllers.GetValueOrDefault(name) ?? WhyNoController(facts, name),
            facts.IsRoot ? "Mount it, or hand it down (cgroup.subtree_control)."
            : facts.Cgroups.Find(name) is null && facts.Cgroups.Unified is not null ? "Start the program with 'systemd-run --user --scope -p Delegate=yes', or run as root."
            : "Run as root: only groups of version 2 are handed to ordinary users.");

    private static string WhyNoController(HostFacts facts, string name) => (facts.Cgroups.Find(name) ?? facts.Cgroups.Unified) is { } hierarchy
        ? facts.IsRoot ? "the kernel does not have it" : $"'{hierarchy.OwnDirectory}' cannot be written by this user"
        : "no cgroup file system with this controller is mounted";

    private static HostCapability TreeKill(HostFacts facts)
    {
        const string Name = "cgroup-kill";
        return facts.Cgroups.Unified is null ? No(Name, "there is no cgroup file system of version 2; trees are killed with their process namespace")
            : facts.Kernel < GroupKill ? No(Name, $"Linux {GroupKill} brings it; trees are killed with their process namespace")
            : facts.IsRoot || facts.ControllerPlaces.Count > 0 ? Yes(Name, "a whole group of processes is killed at once")
            : No(Name, "no group can be made; trees are killed with their process namespace");
    }

    private static HostCapability ExecKill(HostFacts facts)
    {
        const string Name = "exec-groups";
        return facts.ExecGroupsPlace is { } place
            ? Yes(Name, $"a program that joins a container and is cancelled ends with all that it has begun, by a group of its own in '{place}'")
            : No(
                Name,
                $"{(facts.Cgroups.Unified is { } unified ? $"'{unified.OwnDirectory}' cannot be written by this user" : "there is no cgroup file system of version 2")}; a program that joins a container and is cancelled ends with all that it has begun by a process of its own above it (not with a seccomp profile of the caller's: there, without what has lost its parent before)",
                facts.Cgroups.Unified is null ? "Mount one: 'mount -t cgroup2 none /sys/fs/cgroup'." : "Start the program with 'systemd-run --user --scope -p Delegate=yes', or run as root.");
    }

    private static HostCapability Reflink(HostFacts facts) => facts.ReflinkError == 0
        ? Yes("reflink", $"files in '{facts.StoreDirectory}' can share their data until one is changed")
        : No("reflink", $"the file system of '{facts.StoreDirectory}' cannot share data between files: {LinuxException.Describe(facts.ReflinkError)}", "Put the store on btrfs or xfs for faster copies.");

    private static HostCapability Yes(string name, string detail) => new(name, true, detail);

    private static HostCapability No(string name, string detail, string? hint = null) => new(name, false, detail, hint);
}

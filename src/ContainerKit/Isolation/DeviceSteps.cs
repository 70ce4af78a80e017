using ContainerKit.Launch;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>The steps that fill /dev. Its file system is new and empty, so no name in it can lead astray.</summary>
internal static class DeviceSteps
{
    private static readonly (string Name, ulong Major, ulong Minor)[] Nodes =
        [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

    private static readonly (string Name, string Target)[] Links =
    [
        ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2"),
        ("core", "/proc/kcore"), ("ptmx", "pts/ptmx"),
    ];

    /// <summary>Copies the host's nodes where none can be made: in a user namespace, a node that one makes oneself opens nothing.</summary>
    public static IReadOnlyList<(string Name, LaunchStep Source)> OpenHostNodes(PlanBuilder plan)
    {
        if (plan.Mode == IdMode.Host)
        {
            return [];
        }

        var attributes = plan.Program.Words(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0, 0, 0);
        var copies = new List<(string, LaunchStep)>();
        foreach (var (name, _, _) in Nodes)
        {
            var words = $"open the host's /dev/{name}";
            var copy = plan.Call(words, SystemCall.open_tree, AT_FDCWD, plan.Text($"/dev/{name}"), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
            plan.Call(words, SystemCall.mount_setattr, copy, plan.Text(""), AT_EMPTY_PATH, attributes, 32);
            copies.Add((name, copy));
        }

        return copies;
    }

    /// <summary>
    /// Makes the nodes and the links. Each node is a mount of its own, and they are the only ones on which devices open: /dev itself
    /// becomes nodev, so that a node which the container makes there (CAP_MKNOD is one of docker's capabilities) opens nothing.
    /// </summary>
    public static void Populate(PlanBuilder plan, Operand device, IReadOnlyList<(string Name, LaunchStep Source)> hostNodes)
    {
        var nodes = hostNodes.Count > 0 ? Prepare(plan, device, hostNodes) : Make(plan, device);
        plan.Call("close /dev to other devices", SystemCall.mount_setattr, device, plan.Text(""), AT_EMPTY_PATH, plan.Program.Words(MOUNT_ATTR_NODEV, 0, 0, 0), 32);
        foreach (var (name, source) in nodes)
        {
            plan.Call($"mount /dev/{name}", SystemCall.move_mount, source, plan.Text(""), device, plan.Text(name), MOVE_MOUNT_F_EMPTY_PATH);
        }

        foreach (var (name, target) in Links)
        {
            plan.Call($"make the link /dev/{name}", SystemCall.symlinkat, plan.Text(target), device, plan.Text(name));
        }
    }

    private static List<(string Name, LaunchStep Source)> Make(PlanBuilder plan, Operand device)
    {
        var made = new List<(string, LaunchStep)>();
        foreach (var (name, major, minor) in Nodes)
        {
            var words = $"make /dev/{name}";
            plan.Call(words, SystemCall.mknodat, device, plan.Text(name), S_IFCHR | 0x1B6, (major << 8) | minor);
            made.Add((name, plan.Call(words, SystemCall.open_tree, device, plan.Text(name), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
        }

        return made;
    }

    private static IReadOnlyList<(string Name, LaunchStep Source)> Prepare(PlanBuilder plan, Operand device, IReadOnlyList<(string Name, LaunchStep Source)> nodes)
    {
        foreach (var (name, _) in nodes)
        {
            plan.Call($"make a place for /dev/{name}", SystemCall.mknodat, device, plan.Text(name), S_IFREG | 0x1B6, 0);
        }

        return nodes;
    }
}

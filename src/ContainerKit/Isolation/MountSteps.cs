using ContainerKit.Launch;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>The steps that mount things inside the root: what every container has, and what this one asks for.</summary>
internal static class MountSteps
{
    private static readonly Mount[] Usual =
    [
        new("proc", "proc", "/proc", ["nosuid", "noexec", "nodev"]),
        new("sysfs", "sysfs", "/sys", ["nosuid", "noexec", "nodev", "ro"]),
        new("tmpfs", "tmpfs", "/dev", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        new("devpts", "devpts", "/dev/pts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
        new("tmpfs", "shm", "/dev/shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        new("mqueue", "mqueue", "/dev/mqueue", ["nosuid", "noexec", "nodev"]),
    ];

    /// <summary>What the container's mounts are attached from: detached mounts, made or copied while the host's root is still there.</summary>
    /// <remarks>
    /// It has to be so early: proc and sysfs may be mounted in a user namespace only where another one of the kind can be seen in
    /// full (mount_namespaces(7)), and later there is none. And a bind source is a path of the host's.
    /// </remarks>
    /// <param name="plan">The plan.</param>
    /// <param name="spec">The container.</param>
    /// <param name="sources">The sources of its bind mounts, where <see cref="OpenSources"/> has opened them already.</param>
    public static Prepared Prepare(PlanBuilder plan, IsolationSpec spec, IReadOnlyDictionary<Mount, LaunchStep>? sources)
    {
        var usual = Usual.Where(mount => IsPossible(plan, spec, mount)).Select(mount => (mount, Make(plan, spec, mount))).ToArray();
        var nodes = DeviceSteps.OpenHostNodes(plan);
        var own = spec.Mounts.Select(mount => (mount, sources?.GetValueOrDefault(mount) ?? Make(plan, spec, mount))).ToArray();
        return new Prepared(usual, nodes, own);
    }

    /// <summary>The beginning of the step that not every file system allows.</summary>
    internal const string MappingWords = "show with the ids of the container ";

    /// <summary>
    /// Opens the sources of bind mounts that are to go on hearing of the host's mounts: while those in this mount namespace are still their peers. mount_namespaces(7)
    /// </summary>
    public static IReadOnlyDictionary<Mount, LaunchStep> OpenPropagating(PlanBuilder plan, IsolationSpec spec) => spec.Mounts
        .Where(mount => mount.Type == "bind" && MountOptions.Parse(mount.Options).Propagation is MS_SLAVE or MS_SHARED)
        .Distinct().ToDictionary(mount => mount, mount => Make(plan, spec, mount));

    /// <summary>Opens the sources of bind mounts while this is the host's root: the user namespace's root could not get at all of them.</summary>
    public static IReadOnlyDictionary<Mount, LaunchStep> OpenSources(PlanBuilder plan, IsolationSpec spec) =>
        spec.Mounts.Where(mount => mount.Type == "bind").Distinct().ToDictionary(mount => mount, mount => Make(plan, spec, mount));

    /// <summary>Attaches what was prepared, each below the container's root.</summary>
    public static void Attach(PlanBuilder plan, IsolationSpec spec, Prepared prepared)
    {
        _ = spec;
        foreach (var (mount, source) in prepared.Usual)
        {
            var words = WordsOf(mount);

            // /proc and the others are where programs look for them. An image whose /proc is a link would have them put elsewhere.
            var target = TargetSteps.OpenOrMakeDirectory(plan, words, mount.Target, followsLinks: false);
            Move(plan, words, source, target);
            if (mount.Target == "/dev")
            {
                plan.Devices = source;
                DeviceSteps.Populate(plan, source, prepared.Nodes);
            }
        }

        foreach (var (mount, source) in prepared.Own)
        {
            var words = WordsOf(mount);
            var target = TargetSteps.OpenOrMake(plan, words, mount.Target, mount.Type == "bind" ? (Operand)source : (Operand?)null);
            Move(plan, words, source, target);
        }
    }

    /// <summary>The container's devpts.</summary>
    public static Operand TerminalsOf(Prepared prepared) => prepared.Usual.First(each => each.Mount.Type == "devpts").Source;

    public static void MakeWorkingDirectory(PlanBuilder plan, IsolationSpec spec)
    {
        if (spec.Process.WorkingDirectory.Trim('/').Length > 0)
        {
            var directory = spec.Process.WorkingDirectory;
            TargetSteps.OpenOrMakeDirectory(plan, $"make the working directory '{directory}'", directory);
        }
    }

    public static void Move(PlanBuilder plan, string words, Operand mount, Operand target) => plan.Call(
        words, SystemCall.move_mount, mount, plan.Text(""), target, plan.Text(""), MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);

    public static void Configure(PlanBuilder plan, string words, LaunchStep context, string key, string? value)
    {
        if (value is null)
        {
            plan.Call(words, SystemCall.fsconfig, context, FSCONFIG_SET_FLAG, plan.Text(key), 0, 0);
        }
        else
        {
            plan.Call(words, SystemCall.fsconfig, context, FSCONFIG_SET_STRING, plan.Text(key), plan.Text(value), 0);
        }
    }

    private static LaunchStep Make(PlanBuilder plan, IsolationSpec spec, Mount mount)
    {
        var words = WordsOf(mount);
        var options = MountOptions.Parse(mount.Options);
        return mount.Type switch
        {
            "bind" => Bind(plan, words, mount.Source, options),
            _ when HostPathFor(plan, spec, mount) is { } path => Bind(plan, words, path, options),
            "proc" or "sysfs" or "tmpfs" or "devpts" or "mqueue" or "cgroup2" => New(plan, spec, words, mount, options),
            _ => throw new IsolationException($"The container cannot start: a mount of type '{mount.Type}' on '{mount.Target}' is not known here."),
        };
    }

    /// <summary>
    /// Where the host's own is shown instead: a user namespace can mount these only together with the namespace that they show, and
    /// shared memory is shared with the rest of IPC.
    /// </summary>
    private static string? HostPathFor(PlanBuilder plan, IsolationSpec spec, Mount mount) => mount switch
    {
        { Type: "proc" } when plan.Mode != IdMode.Host && !spec.Namespaces.HasFlag(Namespaces.Pid) => "/proc",
        { Type: "sysfs" } when plan.Mode != IdMode.Host && !spec.Namespaces.HasFlag(Namespaces.Network) => "/sys",
        { Target: "/dev/shm" } when mount == Usual[4] && !spec.Namespaces.HasFlag(Namespaces.Ipc) => "/dev/shm",
        _ => null,
    };

    // The host's message queues cannot be mounted from a user namespace, and whether the host has them mounted is not known here.
    private static bool IsPossible(PlanBuilder plan, IsolationSpec spec, Mount mount) =>
        mount.Type != "mqueue" || plan.Mode == IdMode.Host || spec.Namespaces.HasFlag(Namespaces.Ipc);

    private static LaunchStep New(PlanBuilder plan, IsolationSpec spec, string words, Mount mount, MountOptions options)
    {
        var context = plan.Call(words, SystemCall.fsopen, plan.Text(mount.Type), FSOPEN_CLOEXEC);
        Configure(plan, words, context, "source", mount.Source);
        foreach (var (key, value) in options.OfFileSystem.Where(option => IsApplicable(plan, spec, option.Key, option.Value)))
        {
            Configure(plan, words, context, key, value);
        }

        plan.Call(words, SystemCall.fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
        return plan.Call(words, SystemCall.fsmount, context, FSMOUNT_CLOEXEC, options.Set);
    }

    private static LaunchStep Bind(PlanBuilder plan, string words, string path, MountOptions options)
    {
        var recursive = options.IsRecursive ? AT_RECURSIVE : 0;
        var copy = plan.Call(words, SystemCall.open_tree, AT_FDCWD, plan.Text(path), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive);
        if (options.IsIdMapped)
        {
            ShowMapped(plan, path, copy, recursive);
        }

        if (options.Propagation == MS_SHARED && plan.Mode != IdMode.Host && !plan.IsPreparedByRoot)
        {
            throw new HostCapabilityException("shared-mounts", $"The container cannot start: what it mounts below '{path}' cannot be passed on to the host, because only root can have that.")
            {
                Hint = "Use MountPropagation.Slave, or run as root.",
            };
        }

        // A copy that the host's root has made would otherwise go on passing mounts to and from the host.
        if (options.Set != 0 || options.Propagation != MS_PRIVATE || plan.IsPreparedByRoot)
        {
            var clear = options.Clear & ((options.Set & MOUNT_ATTR__ATIME) != 0 ? MOUNT_ATTR__ATIME : 0);
            var attributes = plan.Program.Words(options.Set, clear, options.Propagation, 0);
            plan.Call(words, SystemCall.mount_setattr, copy, plan.Text(""), AT_EMPTY_PATH | recursive, attributes, 32);
        }

        return copy;
    }

    private static void ShowMapped(PlanBuilder plan, string path, LaunchStep copy, int recursive)
    {
        if (!plan.IsPreparedByRoot)
        {
            throw new HostCapabilityException("id-mapped-mounts", $"The container cannot start: '{path}' cannot be shown with the ids of its user namespace, because {(plan.Host.IsRoot ? "it has none of its own" : "only root can have that")}.")
            {
                Hint = plan.Host.IsRoot ? "Use UserNamespaceMode.SubordinateIds, or leave BindMountOptions.IdMapped out." : "Leave BindMountOptions.IdMapped out, or run as root.",
            };
        }

        var owners = plan.Need(LaunchDescriptor.FileOwners);
        plan.Call($"{MappingWords}'{path}'", SystemCall.mount_setattr, copy, plan.Text(""), AT_EMPTY_PATH | recursive, plan.Program.Words(MOUNT_ATTR_IDMAP, 0, 0, owners), 32);
    }

    // The group of terminals does not exist in a namespace that does not map it.
    private static bool IsApplicable(PlanBuilder plan, IsolationSpec spec, string key, string? value) => (key, value) switch
    {
        ("newinstance", _) => false,
        ("gid", "5") when plan.Mode != IdMode.Host => spec.GroupMappings.Any(range => range.ContainerId <= 5 && 5 - range.ContainerId < range.Count),
        _ => true,
    };

    private static string WordsOf(Mount mount) => mount.Type == "bind"
        ? $"mount '{mount.Source}' on {mount.Target}"
        : $"mount {mount.Type} on {mount.Target}";

    /// <summary>Detached mounts, and copies of device nodes.</summary>
    internal sealed record Prepared(
        IReadOnlyList<(Mount Mount, LaunchStep Source)> Usual,
        IReadOnlyList<(string Name, LaunchStep Source)> Nodes,
        IReadOnlyList<(Mount Mount, LaunchStep Source)> Own);
}

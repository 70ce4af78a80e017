using ContainerKit.Launch;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>The steps that mount the container's root and make it the only one.</summary>
internal static class RootSteps
{
    // A value given to fsconfig(2) has at most 255 bytes; the text given to mount(2) fits a page.
    private const int LongestValue = 255, LongestText = 4095;

    /// <summary>The type of a root that the host serves: the library's own union file system.</summary>
    internal const string ServedType = "ckunion";

    /// <summary>The step that not every file system allows.</summary>
    internal const string MappingWords = "show the root's files with the ids of the container";

    /// <summary>Mounts the root (unless that is done) and exchanges it for the host's, which nothing inside can reach afterwards.</summary>
    public static void Enter(PlanBuilder plan, IsolationSpec spec)
    {
        var mount = TheMount(spec);
        if (!spec.IsRootMapped)
        {
            Make(plan, mount, owners: null);
        }

        // Any directory would do to attach it to; from here, only the one that this process is in can be got at for certain.
        plan.Call(WordsOf(mount), SystemCall.move_mount, plan.RootDirectory, plan.Text(""), AT_FDCWD, plan.Text("."), MOVE_MOUNT_F_EMPTY_PATH);
        plan.Call("enter the container's root", SystemCall.fchdir, plan.RootDirectory);
        plan.Call("exchange the root", SystemCall.pivot_root, plan.Text("."), plan.Text("."));
        plan.Call("let go of the host's root", SystemCall.umount2, plan.Text("."), MNT_DETACH);
        plan.Call("go to the container's root", SystemCall.chdir, plan.Text("/"));
    }

    /// <summary>
    /// Makes a root whose files are shown with the ids that the container's ids stand for. The user namespace's root is not allowed to,
    /// so the host's root does it, out of the host's sight.
    /// </summary>
    public static void MakeMapped(PlanBuilder plan, IsolationSpec spec)
    {
        plan.Call("make a mount namespace", SystemCall.unshare, CLONE_NEWNS);
        plan.Call("detach the launch program's mounts from the host's", SystemCall.mount, 0, plan.Text("/"), 0, MS_REC | MS_PRIVATE, 0);
        var owners = plan.Need(LaunchDescriptor.FileOwners);
        Make(plan, TheMount(spec), new FileOwners(owners, HostIdOfRoot(spec.UserMappings), HostIdOfRoot(spec.GroupMappings)));
        CloseOwners(plan);
    }

    /// <summary>Lets go of the user namespace that says as whom files are shown.</summary>
    public static void CloseOwners(PlanBuilder plan) =>
        plan.Call("close the user namespace of the root's files", SystemCall.close, plan.Need(LaunchDescriptor.FileOwners));

    /// <summary>Comes last: until then, targets of mounts are made in it.</summary>
    public static void MakeReadOnly(PlanBuilder plan) => plan.Call(
        "make the root read-only",
        SystemCall.mount_setattr,
        plan.RootDirectory,
        plan.Text(""),
        AT_EMPTY_PATH,
        plan.Program.Words(MOUNT_ATTR_RDONLY, 0, 0, 0),
        32);

    /// <summary>Makes the root as a detached mount, and goes to a directory that it can be attached to.</summary>
    private static void Make(PlanBuilder plan, Mount mount, FileOwners? owners)
    {
        switch (mount.Type)
        {
            case "overlay":
                MakeOverlay(plan, mount, owners);
                break;
            case "bind":
                MakeBind(plan, mount, owners);
                break;
            case ServedType:
                TakeServed(plan, mount, owners);
                break;
            case "fuse" when owners is null:
                FuseSteps.Make(plan, mount);
                break;
            default:
                throw new IsolationException($"The container cannot start: a root of type '{mount.Type}' is not known here.");
        }
    }

    private static Mount TheMount(IsolationSpec spec) => spec.Root is [{ Target: "/" } only]
        ? only
        : throw new IsolationException("The container cannot start: its root is to be one mount whose target is '/'.");

    private static string WordsOf(Mount mount) => mount.Type switch
    {
        "bind" => $"mount '{mount.Source}' as the root",
        ServedType or "fuse" => "mount the union as the root",
        _ => "mount the overlay",
    };

    /// <summary>Takes the mount that the host has made and serves. In the container nothing of it stays open but the mount itself.</summary>
    private static void TakeServed(PlanBuilder plan, Mount mount, FileOwners? owners)
    {
        var words = WordsOf(mount);
        var given = plan.Need(LaunchDescriptor.ServedRoot);
        plan.Call(words, SystemCall.fcntl, given, F_DUPFD_CLOEXEC, 0).StoringInto(plan.Root, 0);
        plan.Call(words, SystemCall.close, given);
        SetAttributes(plan, words, MountOptions.Parse(mount.Options), AT_EMPTY_PATH);
        if (owners is not null)
        {
            ShowAs(plan, plan.RootDirectory, owners);
        }

        plan.Call(words, SystemCall.chdir, plan.Text("/"));
    }

    private static void MakeBind(PlanBuilder plan, Mount mount, FileOwners? owners)
    {
        var words = WordsOf(mount);
        var options = MountOptions.Parse(mount.Options);
        plan.Call(words, SystemCall.chdir, plan.Text(mount.Source));
        plan.Call(words, SystemCall.open_tree, AT_FDCWD, plan.Text("."), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE).StoringInto(plan.Root, 0);
        SetAttributes(plan, words, options, AT_EMPTY_PATH | AT_RECURSIVE);
        if (owners is not null)
        {
            ShowAs(plan, plan.RootDirectory, owners);
        }
    }

    private static void SetAttributes(PlanBuilder plan, string words, MountOptions options, int flags)
    {
        if (options.Set != 0)
        {
            var attributes = plan.Program.Words(options.Set, options.Clear & MOUNT_ATTR__ATIME, 0, 0);
            plan.Call(words, SystemCall.mount_setattr, plan.RootDirectory, plan.Text(""), flags, attributes, 32);
        }
    }

    private static void MakeOverlay(PlanBuilder plan, Mount mount, FileOwners? owners)
    {
        const string words = "mount the overlay";
        var options = MountOptions.Parse(mount.Options);

        // Paths are given from the directory that all of them are in: that is shorter, and only the rest can hold odd characters.
        var paths = options.OfFileSystem.Where(option => IsDirectory(option.Key)).Select(option => option.Value ?? "").ToArray();
        var common = CommonDirectory(paths);
        var relative = options.OfFileSystem.Select(option => IsDirectory(option.Key) ? (option.Key, Relative(option.Value ?? "", common)) : option).ToArray();
        plan.Call($"go to '{common}'", SystemCall.chdir, plan.Text(common));
        if (owners is not null)
        {
            CoverWithMapped(plan, common, owners);
            ActAs(plan, owners);
        }

        if (plan.Host.HasLowerDirPlus && relative.All(option => LaunchText.LengthOf(option.Item2) <= LongestValue))
        {
            var context = plan.Call(words, SystemCall.fsopen, plan.Text("overlay"), FSOPEN_CLOEXEC);
            MountSteps.Configure(plan, words, context, "source", "overlay");
            foreach (var (key, value) in relative)
            {
                // One lower directory is taken as it is; in the two others the kernel still looks for backslashes.
                var given = key is "upperdir" or "workdir" ? value?.Replace("\\", "\\\\", StringComparison.Ordinal) : value;
                MountSteps.Configure(plan, words, context, key == "lowerdir" ? "lowerdir+" : key, given);
            }

            plan.Call(words, SystemCall.fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
            plan.Call(words, SystemCall.fsmount, context, FSMOUNT_CLOEXEC, options.Set).StoringInto(plan.Root, 0);
        }
        else
        {
            MakeOverlayOfText(plan, words, common, relative, paths.Length, options.Set);
        }

        if (owners is not null)
        {
            ActAsHostsRoot(plan);
        }
    }

    /// <summary>For kernels that take all directories as one text, which only mount(2) takes when it is long.</summary>
    private static void MakeOverlayOfText(
        PlanBuilder plan, string words, string directory, IReadOnlyList<(string Key, string? Value)> options, int pathCount, ulong attributes)
    {
        var text = OptionText(options);
        if (LaunchText.LengthOf(text) > LongestText)
        {
            throw new HostCapabilityException("overlay-lowerdirs", $"The container cannot start: this kernel has no room for the paths of its {pathCount} layer directories.")
            {
                Hint = "Linux 6.8 and later take them one by one; with an older one, use an image of fewer layers, or a store with a shorter path.",
            };
        }

        plan.Call(words, SystemCall.mount, plan.Text("overlay"), plan.Text("."), plan.Text("overlay"), LegacyFlags(attributes), plan.Text(text));
        plan.Call(words, SystemCall.open_tree, AT_FDCWD, plan.Text(directory), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC).StoringInto(plan.Root, 0);
    }

    /// <summary>Puts an id-mapped view of a directory in its own place, and goes there.</summary>
    private static void CoverWithMapped(PlanBuilder plan, string directory, FileOwners owners)
    {
        var words = $"show the files in '{directory}' with the ids of the container";
        var copy = plan.Call(words, SystemCall.open_tree, AT_FDCWD, plan.Text("."), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        ShowAs(plan, copy, owners);

        // overlayfs stacks only what is mounted in this mount namespace.
        plan.Call(words, SystemCall.move_mount, copy, plan.Text(""), AT_FDCWD, plan.Text("."), MOVE_MOUNT_F_EMPTY_PATH);
        plan.Call(words, SystemCall.fchdir, copy);
    }

    private static void ShowAs(PlanBuilder plan, Operand mount, FileOwners owners) => plan.Call(
        MappingWords,
        SystemCall.mount_setattr,
        mount,
        plan.Text(""),
        AT_EMPTY_PATH,
        plan.Program.Words(MOUNT_ATTR_IDMAP, 0, 0, owners.Namespace),
        32);

    /// <summary>
    /// Makes files as the container's root, with all of the host's root's capabilities: what overlayfs makes for itself belongs to
    /// whoever mounted it, and on the id-mapped mount the host's root does not exist.
    /// </summary>
    private static void ActAs(PlanBuilder plan, FileOwners owners)
    {
        plan.Call("keep capabilities as another user", SystemCall.prctl, PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0);
        plan.Call("make files as the container's root group", SystemCall.setfsgid, owners.Group);
        plan.Call("make files as the container's root", SystemCall.setfsuid, owners.User);
    }

    private static void ActAsHostsRoot(PlanBuilder plan)
    {
        plan.Call("make files as the host's root", SystemCall.setfsuid, 0);
        plan.Call("make files as the host's root group", SystemCall.setfsgid, 0);
        plan.Call("lose capabilities as another user", SystemCall.prctl, PR_SET_SECUREBITS, 0, 0, 0, 0);
    }

    private static uint HostIdOfRoot(IReadOnlyList<IdMapping> mappings) => mappings.FirstOrDefault(range => range is { ContainerId: 0, Count: > 0 }) is { Count: > 0 } found
        ? found.HostId
        : throw new IsolationException("The container cannot start: its user namespace has no id 0, and so no root that could own its files.");

    /// <summary>All options as one text. Colons part lower directories and commas part options, so both are escaped where they are neither.</summary>
    internal static string OptionText(IEnumerable<(string Key, string? Value)> options)
    {
        var all = options.ToArray();
        var lower = string.Join(':', all.Where(option => option.Key == "lowerdir").Select(option => Escape(option.Value ?? "")));
        var rest = all.Where(option => option.Key != "lowerdir").Select(option => option switch
        {
            { Value: null } => option.Key,
            _ when IsDirectory(option.Key) => $"{option.Key}={Escape(option.Value).Replace("\\:", ":", StringComparison.Ordinal)}",
            _ => $"{option.Key}={option.Value}",
        });
        return string.Join(',', rest.Prepend($"lowerdir={lower}"));

        static string Escape(string path) => path
            .Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace(":", "\\:", StringComparison.Ordinal)
            .Replace(",", "\\,", StringComparison.Ordinal);
    }

    /// <summary>The deepest directory that all the paths are below, or are.</summary>
    internal static string CommonDirectory(IReadOnlyList<string> paths)
    {
        var common = paths.Count == 0 ? "/" : paths[0];
        foreach (var path in paths)
        {
            while (common != "/" && path != common && !path.StartsWith(common + "/", StringComparison.Ordinal))
            {
                common = common[..Math.Max(common.LastIndexOf('/'), 1)];
                common = common.Length == 1 ? "/" : common;
            }
        }

        return common;
    }

    private static string Relative(string path, string directory) =>
        path == directory ? "." : path[(directory == "/" ? 1 : directory.Length + 1)..];

    private static bool IsDirectory(string key) => key is "lowerdir" or "upperdir" or "workdir";

    private static ulong LegacyFlags(ulong attributes) =>
        ((attributes & MOUNT_ATTR_RDONLY) != 0 ? MS_RDONLY : 0)
        | ((attributes & MOUNT_ATTR_NOSUID) != 0 ? MS_NOSUID : 0)
        | ((attributes & MOUNT_ATTR_NODEV) != 0 ? MS_NODEV : 0)
        | ((attributes & MOUNT_ATTR_NOEXEC) != 0 ? MS_NOEXEC : 0);

    /// <summary>As whom a root's files are shown: a user namespace (as a descriptor), and who its root is on the host.</summary>
    private sealed record FileOwners(int Namespace, uint User, uint Group);
}

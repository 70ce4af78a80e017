using ContainerKit.Launch;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>The steps that mount the container's root and make it the only one.</summary>
internal static class RootSteps
{
    // A value given to fsconfig(2) has at most 255 bytes; the text given to mount(2) fits a page.
    private const int LongestValue = 255, LongestText = 4095;

    /// <summary>Mounts the root and exchanges it for the host's, which nothing inside can reach afterwards.</summary>
    public static void Enter(PlanBuilder plan, IsolationSpec spec)
    {
        var mount = spec.Root is [{ Target: "/" } only]
            ? only
            : throw new IsolationException("The container cannot start: its root is to be one mount whose target is '/'.");
        switch (mount.Type)
        {
            case "overlay":
                Overlay(plan, mount);
                break;
            case "bind":
                Bind(plan, mount);
                break;
            default:
                throw new IsolationException($"The container cannot start: a root of type '{mount.Type}' is not known here.");
        }

        plan.Call("enter the container's root", SystemCall.fchdir, plan.RootDirectory);
        plan.Call("exchange the root", SystemCall.pivot_root, plan.Text("."), plan.Text("."));
        plan.Call("let go of the host's root", SystemCall.umount2, plan.Text("."), MNT_DETACH);
        plan.Call("go to the container's root", SystemCall.chdir, plan.Text("/"));
    }

    /// <summary>Comes last: until then, targets of mounts are made in it.</summary>
    public static void MakeReadOnly(PlanBuilder plan) => plan.Call(
        "make the root read-only",
        SystemCall.mount_setattr,
        plan.RootDirectory,
        plan.Text(""),
        AT_EMPTY_PATH,
        plan.Program.Words(MOUNT_ATTR_RDONLY, 0, 0, 0),
        32);

    /// <summary>Shows the root's files with the ids of the container, which its own user namespace is not allowed to do.</summary>
    public static void PrepareMapped(PlanBuilder plan, IsolationSpec spec)
    {
        _ = plan;
        _ = spec;
    }

    private static void Bind(PlanBuilder plan, Mount mount)
    {
        var words = $"mount '{mount.Source}' as the root";
        var options = MountOptions.Parse(mount.Options);
        plan.Call(words, SystemCall.open_tree, AT_FDCWD, plan.Text(mount.Source), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE).StoringInto(plan.Root, 0);
        if (options.Set != 0)
        {
            var attributes = plan.Program.Words(options.Set, options.Clear & MOUNT_ATTR__ATIME, 0, 0);
            plan.Call(words, SystemCall.mount_setattr, plan.RootDirectory, plan.Text(""), AT_EMPTY_PATH | AT_RECURSIVE, attributes, 32);
        }

        plan.Call(words, SystemCall.move_mount, plan.RootDirectory, plan.Text(""), AT_FDCWD, plan.Text(mount.Source), MOVE_MOUNT_F_EMPTY_PATH);
    }

    private static void Overlay(PlanBuilder plan, Mount mount)
    {
        const string words = "mount the overlay";
        var options = MountOptions.Parse(mount.Options);

        // Paths are given from the directory that all of them are in: that is shorter, and only the rest can hold odd characters.
        var paths = options.OfFileSystem.Where(option => IsDirectory(option.Key)).Select(option => option.Value ?? "").ToArray();
        var common = CommonDirectory(paths);
        var relative = options.OfFileSystem.Select(option => IsDirectory(option.Key) ? (option.Key, Relative(option.Value ?? "", common)) : option).ToArray();
        plan.Call($"go to '{common}'", SystemCall.chdir, plan.Text(common));

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
            plan.Call(words, SystemCall.move_mount, plan.RootDirectory, plan.Text(""), AT_FDCWD, plan.Text("."), MOVE_MOUNT_F_EMPTY_PATH);
            return;
        }

        var text = OptionText(relative);
        if (LaunchText.LengthOf(text) > LongestText)
        {
            throw new HostCapabilityException("overlay-lowerdirs", $"The container cannot start: this kernel has no room for the paths of its {paths.Length} layer directories.")
            {
                Hint = "Linux 6.8 and later take them one by one; with an older one, use an image of fewer layers, or a store with a shorter path.",
            };
        }

        plan.Call(words, SystemCall.mount, plan.Text("overlay"), plan.Text("."), plan.Text("overlay"), LegacyFlags(options.Set), plan.Text(text));
        plan.Call(words, SystemCall.openat, AT_FDCWD, plan.Text(common), O_PATH | O_CLOEXEC).StoringInto(plan.Root, 0);
    }

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
}

namespace ContainerKit.Tests.Linux.Support;

/// <summary>
/// What a test cannot do without, as its first line: <c>Needs.Root();</c>. Where the host lacks it, the test is skipped with a
/// sentence that says what is missing. Each is found out by trying, once for each run.
/// </summary>
internal static class Needs
{
    private static readonly Lazy<string?> NoOverlay = new(() => Environment.IsPrivilegedProcess
        ? Try("unshare -m sh -c 'mount -t tmpfs none /mnt && cd /mnt && mkdir l u w m && mount -t overlay -o lowerdir=l,upperdir=u,workdir=w none m'")
        : Try("unshare -Urm sh -c 'mount -t tmpfs none /mnt && cd /mnt && mkdir l u w m && mount -t overlay -o userxattr,lowerdir=l,upperdir=u,workdir=w none m'"));

    private static readonly Lazy<string?> NoUserNamespaces = new(() => Try("unshare -Ur true"));

    private static readonly Lazy<string?> NoSubordinateIds = new(() => Try(Environment.IsPrivilegedProcess
        ? "grep -qE '^(root|containers):' /etc/subuid && grep -qE '^(root|containers):' /etc/subgid"
        : "unshare -U --map-users=auto --map-groups=auto true"));

    private static readonly Lazy<string?> NoNetworkNamespaces = new(() => Try(Environment.IsPrivilegedProcess ? "unshare -n true" : "unshare -Urn true"));

    private static readonly Lazy<string?> NoLoopDevices = new(() => Try("losetup -f"));

    private static readonly Lazy<string?> NoFuse = new(() => Try("exec 3<>/dev/fuse"));

    /// <summary>The process may do what only root may.</summary>
    public static void Root() => Unless(Environment.IsPrivilegedProcess, "it needs root, and runs as an ordinary user");

    /// <summary>The process is not root: the rootless way is what is tested.</summary>
    public static void OrdinaryUser() => Unless(!Environment.IsPrivilegedProcess, "it is about ordinary users, and runs as root");

    /// <summary>A program of the host.</summary>
    public static void Program(string name) => Unless(HostPath.Find(name) is not null, $"the host has no program '{name}'");

    /// <summary>Several programs of the host.</summary>
    public static void Programs(params IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            Program(name);
        }
    }

    /// <summary>An overlay mount by this user: as root directly, otherwise in a user namespace with <c>userxattr</c>.</summary>
    public static void Overlay() => Unless(NoOverlay, "the kernel refuses an overlay mount");

    /// <summary>A user namespace with a single id.</summary>
    public static void UserNamespaces() => Unless(NoUserNamespaces, "the kernel refuses user namespaces");

    /// <summary>A user namespace with a range of ids, by newuidmap, /etc/subuid and /etc/subgid.</summary>
    public static void SubordinateIds() => Unless(NoSubordinateIds, "there is no range of subordinate ids for this user");

    /// <summary>A network namespace.</summary>
    public static void NetworkNamespaces() => Unless(NoNetworkNamespaces, "the kernel refuses network namespaces");

    /// <summary>File systems in files, mounted by loop devices; implies root.</summary>
    public static void LoopMounts()
    {
        Root();
        Unless(NoLoopDevices, "there is no loop device to be had");
    }

    /// <summary>A file system type that the kernel has or loads, such as <c>btrfs</c>; implies root and loop devices.</summary>
    public static void FileSystem(string type)
    {
        LoopMounts();
        Program($"mkfs.{type}");
        Unless(Try($"grep -qw {type} /proc/filesystems || modprobe {type}"), $"the kernel has no {type}");
    }

    /// <summary>/dev/fuse, open to this user.</summary>
    public static void FuseDevice() => Unless(NoFuse, "/dev/fuse cannot be opened");

    /// <summary>A cgroup version 1 controller, mounted.</summary>
    public static void CgroupController(string name) =>
        Unless(File.Exists($"/sys/fs/cgroup/{name}/cgroup.procs"), $"no cgroup v1 controller '{name}' is mounted");

    /// <summary>Anything else; the sentence goes on after "Left out: ".</summary>
    public static void That(bool isThere, string whyNot) => Unless(isThere, whyNot);

    private static void Unless(Lazy<string?> whyNot, string sentence) => Unless(whyNot.Value, sentence);

    private static void Unless(string? whyNot, string sentence) => Unless(whyNot is null, $"{sentence} ({whyNot})");

    private static void Unless(bool isThere, string sentence)
    {
        if (!isThere)
        {
            Assert.Ignore($"Left out: {sentence}.");
        }
    }

    private static string? Try(string script)
    {
        var result = Shell.Try("bash", "-c", script);
        return result.ExitCode == 0 ? null : result.Error.Trim().ReplaceLineEndings("; ");
    }
}

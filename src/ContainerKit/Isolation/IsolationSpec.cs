namespace ContainerKit.Isolation;

/// <summary>The namespaces that a container gets of its own; what is not among them it shares with the host. namespaces(7)</summary>
[Flags]
public enum Namespaces
{
    /// <summary>None: everything is shared.</summary>
    None = 0,

    /// <summary>Mount points. A container without its own has no root file system of its own either, so it always has it.</summary>
    Mount = 1 << 0,

    /// <summary>Process ids: the program is pid 1.</summary>
    Pid = 1 << 1,

    /// <summary>Network interfaces, addresses, ports.</summary>
    Network = 1 << 2,

    /// <summary>The host name.</summary>
    Uts = 1 << 3,

    /// <summary>System V IPC and POSIX message queues.</summary>
    Ipc = 1 << 4,

    /// <summary>The cgroup tree, whose root becomes the container's own group.</summary>
    Cgroup = 1 << 5,

    /// <summary>User and group ids, as <see cref="IsolationSpec.UserMappings"/> say.</summary>
    User = 1 << 6,

    /// <summary>All but a user namespace, as docker gives them to root's containers.</summary>
    Default = Mount | Pid | Network | Uts | Ipc | Cgroup,
}

/// <summary>One range of ids of a user namespace. user_namespaces(7), "User and group ID mappings"</summary>
/// <param name="ContainerId">The first id inside.</param>
/// <param name="HostId">The id outside that it stands for.</param>
/// <param name="Count">How many ids follow one another.</param>
public readonly record struct IdMapping(uint ContainerId, uint HostId, uint Count);

/// <summary>One limit of setrlimit(2).</summary>
/// <param name="Resource">The resource's number on Linux, such as 7 for RLIMIT_NOFILE.</param>
/// <param name="Soft">What applies at first; <see cref="ulong.MaxValue"/> is no limit.</param>
/// <param name="Hard">How far the program may raise it; <see cref="ulong.MaxValue"/> is no limit.</param>
public readonly record struct ProcessLimit(int Resource, ulong Soft, ulong Hard);

/// <summary>A program and everything that it starts with. OCI runtime specification, config.md, "Process".</summary>
public sealed record ProcessSpec
{
    /// <summary>The program and its arguments; a name without a slash is looked for in the PATH of <see cref="Environment"/>.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary><c>NAME=value</c>, one per item.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>An absolute path inside; the first process's is made when it is not there.</summary>
    public string WorkingDirectory { get; init; } = "/";

    /// <summary>The user, as the container sees it.</summary>
    public uint UserId { get; init; }

    /// <summary>The group, as the container sees it.</summary>
    public uint GroupId { get; init; }

    /// <summary>Further groups, as the container sees them.</summary>
    public IReadOnlyList<uint> AdditionalGroups { get; init; } = [];

    /// <summary>The file mode creation mask.</summary>
    public int Umask { get; init; } = 0x12; // 0022

    /// <summary>
    /// The bounding set as bits, capability n being bit n; for user 0 also the permitted and effective set. Other users start with none.
    /// </summary>
    public ulong Capabilities { get; init; }

    /// <summary>Whether set-user-ID bits and file capabilities give nothing. PR_SET_NO_NEW_PRIVS</summary>
    public bool NoNewPrivileges { get; init; } = true;

    /// <summary>A compiled filter: <c>struct sock_filter</c> after <c>struct sock_filter</c>; empty for none.</summary>
    public ReadOnlyMemory<byte> SeccompFilter { get; init; }

    /// <summary>
    /// Whether the filter refuses the calls that reach keyrings. Then a session keyring that cannot be made because the user has too many keys
    /// (sysctl kernel.keys.maxkeys) is no reason not to start: what is in the host's stays out of reach. keyrings(7)
    /// </summary>
    public bool FilterForbidsKeys { get; init; }

    /// <summary>The AppArmor profile to run under, which the host has loaded; null keeps that of the host's process.</summary>
    public string? AppArmorProfile { get; init; }

    /// <summary>The SELinux label to run with; null keeps that of the host's process.</summary>
    public string? SelinuxLabel { get; init; }

    /// <summary>The size of its terminal, which is its controlling one and all of its standard streams; null for none.</summary>
    public TerminalSize? Terminal { get; init; }

    /// <summary>Limits of setrlimit(2); what is not among them is inherited.</summary>
    public IReadOnlyList<ProcessLimit> Limits { get; init; } = [];
}

/// <summary>
/// A container as the kernel is to build it: plain data, which means what the OCI runtime specification's config.json means.
/// </summary>
public sealed record IsolationSpec
{
    /// <summary>The program.</summary>
    public required ProcessSpec Process { get; init; }

    /// <summary>What to mount as the root, as a storage driver answers it: one mount whose target is <c>/</c>.</summary>
    public required IReadOnlyList<Mount> Root { get; init; }

    /// <summary>
    /// Whether the root's files are owned on disk by the ids of the user namespace itself (0 is root inside), and are shown with the ids
    /// that these stand for: by id-mapped mounts, which only root can make. mount_setattr(2), MOUNT_ATTR_IDMAP
    /// </summary>
    public bool IsRootMapped { get; init; }

    /// <summary>Whether the root is read-only once everything is in place.</summary>
    public bool IsRootReadOnly { get; init; }

    /// <summary>
    /// Further mounts, in order: <c>bind</c> (options <c>ro</c>, <c>rw</c>, <c>rbind</c>, <c>rslave</c>, <c>rshared</c>, <c>idmap</c>) and <c>tmpfs</c>. Targets are absolute
    /// paths inside, resolved inside, and made when they are not there. /proc, /sys and /dev need no mention.
    /// </summary>
    public IReadOnlyList<Mount> Mounts { get; init; } = [];

    /// <summary>The namespaces that it gets of its own.</summary>
    public Namespaces Namespaces { get; init; } = Namespaces.Default;

    /// <summary>The user ids of its user namespace, if it has one.</summary>
    public IReadOnlyList<IdMapping> UserMappings { get; init; } = [];

    /// <summary>The group ids of its user namespace, if it has one.</summary>
    public IReadOnlyList<IdMapping> GroupMappings { get; init; } = [];

    /// <summary>The host name inside; null leaves it alone.</summary>
    public string? Hostname { get; init; }

    /// <summary>Paths that look empty inside.</summary>
    public IReadOnlyList<string> MaskedPaths { get; init; } = [];

    /// <summary>Paths that cannot be written inside.</summary>
    public IReadOnlyList<string> ReadOnlyPaths { get; init; } = [];

    /// <summary>Host paths of the <c>cgroup.procs</c> files, or of version 1 the <c>tasks</c> files, by which the container joins groups before anything of it runs.</summary>
    public IReadOnlyList<string> CgroupProcsFiles { get; init; } = [];

    /// <summary>A host path of the cgroup v2 directory that the container is born in, or enters where nobody can be, or null. clone3(2), CLONE_INTO_CGROUP</summary>
    public string? CgroupDirectory { get; init; }

    /// <summary>
    /// Whether the first process is an init of its own, and the program its child: it reaps what is left to it, passes signals on, and ends as the program
    /// does, with 128 + n when signal n ended it.
    /// </summary>
    public bool HasInit { get; init; }

    /// <summary>Whether it goes on when this process ends. Otherwise the kernel kills it then, also when this process is killed.</summary>
    public bool OutlivesHost { get; init; }
}

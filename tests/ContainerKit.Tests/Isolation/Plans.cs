using ContainerKit.Isolation;
using ContainerKit.Launch;

namespace ContainerKit.Tests.Isolation;

/// <summary>A container that has something of everything, the hosts and modes that it is planned for, and ways to read its plans.</summary>
internal static class Plans
{
    public const string Filter = "set the seccomp filter";

    public static readonly LaunchHost RootHost = new() { IsRoot = true, UserId = 0, GroupId = 0 };

    public static readonly LaunchHost UserHost = new() { IsRoot = false, UserId = 1000, GroupId = 1000 };

    public static readonly ProcessSpec Process = new()
    {
        Arguments = ["sh", "-c", "true"],
        Environment = ["PATH=/usr/bin:/bin"],
        WorkingDirectory = "/srv/site",
        Capabilities = CapabilitySet.DockerDefault.Bits,
        SeccompFilter = new byte[16],
        Limits = [new ProcessLimit(7, 1024, 4096)],
    };

    public static readonly ProcessSpec OnTerminal = Process with { Terminal = new TerminalSize(100, 30) };

    public static readonly IsolationSpec Spec = new()
    {
        Root = [new Mount("overlay", "overlay", "/", ["lowerdir=/store/b", "lowerdir=/store/a", "upperdir=/store/c/fs", "workdir=/store/c/work"])],
        IsRootReadOnly = true,
        Process = Process,
        Hostname = "web",
        Mounts = [new Mount("bind", "/host/data", "/data", ["rbind", "ro"]), new Mount("tmpfs", "tmpfs", "/run", ["nosuid", "mode=755"])],
        MaskedPaths = ["/proc/kcore", "/sys/firmware"],
        ReadOnlyPaths = ["/proc/sys"],
    };

    public static readonly IsolationSpec SingleId = WithMap(new IdMapping(0, 1000, 1));

    public static readonly IsolationSpec Mapped = WithMap(new IdMapping(0, 100_000, 65_536)) with { IsRootMapped = true };

    public static readonly IsolationSpec SubordinateIds = WithMap(new IdMapping(0, 1000, 1), new IdMapping(1, 100_000, 65_536));

    public static readonly SupervisorSpec Supervisor = new()
    {
        LogLimit = 1 << 20,
        HeldDescriptors = 3,
        MemoryEvents = "/sys/fs/cgroup/containerkit/web/memory.events",
        Directories = ["/sys/fs/cgroup/containerkit/web"],
        File = "/store/cgroups/web",
    };

    /// <summary>A plan of each mode, by the name of its approved dump.</summary>
    public static readonly IReadOnlyDictionary<string, LaunchPlan> All = new Dictionary<string, LaunchPlan>
    {
        ["root"] = LaunchPlanner.Plan(Spec, RootHost),
        ["root-user-namespace"] = LaunchPlanner.Plan(Mapped, RootHost),
        ["detached"] = LaunchPlanner.Plan(Spec, RootHost, Supervisor),
        ["detached-subordinate-ids"] = LaunchPlanner.Plan(SubordinateIds, UserHost, Supervisor with { KeepsInput = true }),
        ["detached-member"] = LaunchPlanner.Plan(Mapped, RootHost, Supervisor, awaitsNetwork: true),
        ["single-id"] = LaunchPlanner.Plan(SingleId, UserHost),
        ["subordinate-ids"] = LaunchPlanner.Plan(SubordinateIds, UserHost),
        ["terminal"] = LaunchPlanner.Plan(Spec with { HasInit = true, Process = OnTerminal }, RootHost),
        ["join"] = LaunchPlanner.PlanJoin(Spec, Process, RootHost),
        ["join-kept"] = LaunchPlanner.PlanJoin(SubordinateIds, OnTerminal, UserHost, isKept: true),
        ["join-terminal"] = LaunchPlanner.PlanJoin(Spec, OnTerminal, RootHost),
        ["join-root-user-namespace"] = LaunchPlanner.PlanJoin(Mapped, Process, RootHost),
        ["join-subordinate-ids"] = LaunchPlanner.PlanJoin(SubordinateIds, Process, UserHost),
    };

    /// <summary>The index of the first step with these words.</summary>
    public static int IndexOf(this LaunchPlan plan, string words) =>
        plan.Program.Steps.FirstOrDefault(step => step.Words == words)?.Index ?? throw new ArgumentException($"No step says '{words}':\n{plan.Program.Dump()}");

    /// <summary>The indexes of the first steps with these words, for a test that they ascend.</summary>
    public static int[] IndexesOf(this LaunchPlan plan, params string[] words) => [.. words.Select(plan.IndexOf)];

    public static LaunchStep Step(this LaunchPlan plan, string words) => plan.Program.Steps[plan.IndexOf(words)];

    public static IEnumerable<LaunchStep> After(this LaunchPlan plan, string words) => plan.Program.Steps.Skip(plan.IndexOf(words) + 1);

    public static IEnumerable<string> Words(this IEnumerable<LaunchStep> steps) => steps.Select(step => step.Words);

    /// <summary>Whether a path is looked up from the working directory, or from the root.</summary>
    public static bool NamesPlaceWithoutHandle(this LaunchStep step) =>
        step.Arguments.Any(argument => argument is { Data: null, Value: KernelFlags.AT_FDCWD } || argument.ToString().StartsWith("\"/", StringComparison.Ordinal));

    private static IsolationSpec WithMap(params IdMapping[] map) =>
        Spec with { Namespaces = Namespaces.Default | Namespaces.User, UserMappings = map, GroupMappings = map };
}

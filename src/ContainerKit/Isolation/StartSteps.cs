using ContainerKit.Launch;
using ContainerKit.Linux;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>The steps around all others: what the launch program does about itself, its descriptors, its cgroups and its host.</summary>
internal static class StartSteps
{
    /// <summary>Refuses to run without a host.</summary>
    public static void RequireHost(PlanBuilder plan)
    {
        // A container's program may be a script that names this executable as its interpreter; then descriptor 3 is not there.
        var stranger = new LaunchLabel();
        var ours = new LaunchLabel();
        plan.Call("find the report pipe", SystemCall.fcntl, PlanBuilder.Report, F_GETFD).OnSuccess(ours).OnError(stranger);
        plan.Program.Mark(stranger);
        plan.Call("end", SystemCall.exit_group, 254).Then(LaunchLabel.Nowhere);
        plan.Program.Mark(ours);
    }

    /// <summary>Closes whatever the host left open.</summary>
    public static void CloseTheRest(PlanBuilder plan)
    {
        plan.Call("close inherited descriptors", SystemCall.close_range, Operand.ValueAt(plan.FirstUnwanted, 0), uint.MaxValue, 0);
        plan.Call("mark descriptors for closing", SystemCall.close_range, PlanBuilder.Report, uint.MaxValue, CLOSE_RANGE_CLOEXEC);

        // Modes of files and directories that the program makes are meant as they are written.
        plan.Call("clear the file mode mask", SystemCall.umask, 0);
    }

    /// <summary>Keeps others of the same user from looking into this process, or tracing it.</summary>
    public static void HideFromOthers(PlanBuilder plan) =>
        plan.Call("hide the launch program", SystemCall.prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);

    /// <summary>Joins a new session keyring, in place of the host's, whose keys a program could use and read otherwise. session-keyring(7)</summary>
    /// <remarks>It counts against the keys of whoever the process is at this moment: the user that is root inside.</remarks>
    public static void LeaveKeyring(PlanBuilder plan, ProcessSpec process)
    {
        // A kernel without keys has none to protect, and a filter around this host that forbids the call is around the container, too.
        var step = plan.Call("join a session keyring of its own", SystemCall.keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0);
        _ = process.FilterForbidsKeys ? step.Tolerating(Errno.ENOSYS, Errno.EPERM, Errno.EDQUOT) : step.Tolerating(Errno.ENOSYS, Errno.EPERM);
    }

    /// <summary>Opens the cgroup files while the host's paths and rights are there.</summary>
    public static IReadOnlyList<(string Path, LaunchStep File)> OpenCgroups(PlanBuilder plan, IEnumerable<string> procsFiles) =>
        [.. procsFiles.Select(path => (path, Open(plan, path)))];

    /// <summary>The file by which a process enters the cgroup that it should have been born in; none where it has none.</summary>
    public static IEnumerable<string> BirthplaceOf(IsolationSpec spec) => spec.CgroupDirectory is { } directory ? [$"{directory}/cgroup.procs"] : [];

    /// <summary>Moves this process, and so all that it starts, into the container's cgroups.</summary>
    public static void EnterCgroups(PlanBuilder plan, IsolationSpec container)
    {
        foreach (var path in FilesOf(container))
        {
            Enter(plan, path, Open(plan, path), thenClose: true);
        }
    }

    /// <summary>
    /// Goes on as another process, which is born in a cgroup of version 2 (and so in the one around it): to be moved there would take longer than all
    /// else together. Where the kernel has no such clone, or a filter hides it, this process enters the container's cgroups and goes on.
    /// </summary>
    public static void BeBornInCgroup(PlanBuilder plan, IsolationSpec container, string group)
    {
        var program = plan.Program;
        var around = $"{Path.GetDirectoryName(group)}/cgroup.procs";
        foreach (var path in FilesOf(container).Where(path => path != around))
        {
            Enter(plan, path, Open(plan, path), thenClose: true);
        }

        var (older, born, entered) = (new LaunchLabel(), new LaunchLabel(), new LaunchLabel());
        var continued = program.Words(unchecked((uint)LaunchMarks.Continued));
        var arguments = new Operand[11];
        arguments[0] = CLONE_PARENT | CLONE_CHILD_SETTID | CLONE_INTO_CGROUP;
        arguments[2] = Operand.AddressOf(continued, 4);
        var cloneArguments = program.Words(arguments);
        plan.Call($"open '{group}'", SystemCall.openat, AT_FDCWD, plan.Text(group), O_PATH | O_CLOEXEC).StoringInto(cloneArguments, 80);
        plan.Call($"be born in the cgroup '{group}'", SystemCall.clone3, cloneArguments, 88).OnZero(born).OnError(older);
        plan.Call("leave the rest to who was born there", SystemCall.exit_group, 0).Then(LaunchLabel.Nowhere);

        program.Mark(older);
        if (FilesOf(container).Contains(around))
        {
            Enter(plan, around, Open(plan, around), thenClose: true);
        }

        plan.Call("close a cgroup", SystemCall.close, Operand.ValueAt(cloneArguments, 80)).Then(entered);

        // Before anybody inside the container can see it: nobody else says this.
        program.Mark(born);
        plan.Call("report who goes on", SystemCall.write, PlanBuilder.Report, continued, 8);
        plan.Call("close a cgroup", SystemCall.close, Operand.ValueAt(cloneArguments, 80));
        program.Mark(entered);
    }

    private static IEnumerable<string> FilesOf(IsolationSpec container) => container.CgroupProcsFiles.Concat(BirthplaceOf(container));

    public static void Enter(PlanBuilder plan, string path, LaunchStep file, bool thenClose)
    {
        plan.Call($"enter the cgroup of '{path}'", SystemCall.write, file, plan.Text("0"), 1);
        if (thenClose)
        {
            plan.Call("close a cgroup file", SystemCall.close, file);
        }
    }

    /// <summary>Asks the kernel to kill this process when the thread ends that launched it, and looks whether that has happened already.</summary>
    /// <remarks>A change of credentials resets the request, so it comes after the last one: prctl(2).</remarks>
    public static void DieWithHost(PlanBuilder plan, bool outlivesHost)
    {
        if (outlivesHost)
        {
            return;
        }

        plan.Call("tie the container to its host", SystemCall.prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);

        // Nobody reads the report any more: the host has gone before the request was made.
        var pollReport = plan.Program.Words(PlanBuilder.Report);
        var noTime = plan.Program.Words(0, 0);
        plan.Call("see whether the host is there", SystemCall.ppoll, pollReport, 1, noTime, 0, 0).OnPositive(plan.Exit);
    }

    private static LaunchStep Open(PlanBuilder plan, string path) =>
        plan.Call($"open '{path}'", SystemCall.openat, AT_FDCWD, plan.Text(path), O_WRONLY | O_CLOEXEC);
}

using ContainerKit.Launch;
using ContainerKit.Linux;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>The steps that make, join and set up namespaces, and the clone between the launch program and the container.</summary>
internal static class NamespaceSteps
{
    /// <summary>Enters a user namespace of its own, as root of it.</summary>
    public static void EnterUserNamespace(PlanBuilder plan, IsolationSpec spec)
    {
        if (plan.Mode == IdMode.Host)
        {
            return;
        }

        if (plan.Mode == IdMode.Range && plan.IsStartedAgain)
        {
            plan.Call("enter the user namespace", SystemCall.setns, plan.Need(LaunchDescriptor.UserNamespace), CLONE_NEWUSER);
            BecomeRoot(plan);
            return;
        }

        plan.Call("make a user namespace", SystemCall.unshare, CLONE_NEWUSER);
        if (plan.Mode == IdMode.Single)
        {
            var map = PlanBuilder.MapOf(spec);

            // An ordinary user may map his own ids only after he has given up dropping groups: user_namespaces(7).
            WriteFile(plan, "/proc/self/setgroups", "deny");
            WriteFile(plan, "/proc/self/uid_map", map.Users[0].ToString());
            WriteFile(plan, "/proc/self/gid_map", map.Groups[0].ToString());
            return;
        }

        var socket = plan.Need(LaunchDescriptor.MapsWritten);
        var answer = new LaunchData(new byte[8], "answer");
        plan.Program.Add(answer);
        plan.Call("ask for id maps", SystemCall.write, PlanBuilder.Report, plan.Program.Words(unchecked((uint)LaunchMarks.NeedsMaps)), 8);
        plan.Call("wait for id maps", SystemCall.read, socket, answer, 1).OnZero(plan.Exit);
        plan.Call("close the socket", SystemCall.close, socket);
        BecomeRoot(plan);
    }

    /// <summary>Starts the container's first process, as a child of the host's rather than its own, and ends itself.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="spec">The container.</param>
    /// <param name="birthplace">Opened: the file of the cgroup that it is to be born in, should it have to enter that instead.</param>
    public static void CloneFirstProcess(PlanBuilder plan, IsolationSpec spec, IReadOnlyList<(string Path, LaunchStep File)> birthplace)
    {
        if (plan.KeepsNetwork)
        {
            plan.Call("enter the network namespace", SystemCall.setns, plan.Need(LaunchDescriptor.NetworkNamespace), CLONE_NEWNET);
        }

        var started = plan.Program.Words(unchecked((uint)LaunchMarks.Started), 0);
        var flags = CLONE_PARENT | CloneFlags(spec.Namespaces & ~(Namespaces.User | Namespaces.Cgroup | (plan.KeepsNetwork ? Namespaces.Network : 0)));
        var arguments = new Operand[11];
        arguments[0] = flags | (spec.CgroupDirectory is null ? 0 : CLONE_INTO_CGROUP);
        var cloneArguments = plan.Program.Words(arguments);
        if (spec.CgroupDirectory is { } directory)
        {
            plan.Call($"open '{directory}'", SystemCall.openat, AT_FDCWD, plan.Text(directory), O_PATH | O_CLOEXEC).StoringInto(cloneArguments, 80);
        }

        var child = new LaunchLabel();
        var parent = new LaunchLabel();
        var older = new LaunchLabel();
        var outside = new LaunchLabel();
        const string words = "make the container's namespaces";
        plan.Call(words, SystemCall.clone3, cloneArguments, 88).StoringInto(started, 4).OnPositive(parent).OnZero(child).OnError(older);

        // Seccomp filters of outer containers know clone, and answer that clone3 is not there. Who became root of a user namespace may not be born in a
        // group of the host's root, and has its file open.
        plan.Program.Mark(older);
        plan.Call(words, SystemCall.clone, flags | SIGCHLD, 0, 0, 0, 0).StoringInto(started, 4).OnPositive(parent).OnZero(birthplace.Count == 0 ? child : outside);
        plan.Program.Mark(parent);
        EndParent(plan, started);
        if (birthplace.Count > 0)
        {
            plan.Program.Mark(outside);
            foreach (var (path, file) in birthplace)
            {
                StartSteps.Enter(plan, path, file, thenClose: false);
            }
        }

        plan.Program.Mark(child);
    }

    /// <summary>What the first process does about its new namespaces.</summary>
    public static void SetUp(PlanBuilder plan, IsolationSpec spec, IReadOnlyList<(string Path, LaunchStep File)> cgroups)
    {
        plan.Call("begin a session", SystemCall.setsid).Tolerating(Errno.EPERM);
        foreach (var (path, file) in cgroups)
        {
            StartSteps.Enter(plan, path, file, thenClose: false);
        }

        // Only now: the namespace's root is the cgroup that its first process is in.
        if (spec.Namespaces.HasFlag(Namespaces.Cgroup))
        {
            plan.Call("make a cgroup namespace", SystemCall.unshare, CLONE_NEWCGROUP);
        }

        if (spec.Hostname is { } hostname)
        {
            var text = plan.Text(hostname);
            plan.Call($"set the host name '{hostname}'", SystemCall.sethostname, text, text.Content.Length - 1);
        }

        if (spec.Namespaces.HasFlag(Namespaces.Network))
        {
            // struct ifreq: the name in 16 bytes, then the flags.
            var request = new byte[40];
            "lo"u8.CopyTo(request);
            BitConverter.TryWriteBytes(request.AsSpan(16), (short)(IFF_UP | IFF_RUNNING));
            var socket = plan.Call("open a socket", SystemCall.socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
            plan.Call("set up the loopback interface", SystemCall.ioctl, socket, SIOCSIFFLAGS, plan.Program.Bytes(request));
        }

        if (plan.AwaitsNetwork)
        {
            AwaitNetwork(plan);
        }
    }

    /// <summary>From here on, what is mounted on the host does not appear here, and the other way round.</summary>
    public static void DetachMounts(PlanBuilder plan) =>
        plan.Call("detach the container's mounts from the host's", SystemCall.mount, 0, plan.Text("/"), 0, MS_REC | MS_PRIVATE, 0);

    /// <summary>Enters all namespaces that the container has of its own.</summary>
    public static void Join(PlanBuilder plan, IsolationSpec container, int target)
    {
        // To join the user namespace that one is in is an error, so it is named only where there is another.
        plan.Call("join the container's namespaces", SystemCall.setns, target, CloneFlags(container.Namespaces));
        if (plan.Mode == IdMode.Range)
        {
            BecomeRoot(plan);
        }

        plan.Call("open the container's root", SystemCall.openat, AT_FDCWD, plan.Text("/"), O_PATH | O_CLOEXEC).StoringInto(plan.Root, 0);
    }

    /// <summary>Starts the joining process, as a child of the host's, and ends itself.</summary>
    public static void CloneJoining(PlanBuilder plan, int target)
    {
        var started = plan.Program.Words(unchecked((uint)LaunchMarks.Started), 0);
        var child = new LaunchLabel();

        // What is open now, those inside could take from the child before it runs its program.
        plan.Call("close the container's handle", SystemCall.close, target);
        plan.Call("close the container's root", SystemCall.close, plan.RootDirectory);
        plan.Call("start the process", SystemCall.clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0).StoringInto(started, 4).OnZero(child);
        EndParent(plan, started);
        plan.Program.Mark(child);
    }

    private static void BecomeRoot(PlanBuilder plan)
    {
        plan.Call("become root's group in the user namespace", SystemCall.setresgid, 0, 0, 0);
        plan.Call("become root in the user namespace", SystemCall.setresuid, 0, 0, 0);
    }

    private static void AwaitNetwork(PlanBuilder plan)
    {
        var socket = plan.Need(LaunchDescriptor.NetworkReady);
        var answer = new LaunchData(new byte[8], "network answer");
        plan.Program.Add(answer);
        if (!plan.Host.IsRoot)
        {
            // An ordinary user's helper finds the namespaces by this process, and the kernel shows them of no hidden one. Who can look now is no container.
            plan.Call("show the launch program", SystemCall.prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
        }

        plan.Call("ask for a network", SystemCall.write, PlanBuilder.Report, plan.Program.Words(unchecked((uint)LaunchMarks.NeedsNetwork)), 8);
        if (plan.KeepsNetwork)
        {
            // Not taken, so that it is there for the programs that come after this one.
            plan.Call("wait for the network", SystemCall.recvfrom, socket, answer, 1, MSG_PEEK, 0, 0).OnZero(plan.Exit);
        }
        else
        {
            plan.Call("wait for the network", SystemCall.read, socket, answer, 1).OnZero(plan.Exit);
        }

        plan.Call("close the socket", SystemCall.close, socket);
        if (!plan.Host.IsRoot)
        {
            StartSteps.HideFromOthers(plan);
        }
    }

    private static void EndParent(PlanBuilder plan, LaunchData started)
    {
        var end = new LaunchLabel();
        var unheard = new LaunchLabel();
        plan.Call("report the process", SystemCall.write, PlanBuilder.Report, started, 8).OnSuccess(end).OnError(unheard);

        // A process that the host does not know of must not go on.
        plan.Program.Mark(unheard);
        plan.Call("end the process", SystemCall.kill, Operand.ValueAt(started, 4), SIGKILL).Then(end);
        plan.Program.Mark(end);
        plan.Call("end the launch program", SystemCall.exit_group, 0).Then(LaunchLabel.Nowhere);
    }

    private static void WriteFile(PlanBuilder plan, string path, string content)
    {
        var text = plan.Text(content);
        var file = plan.Call($"open '{path}'", SystemCall.openat, AT_FDCWD, plan.Text(path), O_WRONLY | O_CLOEXEC);
        plan.Call($"write '{content}' to '{path}'", SystemCall.write, file, text, text.Content.Length - 1);
        plan.Call($"close '{path}'", SystemCall.close, file);
    }

    private static ulong CloneFlags(Namespaces namespaces)
    {
        ulong flags = 0;
        Add(Namespaces.Mount, CLONE_NEWNS);
        Add(Namespaces.Pid, CLONE_NEWPID);
        Add(Namespaces.Network, CLONE_NEWNET);
        Add(Namespaces.Uts, CLONE_NEWUTS);
        Add(Namespaces.Ipc, CLONE_NEWIPC);
        Add(Namespaces.Cgroup, CLONE_NEWCGROUP);
        Add(Namespaces.User, CLONE_NEWUSER);
        return flags;

        void Add(Namespaces kind, ulong flag) => flags |= namespaces.HasFlag(kind) ? flag : 0;
    }
}

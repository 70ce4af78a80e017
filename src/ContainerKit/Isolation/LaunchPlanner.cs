using ContainerKit.Launch;

namespace ContainerKit.Isolation;

/// <summary>
/// Turns a specification into a launch program. A pure function: nothing is looked up, and so a test can read the plan for any
/// container and any host on any machine.
/// </summary>
/// <remarks>
/// Everything that could be resolved on the host by a path from the image comes after the host's root is gone: file systems are made
/// and bind sources opened first, then the root is exchanged, and only then are targets looked up, below the container's own root.
/// (While the old root is still stacked on the new one, <c>..</c> leads to it.)
/// </remarks>
internal static class LaunchPlanner
{
    /// <summary>The program that makes a container and runs its first process.</summary>
    /// <exception cref="IsolationException">The specification contradicts itself.</exception>
    public static LaunchPlan Plan(IsolationSpec spec, LaunchHost host, SupervisorSpec? supervisor = null, bool awaitsNetwork = false)
    {
        Check(spec);
        var plan = new PlanBuilder(host, PlanBuilder.ModeOf(spec, host)) { HeldDescriptors = supervisor?.HeldDescriptors ?? 0, AwaitsNetwork = awaitsNetwork, IsStartedAgain = supervisor is not null };
        StartSteps.RequireHost(plan);
        if (supervisor is not null)
        {
            SupervisorSteps.Split(plan, supervisor);
        }

        StartSteps.CloseTheRest(plan);
        LabelSteps.Request(plan, spec.Process);
        var cgroups = StartSteps.OpenCgroups(plan, spec.CgroupProcsFiles);
        var birthplace = StartSteps.OpenCgroups(plan, StartSteps.BirthplaceOf(spec));

        // What the user namespace's root may not do, or may not even see: the host's root does it first.
        var binds = plan.IsPreparedByRoot ? MountSteps.OpenSources(plan, spec) : null;
        if (spec.IsRootMapped)
        {
            ClearMarks();
            RootSteps.MakeMapped(plan, spec);
        }
        else if (plan.Wants(LaunchDescriptor.FileOwners))
        {
            RootSteps.CloseOwners(plan);
        }

        NamespaceSteps.EnterUserNamespace(plan, spec);
        if (!spec.IsRootMapped)
        {
            // As root of the user namespace, where there is one: the marks are in a directory that nobody else may enter.
            ClearMarks();
        }

        StartSteps.HideFromOthers(plan);
        NamespaceSteps.CloneFirstProcess(plan, spec, birthplace);

        // From here on, this is the container's first process.
        NamespaceSteps.SetUp(plan, spec, cgroups);
        binds ??= MountSteps.OpenPropagating(plan, spec);
        NamespaceSteps.DetachMounts(plan);
        StartSteps.LeaveKeyring(plan, spec.Process);
        var prepared = MountSteps.Prepare(plan, spec, binds);
        RootSteps.Enter(plan, spec);
        MountSteps.Attach(plan, spec, prepared);
        TerminalSteps.OpenFirst(plan, spec.Process, MountSteps.TerminalsOf(prepared));
        MountSteps.MakeWorkingDirectory(plan, spec);
        PathSteps.Add(plan, spec);
        if (spec.IsRootReadOnly)
        {
            RootSteps.MakeReadOnly(plan);
        }

        CredentialSteps.Assume(plan, spec.Process, spec.UserMappings, spec.GroupMappings);
        StartSteps.DieWithHost(plan, spec.OutlivesHost);
        CredentialSteps.EnterWorkingDirectory(plan, spec.Process);
        CredentialSteps.DropTheRest(plan, spec.Process);
        if (spec.HasInit)
        {
            InitSteps.Split(plan);
        }

        TerminalSteps.Take(plan, spec.Process);
        ProgramSteps.Run(plan, spec.Process);
        return plan.Finish();

        void ClearMarks()
        {
            if (plan.IsStartedAgain)
            {
                RestartSteps.ClearMarks(plan, spec);
            }
        }
    }

    /// <summary>The program that runs a further process in a container.</summary>
    /// <remarks>
    /// Who joins is seen by those who are inside. So it is closed to them before it comes in, and has its final rights before it is
    /// born there: nothing that they could take from it is more than what they have.
    /// </remarks>
    /// <param name="container">The container.</param>
    /// <param name="process">The process.</param>
    /// <param name="host">The host.</param>
    /// <param name="group">The directory of a cgroup of version 2 that is the process's own; null for none. It may be one below the container's.</param>
    /// <param name="isKept">Whether the process has a keeper, below which all that descends from it stays.</param>
    public static LaunchPlan PlanJoin(IsolationSpec container, ProcessSpec process, LaunchHost host, string? group = null, bool isKept = false)
    {
        Check(process, "The program");
        var plan = new PlanBuilder(host, PlanBuilder.ModeOf(container, host));
        var target = plan.Need(LaunchDescriptor.FirstProcess);
        StartSteps.HideFromOthers(plan);
        StartSteps.RequireHost(plan);
        StartSteps.CloseTheRest(plan);
        LabelSteps.Request(plan, process);
        if (group is null)
        {
            StartSteps.EnterCgroups(plan, container);
        }
        else
        {
            StartSteps.BeBornInCgroup(plan, container, group);
        }

        NamespaceSteps.Join(plan, container, target);
        TerminalSteps.OpenJoining(plan, process);
        StartSteps.LeaveKeyring(plan, process);
        CredentialSteps.Assume(plan, process, container.UserMappings, container.GroupMappings);
        CredentialSteps.EnterWorkingDirectory(plan, process);
        CredentialSteps.DropTheRest(plan, process);
        NamespaceSteps.CloneJoining(plan, target);
        plan.Call("begin a session", SystemCall.setsid);
        StartSteps.DieWithHost(plan, container.OutlivesHost);
        if (isKept)
        {
            InitSteps.Split(plan, isFirst: false);
        }

        TerminalSteps.Take(plan, process);
        ProgramSteps.Run(plan, process);
        return plan.Finish();
    }

    private static void Check(IsolationSpec spec)
    {
        Check(spec.Process);
        if (!spec.Namespaces.HasFlag(Namespaces.Mount))
        {
            throw new IsolationException("The container cannot start: without a mount namespace it would exchange the host's own root.");
        }

        if (spec.Hostname is not null && !spec.Namespaces.HasFlag(Namespaces.Uts))
        {
            throw new IsolationException("The container cannot start: a host name needs a UTS namespace, or it would be the host's own.");
        }

        if (spec.Namespaces.HasFlag(Namespaces.User) && (spec.UserMappings.Count == 0 || spec.GroupMappings.Count == 0))
        {
            throw new IsolationException("The container cannot start: a user namespace needs id mappings.");
        }
    }

    private static void Check(ProcessSpec process, string subject = "The container")
    {
        if (process.Arguments.Count == 0 || process.Arguments[0].Length == 0)
        {
            throw new IsolationException($"{subject} cannot start: there is no program to run.");
        }

        if (!process.WorkingDirectory.StartsWith('/'))
        {
            throw new IsolationException($"{subject} cannot start: its working directory '{process.WorkingDirectory}' is not an absolute path.");
        }

        if (process.SeccompFilter.Length % 8 != 0)
        {
            throw new IsolationException($"{subject} cannot start: its seccomp filter is not a list of instructions of 8 bytes.");
        }
    }
}

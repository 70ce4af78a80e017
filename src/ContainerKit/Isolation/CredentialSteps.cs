using System.Runtime.InteropServices;
using ContainerKit.Launch;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>The steps that turn root into whoever the container's program runs as.</summary>
internal static class CredentialSteps
{
    private const ulong CapabilityVersion3 = 0x20080522;

    /// <summary>Limits, groups and user. What is left of root's rights afterwards goes with <see cref="DropTheRest"/>.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="process">Who that is.</param>
    /// <param name="users">The users that there are; empty where there are all.</param>
    /// <param name="groups">Likewise the groups.</param>
    /// <exception cref="HostCapabilityException">The user namespace has no such user or group.</exception>
    public static void Assume(PlanBuilder plan, ProcessSpec process, IReadOnlyList<IdMapping> users, IReadOnlyList<IdMapping> groups)
    {
        foreach (var limit in process.Limits)
        {
            var pair = plan.Program.Words(limit.Soft, limit.Hard);
            plan.Call($"set resource limit {limit.Resource} to {limit.Soft}:{limit.Hard}", SystemCall.prlimit64, 0, limit.Resource, pair, 0);
        }

        for (var capability = 0; capability <= plan.Host.LastCapability; capability++)
        {
            if ((process.Capabilities >> capability & 1) == 0)
            {
                plan.Call($"drop capability {capability}", SystemCall.prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
            }
        }

        if (users.Count == 0)
        {
            RequireHeld(plan, process);
        }

        RequireMapped(plan, process.UserId, users, "user");
        RequireMapped(plan, process.GroupId, groups, "group");
        AddGroups(plan, process);
        plan.Call($"become group {process.GroupId}", SystemCall.setresgid, process.GroupId, process.GroupId, process.GroupId);
        if (NeedsAdministrator(process))
        {
            plan.Call("keep capabilities", SystemCall.prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0);
        }

        plan.Call($"become user {process.UserId}", SystemCall.setresuid, process.UserId, process.UserId, process.UserId);
        if (NeedsAdministrator(process))
        {
            SetCapabilities(plan, "keep what a seccomp filter needs", 1UL << CAP_SYS_ADMIN);
        }

        // What the launch program could hide as root, it must hide again: a change of user resets it.
        StartSteps.HideFromOthers(plan);
        plan.Call("set the file mode mask", SystemCall.umask, process.Umask);
        if (process.NoNewPrivileges)
        {
            plan.Call("give up new privileges", SystemCall.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        }
    }

    /// <summary>
    /// Goes where the program is to start, as the user that it runs as. The path comes from the image: it must not lead through a
    /// magic link (such as <c>/proc/self/fd/7</c>) to something that the launch program has open.
    /// </summary>
    public static void EnterWorkingDirectory(PlanBuilder plan, ProcessSpec process)
    {
        var words = $"enter the working directory '{process.WorkingDirectory}'";
        var directory = TargetSteps.Open(plan, words, process.WorkingDirectory);
        plan.Call(words, SystemCall.fchdir, directory);
        plan.Call("close the working directory", SystemCall.close, directory);
    }

    /// <summary>Capabilities and the seccomp filter, which comes last unless it needs a capability itself.</summary>
    public static void DropTheRest(PlanBuilder plan, ProcessSpec process)
    {
        // Without no_new_privs the kernel takes filters from an administrator only: seccomp(2).
        if (!process.NoNewPrivileges)
        {
            AddFilter(plan, process);
        }

        SetCapabilities(plan, "set the capabilities", process.UserId == 0 ? process.Capabilities : 0);
        if (process.NoNewPrivileges)
        {
            AddFilter(plan, process);
        }
    }

    private static void AddGroups(PlanBuilder plan, ProcessSpec process)
    {
        if (plan.Mode == IdMode.Single)
        {
            if (process.AdditionalGroups.Count > 0)
            {
                throw Missing(plan, $"its user is in the group {process.AdditionalGroups[0]}, and");
            }

            return;
        }

        var groups = process.AdditionalGroups.ToArray();
        plan.Call("set the groups", SystemCall.setgroups, groups.Length, plan.Program.Bytes(MemoryMarshal.AsBytes<uint>(groups)));
    }

    // The kernel refuses all of them for one, and does not say which. In a user namespace of its own there are all.
    private static void RequireHeld(PlanBuilder plan, ProcessSpec process)
    {
        var missing = new CapabilitySet(process.Capabilities & ~plan.Host.Capabilities).KnownTo(plan.Host.LastCapability);
        if (process.UserId == 0 && missing.Count > 0)
        {
            throw new HostCapabilityException("capabilities", $"The container cannot start: it is to have {string.Join(", ", missing.Select(CapabilitySet.NameOf))}, which this process does not have itself.")
            {
                Hint = "Take away what is missing with WithoutCapability (ckit: --cap-drop), also beside ALL.",
            };
        }
    }

    private static void RequireMapped(PlanBuilder plan, uint id, IReadOnlyList<IdMapping> mappings, string what)
    {
        if (mappings.Count > 0 && !mappings.Any(mapping => id >= mapping.ContainerId && id - mapping.ContainerId < mapping.Count))
        {
            throw Missing(plan, $"it is to run as {what} {id}, and");
        }
    }

    private static HostCapabilityException Missing(PlanBuilder plan, string why) => plan.Mode == IdMode.Single
        ? new HostCapabilityException("subordinate-ids", $"The container cannot start: {why} its user namespace has a single id.")
        {
            Hint = "Lend this user a range of ids: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER. Or let it run as root, which is this user.",
        }
        : new HostCapabilityException("subordinate-ids", $"The container cannot start: {why} its user namespace has no such id.")
        {
            Hint = "Lend a larger range of ids in /etc/subuid and /etc/subgid.",
        };

    private static bool NeedsAdministrator(ProcessSpec process) =>
        process is { NoNewPrivileges: false, SeccompFilter.Length: > 0 } && process.UserId != 0;

    private static void SetCapabilities(PlanBuilder plan, string words, ulong capabilities)
    {
        // Bits that the kernel has no capability for are refused.
        capabilities &= ulong.MaxValue >> (63 - plan.Host.LastCapability);
        var (low, high) = (capabilities & uint.MaxValue, capabilities >> 32);

        // Two records of effective, permitted, inheritable: the lower 32 capabilities, then the others.
        var data = plan.Program.Words(low | (low << 32), high << 32, high);
        plan.Call(words, SystemCall.capset, plan.Program.Words(CapabilityVersion3), data);
    }

    private static void AddFilter(PlanBuilder plan, ProcessSpec process)
    {
        if (process.SeccompFilter.IsEmpty)
        {
            return;
        }

        var filter = plan.Program.Bytes(process.SeccompFilter.Span);
        var program = plan.Program.Words(process.SeccompFilter.Length / 8, filter);
        plan.Call("set the seccomp filter", SystemCall.seccomp, SECCOMP_SET_MODE_FILTER, 0, program);
    }
}

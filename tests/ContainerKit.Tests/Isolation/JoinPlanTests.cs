using ContainerKit.Isolation;
using ContainerKit.Launch;

namespace ContainerKit.Tests.Isolation;

/// <summary>
/// The order of steps of who joins a container, where those inside look on: hidden before it comes in, and with no more rights than
/// they have before it has a process number there.
/// </summary>
public class JoinPlanTests
{
    private const string Join = "join the container's namespaces", Clone = "start the process";

    private static readonly string[] Modes = ["join", "join-root-user-namespace", "join-subordinate-ids"];

    [TestCaseSource(nameof(Modes))]
    public void It_hides_before_anything_else(string mode)
    {
        Assert.That(Plans.All[mode].Program.Steps.Take(2).Words(), Is.EqualTo(new[] { "hide the launch program", "find the report pipe" }));
    }

    [TestCaseSource(nameof(Modes))]
    public void It_has_its_final_rights_before_it_is_born_inside(string mode)
    {
        Assert.That(
            Plans.All[mode].IndexesOf(
                "close inherited descriptors", Join, "drop capability 21", "become user 0", "give up new privileges", "set the capabilities", Plans.Filter, Clone),
            Is.Ordered.Ascending);
    }

    [TestCaseSource(nameof(Modes))]
    public void It_has_nothing_open_that_leads_anywhere_when_it_is_born_inside(string mode)
    {
        Assert.That(Plans.All[mode].IndexesOf(Plans.Filter, "close the container's handle", "close the container's root", Clone), Is.Ordered.Ascending);
        Assert.That(Plans.All[mode].Descriptors, Is.EqualTo(new[] { LaunchDescriptor.FirstProcess }));
    }

    [TestCaseSource(nameof(Modes))]
    public void Born_inside_it_does_next_to_nothing_before_its_program_runs(string mode)
    {
        var plan = Plans.All[mode];

        var born = plan.Program.Steps.Skip(plan.Step(Clone).WhenZero!.Index).TakeWhile(step => step.Words != "report the search");

        Assert.That(
            born.Words().Distinct(),
            Is.EqualTo(new[] { "begin a session", "tie the container to its host", "see whether the host is there", "find 'sh' in PATH" }));
    }

    [TestCaseSource(nameof(Modes))]
    public void Once_inside_paths_are_looked_up_below_the_containers_root_alone(string mode)
    {
        var after = Plans.All[mode].After("open the container's root").ToList();

        Assert.That(after.Where(step => step.NamesPlaceWithoutHandle()).Select(step => step.Call).Distinct(), Is.EqualTo(new[] { SystemCall.execve }));
    }

    [Test]
    public void A_user_namespace_is_joined_only_where_the_container_has_one()
    {
        var (withoutOne, withOne) = (Plans.All["join"].Step(Join).Arguments[1].Value, Plans.All["join-subordinate-ids"].Step(Join).Arguments[1].Value);

        Assert.That((ulong)withOne, Is.EqualTo((ulong)withoutOne | KernelFlags.CLONE_NEWUSER));
    }

    [Test]
    public void Groups_are_entered_while_the_hosts_paths_and_rights_are_there()
    {
        var container = Plans.Spec with { CgroupProcsFiles = ["/groups/pids/x/cgroup.procs"], CgroupDirectory = "/groups/unified/x" };

        var plan = LaunchPlanner.PlanJoin(container, Plans.Process, Plans.RootHost);

        Assert.That(plan.IndexOf("enter the cgroup of '/groups/pids/x/cgroup.procs'"), Is.LessThan(plan.IndexOf(Join)));
        Assert.That(plan.IndexOf("enter the cgroup of '/groups/unified/x/cgroup.procs'"), Is.LessThan(plan.IndexOf(Join)));
        Assert.That(plan.Program.Steps.Last(step => step.Words == "close a cgroup file").Index, Is.LessThan(plan.IndexOf(Join)));
    }

    [Test]
    public void With_a_group_of_its_own_it_is_born_there_before_it_joins_and_says_so_first_of_all()
    {
        var container = Plans.Spec with { CgroupProcsFiles = ["/groups/pids/x/tasks", "/groups/unified/x/cgroup.procs"] };

        var plan = LaunchPlanner.PlanJoin(container, Plans.Process, Plans.RootHost, "/groups/unified/x/exec-1");

        Assert.That(
            plan.IndexesOf("enter the cgroup of '/groups/pids/x/tasks'", "be born in the cgroup '/groups/unified/x/exec-1'", "report who goes on", Join), Is.Ordered.Ascending);
        Assert.That(plan.Program.Steps[plan.Step("be born in the cgroup '/groups/unified/x/exec-1'").WhenZero!.Index].Words, Is.EqualTo("report who goes on"));
    }

    [Test]
    public void Where_nobody_can_be_born_in_a_group_it_enters_the_containers_own()
    {
        var container = Plans.Spec with { CgroupProcsFiles = ["/groups/unified/x/cgroup.procs"] };

        var plan = LaunchPlanner.PlanJoin(container, Plans.Process, Plans.RootHost, "/groups/unified/x/exec-1");

        var instead = plan.Program.Steps[plan.Step("be born in the cgroup '/groups/unified/x/exec-1'").WhenFailed!.Index];
        Assert.That(instead.Words, Is.EqualTo("open '/groups/unified/x/cgroup.procs'"));
    }

    [Test]
    public void A_process_that_the_host_cannot_hear_of_is_killed()
    {
        var report = Plans.All["join"].Step("report the process");

        var unheard = Plans.All["join"].Program.Steps[report.WhenFailed!.Index];

        Assert.That((unheard.Call, unheard.Arguments[1].Value), Is.EqualTo((SystemCall.kill, (long)KernelFlags.SIGKILL)));
    }
}

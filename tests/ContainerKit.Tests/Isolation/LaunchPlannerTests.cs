using ContainerKit.Isolation;
using ContainerKit.Launch;

namespace ContainerKit.Tests.Isolation;

/// <summary>The order of steps that the safety of a new container rests on.</summary>
public class LaunchPlannerTests
{
    private const string Exchange = "let go of the host's root";

    private static readonly string[] Modes = ["root", "root-user-namespace", "single-id", "subordinate-ids"];

    [TestCaseSource(nameof(Modes))]
    public void Before_anything_else_it_looks_for_its_host_and_lets_go_of_what_it_inherited(string mode)
    {
        Assert.That(Plans.All[mode].Program.Steps.Take(5).Words(), Is.EqualTo(new[]
        {
            "find the report pipe", "end", "close inherited descriptors", "mark descriptors for closing", "clear the file mode mask",
        }));
    }

    [TestCaseSource(nameof(Modes))]
    public void What_is_the_hosts_is_opened_while_its_root_is_there(string mode)
    {
        var plan = Plans.All[mode];

        Assert.That(
            plan.IndexesOf(
                "make the container's namespaces", "detach the container's mounts from the host's", "mount proc on /proc", "enter the container's root", "exchange the root",
                Exchange, "go to the container's root", "make /proc/sys read-only"),
            Is.Ordered.Ascending);
        Assert.That(plan.IndexesOf("mount '/host/data' on /data", "enter the container's root"), Is.Ordered.Ascending);
        Assert.That(plan.IndexesOf("mount the overlay", "enter the container's root"), Is.Ordered.Ascending);
    }

    [TestCaseSource(nameof(Modes))]
    public void Once_the_hosts_root_is_gone_paths_are_looked_up_below_the_containers_alone(string mode)
    {
        var after = Plans.All[mode].After(Exchange).ToList();
        var lookups = after.Where(step => step.Call == SystemCall.openat2).ToList();

        // Without a handle go only the new root itself, the container's own program, and what is written into links.
        Assert.That(
            after.Where(step => step.NamesPlaceWithoutHandle()).Select(step => step.Call).Distinct(),
            Is.EquivalentTo(new[] { SystemCall.chdir, SystemCall.symlinkat, SystemCall.execve }));
        Assert.That(after.Where(step => step.Call == SystemCall.chdir).Select(step => step.Arguments[0].ToString()), Is.All.EqualTo("\"/\""));
        Assert.That(lookups.Select(step => step.Arguments[0].ToString()), Is.All.EqualTo("*root"));
        Assert.That(
            lookups.Select(step => BitConverter.ToUInt64(step.Arguments[2].Data!.Content, 16)),
            Is.All.EqualTo(KernelFlags.RESOLVE_IN_ROOT | KernelFlags.RESOLVE_NO_MAGICLINKS).Or.EqualTo(KernelFlags.RESOLVE_IN_ROOT | KernelFlags.RESOLVE_NO_SYMLINKS));
    }

    [TestCaseSource(nameof(Modes))]
    public void Paths_of_the_container_are_nowhere_looked_up_before(string mode)
    {
        var before = Plans.All[mode].Program.Steps.Take(Plans.All[mode].IndexOf(Exchange)).SelectMany(step => step.Arguments).Select(argument => argument.ToString());

        Assert.That(before, Has.None.Contains("\"data\"").And.None.Contains("srv").And.None.Contains("proc/kcore").And.Contains("\"/host/data\""));
    }

    [TestCaseSource(nameof(Modes))]
    public void The_root_becomes_read_only_when_all_is_in_place_and_before_rights_are_given_up(string mode)
    {
        Assert.That(
            Plans.All[mode].IndexesOf("make the working directory '/srv/site'", "mask /sys/firmware", "make the root read-only", "drop capability 21"), Is.Ordered.Ascending);
    }

    [Test]
    public void An_ordinary_user_maps_itself_and_is_hidden_only_then()
    {
        // A process that hides belongs to root, and could not write its own maps any more.
        Assert.That(
            Plans.All["single-id"].IndexesOf(
                "make a user namespace", "write 'deny' to '/proc/self/setgroups'", "write '0 1000 1' to '/proc/self/uid_map'", "write '0 1000 1' to '/proc/self/gid_map'",
                "hide the launch program", "make the container's namespaces"),
            Is.Ordered.Ascending);
        Assert.That(Plans.All["single-id"].Descriptors, Is.Empty);
    }

    [Test]
    public void A_range_of_ids_is_asked_for_and_awaited_and_the_program_is_hidden_only_then()
    {
        Assert.That(
            Plans.All["subordinate-ids"].IndexesOf(
                "make a user namespace", "ask for id maps", "wait for id maps", "close the socket", "become root's group in the user namespace",
                "become root in the user namespace", "hide the launch program", "make the container's namespaces"),
            Is.Ordered.Ascending);
        Assert.That(Plans.All["subordinate-ids"].Descriptors, Is.EqualTo(new[] { LaunchDescriptor.MapsWritten }));
        Assert.That(Plans.All["subordinate-ids"].Step("wait for id maps").WhenZero!.Index, Is.GreaterThan(Plans.All["subordinate-ids"].IndexOf("report a failed step")));
    }

    [Test]
    public void What_only_the_hosts_root_may_do_is_done_before_it_becomes_another()
    {
        Assert.That(
            Plans.All["root-user-namespace"].IndexesOf(
                "mount '/host/data' on /data", "make a mount namespace", RootSteps.MappingWords, "mount the overlay", "make files as the host's root",
                "lose capabilities as another user", "close the user namespace of the root's files", "make a user namespace", "become root in the user namespace",
                "hide the launch program", "make the container's namespaces"),
            Is.Ordered.Ascending);
        Assert.That(Plans.All["root-user-namespace"].Descriptors, Is.EqualTo(new[] { LaunchDescriptor.FileOwners, LaunchDescriptor.MapsWritten }));
    }

    [Test]
    public void Root_needs_neither_maps_nor_a_user_namespace()
    {
        Assert.That(Plans.All["root"].Program.Steps.Where(step => step.Call == SystemCall.unshare).Words(), Is.EqualTo(new[] { "make a cgroup namespace" }));
        Assert.That(Plans.All["root"].Descriptors, Is.Empty);
    }

    [Test]
    public void The_cgroup_namespace_is_made_in_the_containers_own_group()
    {
        var plan = LaunchPlanner.Plan(Plans.Spec with { CgroupProcsFiles = ["/groups/pids/x/cgroup.procs"] }, Plans.RootHost);

        Assert.That(
            plan.IndexesOf(
                "open '/groups/pids/x/cgroup.procs'", "make the container's namespaces", "enter the cgroup of '/groups/pids/x/cgroup.procs'", "make a cgroup namespace"),
            Is.Ordered.Ascending);
    }

    [Test]
    public void A_container_that_cannot_be_born_in_its_group_enters_it_first_of_all()
    {
        var plan = LaunchPlanner.Plan(Plans.Spec with { CgroupDirectory = "/groups/x" }, Plans.RootHost);

        var clones = plan.Program.Steps.Where(step => step.Words == "make the container's namespaces").ToList();

        // clone(2), the way out where clone3(2) is forbidden, knows no groups.
        Assert.That(clones.Select(step => step.Call), Is.EqualTo(new[] { SystemCall.clone3, SystemCall.clone }));
        Assert.That(plan.Program.Steps[clones[1].WhenZero!.Index].Words, Is.EqualTo("enter the cgroup of '/groups/x/cgroup.procs'"));
        Assert.That(clones[0].WhenZero!.Index, Is.EqualTo(clones[1].WhenZero!.Index + 1));
    }

    [Test]
    public void Where_clone3_is_forbidden_clone_follows()
    {
        var clones = Plans.All["root"].Program.Steps.Where(step => step.Words == "make the container's namespaces").ToList();

        Assert.That(clones.Select(step => step.Call), Is.EqualTo(new[] { SystemCall.clone3, SystemCall.clone }));
        Assert.That(clones[0].WhenFailed!.Index, Is.EqualTo(clones[1].Index));
        Assert.That(clones[0].WhenZero!.Index, Is.EqualTo(clones[1].WhenZero!.Index));
    }
}

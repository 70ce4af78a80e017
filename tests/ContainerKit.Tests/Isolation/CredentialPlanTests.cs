using ContainerKit.Isolation;
using ContainerKit.Launch;

namespace ContainerKit.Tests.Isolation;

/// <summary>The order in which rights are given up, in every plan.</summary>
public class CredentialPlanTests
{
    private const string Capabilities = "set the capabilities", Host = "tie the container to its host";

    private static readonly string[] Everywhere = [.. Plans.All.Keys];

    [TestCaseSource(nameof(Everywhere))]
    public void Ids_follow_the_bounding_set_and_the_last_capabilities_follow_the_ids(string mode)
    {
        Assert.That(
            Plans.All[mode].IndexesOf(
                "set resource limit 7 to 1024:4096", "drop capability 21", "become group 0", "become user 0", "give up new privileges", "enter the working directory '/srv/site'",
                Capabilities, Plans.Filter, "find 'sh' in PATH"),
            Is.Ordered.Ascending);
    }

    [TestCaseSource(nameof(Everywhere))]
    public void It_hides_again_after_the_last_change_of_user_which_would_undo_it(string mode)
    {
        var last = Plans.All[mode].Program.Steps.Last(step => step.Call is SystemCall.setresuid or SystemCall.setresgid).Index;

        Assert.That(Plans.All[mode].Program.Steps[last + 1].Words, Is.EqualTo("hide the launch program"));
    }

    [TestCaseSource(nameof(Everywhere))]
    public void The_request_to_die_follows_the_last_change_of_user_which_would_undo_it(string mode)
    {
        var plan = Plans.All[mode];

        Assert.That(plan.After(Host).Select(step => step.Call), Has.None.EqualTo(SystemCall.setresuid).And.None.EqualTo(SystemCall.setresgid));
        Assert.That(plan.Program.Steps[plan.IndexOf(Host) + 1].Words, Is.EqualTo("see whether the host is there"));
    }

    [Test]
    public void Who_outlives_the_host_does_not_ask_for_it()
    {
        var plan = LaunchPlanner.Plan(Plans.Spec with { OutlivesHost = true }, Plans.RootHost);

        Assert.That(plan.Program.Steps.Words(), Has.None.EqualTo(Host));
    }

    [TestCase("root")]
    [TestCase("root-user-namespace")]
    [TestCase("single-id")]
    [TestCase("subordinate-ids")]
    public void Under_its_filter_a_first_process_makes_no_call_but_the_one_that_runs_the_program(string mode)
    {
        var tail = Plans.All[mode].IndexOf("report the search");

        Assert.That(Plans.All[mode].After(Plans.Filter).TakeWhile(step => step.Index < tail).Select(step => step.Call), Is.All.EqualTo(SystemCall.execve));
    }

    [Test]
    public void A_filter_without_no_new_privileges_comes_while_there_is_a_right_to_set_it()
    {
        var process = Plans.Process with { NoNewPrivileges = false, UserId = 33, GroupId = 33 };

        var plan = LaunchPlanner.Plan(Plans.Spec with { Process = process }, Plans.RootHost);

        Assert.That(
            plan.IndexesOf("keep capabilities", "become user 33", "keep what a seccomp filter needs", Plans.Filter, Capabilities, "find 'sh' in PATH"),
            Is.Ordered.Ascending);
        Assert.That(plan.Program.Steps.Words(), Has.None.EqualTo("give up new privileges"));
    }

    [Test]
    public void Another_user_than_root_keeps_no_capability()
    {
        var plan = LaunchPlanner.Plan(Plans.Spec with { Process = Plans.Process with { UserId = 33 } }, Plans.RootHost);

        Assert.That(plan.Step(Capabilities).Arguments[1].Data!.Content, Is.All.Zero);
    }

    [Test]
    public void A_kernel_with_fewer_capabilities_is_asked_for_no_others()
    {
        var all = Plans.Process with { Capabilities = ulong.MaxValue, SeccompFilter = default };

        var plan = LaunchPlanner.Plan(Plans.Spec with { Process = all }, Plans.RootHost with { LastCapability = 37 });

        Assert.That(plan.Step(Capabilities).Arguments[1].Data!.Content[..16], Is.EqualTo(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 63, 0, 0, 0 }));
        Assert.That(plan.Program.Steps.Words(), Has.None.StartsWith("drop capability"));
    }

    [TestCase("single-id", false)]
    [TestCase("root", true)]
    [TestCase("root-user-namespace", true)]
    [TestCase("subordinate-ids", true)]
    public void Groups_are_set_even_to_none_except_where_the_kernel_forbids_it(string mode, bool isSet)
    {
        Assert.That(Plans.All[mode].Program.Steps.Any(step => step.Call == SystemCall.setgroups), Is.EqualTo(isSet));
    }
}

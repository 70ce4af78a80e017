using ContainerKit.Isolation;
using ContainerKit.Launch;
using ContainerKit.Linux;

namespace ContainerKit.Tests.Isolation;

/// <summary>How plans ask AppArmor and SELinux for a label, and leave the host's keyring, on hosts that have them.</summary>
public class LabelPlanTests
{
    private const string Profile = "run under the AppArmor profile 'web'", Label = "run with the SELinux label 'u:r:t:s0:c1,c2'", Keyring = "join a session keyring of its own";

    private static readonly LaunchHost Labelling = Plans.RootHost with { HasAppArmor = true, HasSelinux = true };

    private static readonly ProcessSpec Process = Plans.Process with { AppArmorProfile = "web", SelinuxLabel = "u:r:t:s0:c1,c2" };

    private static readonly string[] Everywhere = [.. Plans.All.Keys];

    [TestCase(false)]
    [TestCase(true)]
    public void The_hosts_own_proc_is_asked_before_anything_of_the_container_is_there(bool isJoin)
    {
        var plan = isJoin ? LaunchPlanner.PlanJoin(Plans.Spec, Process, Labelling) : LaunchPlanner.Plan(Plans.Spec with { Process = Process }, Labelling);

        Assert.That(
            plan.IndexesOf("mark descriptors for closing", Profile, Label, isJoin ? "join the container's namespaces" : "make the container's namespaces"),
            Is.Ordered.Ascending);
    }

    [Test]
    public void Each_module_is_told_in_its_own_words()
    {
        var plan = LaunchPlanner.Plan(Plans.Spec with { Process = Process }, Labelling);

        var told = plan.Program.Steps.Where(step => step.Words is Profile or Label && step.Call != SystemCall.close).Select(step => $"{step.Call} {step.Arguments[1]}");

        Assert.That(told, Is.EqualTo(new[]
        {
            "openat \"/proc/thread-self/attr/apparmor/exec\"", "write \"exec web\"",
            "openat \"/proc/thread-self/attr/exec\"", "write \"u:r:t:s0:c1,c2\"",
        }));
    }

    [Test]
    public void A_host_without_the_module_is_an_error_and_not_a_container_without_a_label()
    {
        Assert.That(
            () => LaunchPlanner.Plan(Plans.Spec with { Process = Plans.Process with { AppArmorProfile = "web" } }, Plans.RootHost),
            Throws.TypeOf<HostCapabilityException>().With.Property("Capability").EqualTo("apparmor").And.Message.Contains("'web'").And.Property("Hint").Contains("apparmor=1"));
        Assert.That(
            () => LaunchPlanner.PlanJoin(Plans.Spec, Plans.Process with { SelinuxLabel = "u:r:t" }, Plans.RootHost),
            Throws.TypeOf<HostCapabilityException>().With.Property("Capability").EqualTo("selinux").And.Message.Contains("'u:r:t'"));
    }

    [Test]
    public void Who_asks_for_no_label_asks_nobody()
    {
        Assert.That(Dump(LaunchPlanner.Plan(Plans.Spec, Labelling)), Is.EqualTo(Dump(LaunchPlanner.Plan(Plans.Spec, Plans.RootHost))));
    }

    [Test]
    public void A_profile_that_is_not_loaded_comes_with_the_cure()
    {
        var plan = LaunchPlanner.Plan(Plans.Spec with { Process = Process }, Labelling);
        var step = plan.Program.Steps.First(step => step is { Words: Profile, Call: SystemCall.write });

        var error = LaunchErrors.Translate(new LaunchFailedException(step, Errno.ENOENT));

        Assert.That(error.Hint, Does.Contain("apparmor_parser"));
    }

    [TestCaseSource(nameof(Everywhere))]
    public void The_hosts_keyring_is_left_before_rights_are_given_up(string mode)
    {
        Assert.That(Plans.All[mode].IndexesOf(Keyring, "drop capability 21", "become user 0"), Is.Ordered.Ascending);
        Assert.That(Plans.All[mode].Step(Keyring).Arguments[0].Value, Is.EqualTo(KernelFlags.KEYCTL_JOIN_SESSION_KEYRING));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void Too_many_keys_are_an_error_unless_the_filter_forbids_all_calls_to_them(bool isForbidden)
    {
        var plan = LaunchPlanner.Plan(Plans.Spec with { Process = Plans.Process with { FilterForbidsKeys = isForbidden } }, Plans.RootHost);

        Assert.That(plan.Step(Keyring).Tolerated.Contains((byte)Errno.EDQUOT), Is.EqualTo(isForbidden));
    }

    private static string Dump(LaunchPlan plan) => plan.Program.Dump();
}

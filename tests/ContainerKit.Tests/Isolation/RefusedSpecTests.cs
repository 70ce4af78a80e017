using ContainerKit.Isolation;

namespace ContainerKit.Tests.Isolation;

/// <summary>Specifications that contradict themselves are refused while nothing has happened yet.</summary>
public class RefusedSpecTests
{
    private static readonly TestCaseData[] Contradictions =
    [
        Contradiction("A_root_with_no_mount_namespace", spec => spec with { Namespaces = Namespaces.Default & ~Namespaces.Mount }, "mount namespace"),
        Contradiction("A_host_name_with_no_namespace_for_it", spec => spec with { Namespaces = Namespaces.Default & ~Namespaces.Uts }, "host name"),
        Contradiction("A_user_namespace_with_no_ids", spec => spec with { Namespaces = Namespaces.Default | Namespaces.User }, "id mappings"),
        Contradiction("No_root", spec => spec with { Root = [] }, "its root is to be one mount"),
        Contradiction("Two_roots", spec => spec with { Root = [.. spec.Root, .. spec.Root] }, "its root is to be one mount"),
        Contradiction("A_root_elsewhere", spec => spec with { Root = [spec.Root[0] with { Target = "/srv" }] }, "its root is to be one mount"),
        Contradiction("A_root_of_an_unknown_type", spec => spec with { Root = [spec.Root[0] with { Type = "ext4" }] }, "'ext4'"),
        Contradiction("A_mount_of_an_unknown_type", spec => spec with { Mounts = [new Mount("nfs", "server:/", "/data", [])] }, "'nfs' on '/data'"),
        Contradiction("No_program", spec => spec with { Process = spec.Process with { Arguments = [] } }, "no program"),
        Contradiction("A_program_without_a_name", spec => spec with { Process = spec.Process with { Arguments = [""] } }, "no program"),
        Contradiction("A_relative_working_directory", spec => spec with { Process = spec.Process with { WorkingDirectory = "srv" } }, "'srv' is not an absolute path"),
        Contradiction("A_filter_cut_short", spec => spec with { Process = spec.Process with { SeccompFilter = new byte[12] } }, "8 bytes"),
    ];

    [TestCaseSource(nameof(Contradictions))]
    public void Is_refused(Func<IsolationSpec, IsolationSpec> change, string message)
    {
        Assert.That(
            () => LaunchPlanner.Plan(change(Plans.Spec), Plans.RootHost),
            Throws.TypeOf<IsolationException>().With.Message.StartsWith("The container cannot start: ").And.Message.Contains(message));
    }

    [Test]
    public void A_joining_process_is_checked_in_the_same_way()
    {
        Assert.That(
            () => LaunchPlanner.PlanJoin(Plans.Spec, Plans.Process with { Arguments = [] }, Plans.RootHost),
            Throws.TypeOf<IsolationException>().With.Message.Contains("no program"));
    }

    [Test]
    public void Capabilities_that_root_does_not_have_here_are_named()
    {
        var host = Plans.RootHost with { Capabilities = ~(1UL << (int)Capability.SysResource) };
        var process = Plans.Process with { UserId = 0, Capabilities = CapabilitySet.All.Bits };

        Assert.That(() => LaunchPlanner.Plan(Plans.Spec with { Process = process }, host), Throws.TypeOf<HostCapabilityException>().With.Message.Contains("to have CAP_SYS_RESOURCE, which"));
        Assert.That(() => LaunchPlanner.Plan(Plans.Spec with { Process = process with { Capabilities = host.Capabilities & CapabilitySet.All.Bits } }, host), Throws.Nothing);
    }

    private static TestCaseData Contradiction(string name, Func<IsolationSpec, IsolationSpec> change, string message) =>
        new TestCaseData(change, message).SetName($"{name}_is_refused");
}

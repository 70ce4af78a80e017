using ContainerKit.Isolation;
using ContainerKit.Launch;

namespace ContainerKit.Tests.Isolation;

/// <summary>Bind mounts that hear of the host's mounts, and those whose files are shown with other ids.</summary>
public class BindPlanTests
{
    private const string Detach = "detach the container's mounts from the host's", MakeMapped = "make a mount namespace";
    private const string Map = "show with the ids of the container '/host/data'", LetGo = "close the user namespace of the root's files";

    [Test]
    public void What_is_to_hear_of_the_hosts_mounts_is_opened_while_it_still_does()
    {
        var plan = LaunchPlanner.Plan(With(Plans.Spec, "rslave"), Plans.RootHost);

        Assert.That(plan.IndexesOf("mount '/host/data' on /data", Detach, "mount tmpfs on /run", "enter the container's root"), Is.Ordered.Ascending);
        Assert.That(PropagationOf(plan), Is.EqualTo(KernelFlags.MS_SLAVE));
    }

    [Test]
    public void What_is_not_is_opened_when_it_does_no_more()
    {
        var plan = LaunchPlanner.Plan(With(Plans.Spec), Plans.RootHost);

        Assert.That(plan.IndexesOf(Detach, "mount '/host/data' on /data"), Is.Ordered.Ascending);
    }

    [Test]
    public void The_hosts_root_opens_all_before_it_leaves_the_hosts_mounts_and_makes_them_private()
    {
        var plan = LaunchPlanner.Plan(With(Plans.Mapped), Plans.RootHost);

        Assert.That(plan.IndexesOf("mount '/host/data' on /data", MakeMapped), Is.Ordered.Ascending);
        Assert.That(PropagationOf(plan), Is.EqualTo(KernelFlags.MS_PRIVATE));
    }

    [Test]
    public void Files_are_shown_with_other_ids_before_the_user_namespace_is_entered()
    {
        var plan = LaunchPlanner.Plan(With(Plans.Mapped, "idmap"), Plans.RootHost);

        Assert.That(plan.IndexesOf(Map, LetGo, "make a user namespace"), Is.Ordered.Ascending);
        Assert.That(plan.Program.Steps.Count(step => step.Words == LetGo), Is.EqualTo(1));
    }

    [Test]
    public void A_root_that_is_not_mapped_lets_go_of_it_as_well()
    {
        var plan = LaunchPlanner.Plan(With(Plans.Mapped, "idmap") with { IsRootMapped = false }, Plans.RootHost);

        Assert.That(plan.IndexesOf(Map, LetGo, "make a user namespace"), Is.Ordered.Ascending);
    }

    [Test]
    public void Without_the_hosts_root_or_a_user_namespace_that_is_refused()
    {
        Assert.That(() => LaunchPlanner.Plan(With(Plans.Spec, "idmap"), Plans.RootHost), Throws.TypeOf<HostCapabilityException>().With.Message.Contains("none of its own"));
        Assert.That(() => LaunchPlanner.Plan(With(Plans.SubordinateIds, "idmap"), Plans.UserHost), Throws.TypeOf<HostCapabilityException>().With.Message.Contains("only root"));
        Assert.That(() => LaunchPlanner.Plan(With(Plans.SingleId, "rshared"), Plans.UserHost), Throws.TypeOf<HostCapabilityException>().With.Message.Contains("only root"));
    }

    private static IsolationSpec With(IsolationSpec spec, params string[] options) =>
        spec with { Mounts = [new Mount("bind", "/host/data", "/data", ["rbind", "ro", .. options]), spec.Mounts[1]] };

    private static ulong PropagationOf(LaunchPlan plan)
    {
        var step = plan.Program.Steps.First(step => step.Call == SystemCall.mount_setattr && step.Words == "mount '/host/data' on /data");
        return BitConverter.ToUInt64(step.Arguments[3].Data!.Content, 16);
    }
}

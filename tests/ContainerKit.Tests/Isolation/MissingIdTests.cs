using ContainerKit.Isolation;

namespace ContainerKit.Tests.Isolation;

/// <summary>Users and groups that the container's user namespace does not have: named before anything starts, with the cure.</summary>
internal sealed class MissingIdTests
{
    private static readonly ProcessSpec Root = Plans.Process;

    private static IEnumerable<TestCaseData> Missing =>
    [
        new(Plans.SingleId, Root with { UserId = 33 }, "user 33") { TestName = "A_user_beside_a_single_id" },
        new(Plans.SingleId, Root with { GroupId = 42 }, "group 42") { TestName = "A_group_beside_a_single_id" },
        new(Plans.SingleId, Root with { AdditionalGroups = [7] }, "group 7") { TestName = "An_additional_group_beside_a_single_id" },
        new(Plans.SubordinateIds, Root with { UserId = 65_537 }, "user 65537") { TestName = "A_user_behind_the_end_of_a_range" },
        new(Plans.Mapped, Root with { GroupId = 70_000 }, "group 70000") { TestName = "A_group_behind_the_end_of_root_s_range" },
    ];

    [TestCaseSource(nameof(Missing))]
    public void Whoever_is_not_there_is_named_with_the_cure(IsolationSpec spec, ProcessSpec process, string who)
    {
        var host = spec == Plans.Mapped ? Plans.RootHost : Plans.UserHost;

        foreach (var plan in (Action[])[() => LaunchPlanner.Plan(spec with { Process = process }, host), () => LaunchPlanner.PlanJoin(spec, process, host)])
        {
            var refusal = Assert.Throws<HostCapabilityException>(() => plan())!;
            Assert.That(refusal.Message, Does.Contain(who));
            Assert.That(refusal.Hint, Does.Contain("range of ids"));
        }
    }

    [Test]
    public void The_last_id_of_a_range_is_there() => Assert.That(
        () => LaunchPlanner.Plan(Plans.SubordinateIds with { Process = Root with { UserId = 65_536, GroupId = 65_536 } }, Plans.UserHost), Throws.Nothing);
}

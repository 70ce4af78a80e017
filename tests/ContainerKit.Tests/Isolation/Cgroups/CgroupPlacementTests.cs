using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;

namespace ContainerKit.Tests.Isolation.Cgroups;

[Platform("Linux")]
[SupportedOSPlatform("linux")]
public class CgroupPlacementTests
{
    private static readonly ResourceLimits MemoryAndPids = new() { MemoryBytes = 1 << 20, Pids = 5 };

    private FakeGroups _groups = null!;

    [SetUp]
    public void MakeGroups() => _groups = new FakeGroups();

    [TearDown]
    public void RemoveGroups() => _groups.Dispose();

    [Test]
    public void The_topmost_group_may_have_processes()
    {
        _groups.Make("", "cpu memory pids", processes: "1\n2\n");

        var placement = CgroupPlacement.Find(_groups.LayoutSeenFrom("/"), MemoryAndPids, withStatistics: false);

        Assert.That(placement.Places.Single().Parent, Is.EqualTo(_groups.Top));
        Assert.That(placement.Places.Single().Controllers.Select(c => c.Name), Is.EqualTo(new[] { "memory", "pids" }));
    }

    [Test]
    public void A_group_with_processes_leaves_it_to_the_one_above()
    {
        _groups.Make("", "cpu memory pids", handsDown: "cpu memory pids");
        var slice = _groups.Make("/user.slice", "cpu memory pids", handsDown: "memory pids");
        _groups.Make("/user.slice/session.scope", "memory pids", processes: "77\n");

        var placement = CgroupPlacement.Find(_groups.LayoutSeenFrom("/user.slice/session.scope"), MemoryAndPids, withStatistics: false);

        Assert.That((placement.Places.Single().Parent, placement.Missing.Count), Is.EqualTo((slice, 0)));
    }

    [Test]
    public void A_group_without_processes_is_the_nearest_place()
    {
        _groups.Make("", "memory pids", handsDown: "memory pids");
        var unit = _groups.Make("/unit", "memory pids");
        var leaf = _groups.Make("/unit/leaf", "memory pids", processes: "77\n");

        var placement = CgroupPlacement.Find(_groups.LayoutSeenFrom("/unit/leaf"), MemoryAndPids, withStatistics: false);

        Assert.That(placement.Places.Single().Parent, Is.EqualTo(unit).And.Not.EqualTo(leaf));
    }

    [Test]
    public void What_no_group_has_is_missing_with_a_reason()
    {
        _groups.Make("", "memory");

        var placement = CgroupPlacement.Find(_groups.LayoutSeenFrom("/"), MemoryAndPids, withStatistics: false);

        Assert.That(placement.Places.Single().Controllers.Single().Name, Is.EqualTo("memory"));
        Assert.That(placement.Missing.Single().Value, Is.EqualTo($"'{_groups.Top}' does not have it"));
    }

    [Test]
    public void A_container_whose_only_group_is_full_of_processes_is_told_so()
    {
        _groups.Make("", "memory pids", processes: "1\n");
        File.WriteAllText(Path.Combine(_groups.Top, "cgroup.type"), "domain\n");

        var placement = CgroupPlacement.Find(_groups.LayoutSeenFrom("/"), MemoryAndPids, withStatistics: false);

        Assert.That(placement.Places, Is.Empty);
        Assert.That(placement.Missing.Values, Is.All.Contains("has processes of its own"));
    }

    [Test]
    public void A_process_that_is_alone_in_its_group_is_to_make_way()
    {
        _groups.Make("", "memory pids", processes: $"{Environment.ProcessId}\n");
        File.WriteAllText(Path.Combine(_groups.Top, "cgroup.type"), "domain\n");

        var placement = CgroupPlacement.Find(_groups.LayoutSeenFrom("/"), MemoryAndPids, withStatistics: false);

        Assert.That((placement.Places.Single().Parent, placement.Places.Single().NeedsWay, placement.Missing.Count), Is.EqualTo((_groups.Top, true, 0)));
    }

    [Test]
    public void Nobody_makes_way_where_the_group_above_will_do()
    {
        _groups.Make("", "cpu memory pids", handsDown: "cpu memory pids");
        var slice = _groups.Make("/app.slice", "memory pids", handsDown: "memory pids");
        _groups.Make("/app.slice/run.scope", "memory pids", processes: $"{Environment.ProcessId}\n");

        var placement = CgroupPlacement.Find(_groups.LayoutSeenFrom("/app.slice/run.scope"), MemoryAndPids, withStatistics: false);

        Assert.That((placement.Places.Single().Parent, placement.Places.Single().NeedsWay), Is.EqualTo((slice, false)));
    }

    [Test]
    public void Without_a_tree_everything_is_missing()
    {
        var placement = CgroupPlacement.Find(new CgroupLayout([]), MemoryAndPids, withStatistics: false);

        Assert.That(placement.Missing.Keys.Select(c => c.Name), Is.EqualTo(new[] { "memory", "pids" }));
    }

    [Test]
    public void Nothing_is_needed_when_nothing_is_asked()
    {
        _groups.Make("", "cpu memory pids");

        var placement = CgroupPlacement.Find(_groups.LayoutSeenFrom("/"), ResourceLimits.None, withStatistics: false);

        Assert.That((placement.Places.Count, placement.Missing.Count), Is.EqualTo((0, 0)));
    }

    [Test]
    public void Statistics_need_groups_of_their_own()
    {
        _groups.Make("", "cpu memory pids");

        var placement = CgroupPlacement.Find(_groups.LayoutSeenFrom("/"), ResourceLimits.None, withStatistics: true);

        Assert.That(placement.Places.Single().Controllers.Select(c => c.Name), Is.EqualTo(new[] { "memory", "pids" }));
    }
}

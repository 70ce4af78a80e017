using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;

namespace ContainerKit.Tests.Isolation.Cgroups;

[Platform("Linux")]
[SupportedOSPlatform("linux")]
public class CgroupManagerTests
{
    private FakeGroups _groups = null!;
    private string _book = null!;

    [SetUp]
    public void MakeGroups()
    {
        _groups = new FakeGroups();
        _book = Directory.CreateTempSubdirectory("containerkit-").FullName;
    }

    [TearDown]
    public void RemoveGroups()
    {
        _groups.Dispose();
        Directory.Delete(_book, recursive: true);
    }

    [Test]
    public void Controllers_are_handed_down_one_group_at_a_time()
    {
        _groups.Make("", "cpu memory pids");
        var family = _groups.Make("/containerkit", "cpu memory pids");
        var manager = CgroupManager.Open(_book, () => _groups.LayoutSeenFrom("/"));

        // On plain directories the new group lacks its files, so the limit itself fails afterwards.
        Assert.That(() => manager.Create("web", new ResourceLimits { Pids = 5 }), Throws.InstanceOf<HostCapabilityException>());

        Assert.That((FakeGroups.Read(_groups.Top, "cgroup.subtree_control"), FakeGroups.Read(family, "cgroup.subtree_control")), Is.EqualTo(("+pids", "+pids")));
    }

    [Test]
    public void A_limit_that_cannot_be_applied_names_controller_cause_and_cure()
    {
        _groups.Make("", "memory");
        var manager = CgroupManager.Open(_book, () => _groups.LayoutSeenFrom("/"));

        var e = Assert.Throws<HostCapabilityException>(() => manager.Create("web", new ResourceLimits { Pids = 5 }));

        Assert.That(e!.Capability, Is.EqualTo("cgroup-pids"));
        Assert.That(e.Message, Is.EqualTo($"The limits of the cgroup controller 'pids' cannot be applied: '{_groups.Top}' does not have it."));
        Assert.That(e.Hint, Is.Not.Empty);
    }

    [Test]
    public void Best_effort_leaves_out_what_cannot_be_and_says_so()
    {
        var manager = CgroupManager.Open(_book, () => new CgroupLayout([]));

        using var group = manager.Create("web", new ResourceLimits { Pids = 5, CpuQuota = 1 }, bestEffort: true);

        Assert.That((group.ProcsFiles.Count, group.OutOfMemoryHappened, group.KillAll(TimeSpan.Zero)), Is.EqualTo((0, false, true)));
        Assert.That(group.NotApplied, Has.Count.EqualTo(2).And.All.Contains("no cgroup file system"));
    }

    [Test]
    public void No_limit_makes_no_group()
    {
        var manager = CgroupManager.Open(_book, () => throw new InvalidOperationException("not even a look"));

        using var group = manager.Create("web", ResourceLimits.None);

        Assert.That(group.ProcsFiles, Is.Empty);
        Assert.That(manager.Find("web"), Is.Null);
    }

    [Test]
    public void What_is_written_down_can_be_found()
    {
        File.WriteAllText(Path.Combine(_book, "web"), "v1 memory,pids /sys/fs/cgroup/x y/containerkit/web\nv2 /etc\nv3 a /b/containerkit/web\nv1 a /b/../containerkit/web\n");
        var manager = CgroupManager.Open(Path.Combine(_book, "elsewhere"));

        var directories = new CgroupBookkeeping(_book).Read("web");

        Assert.That(directories.Select(d => d.ToString()), Is.EqualTo(new[] { "v1 memory,pids /sys/fs/cgroup/x y/containerkit/web" }));
        Assert.That(manager.Sweep(), Is.Zero);
    }

    [TestCase("")]
    [TestCase("..")]
    [TestCase("a/b")]
    [TestCase("a\n")]
    [TestCase(".hidden")]
    public void A_name_that_could_lead_elsewhere_is_refused(string id)
    {
        var manager = CgroupManager.Open(_book, () => new CgroupLayout([]));

        Assert.That(() => manager.Create(id, new ResourceLimits { Pids = 5 }), Throws.ArgumentException);
    }

    [Test]
    public void Limits_that_make_no_sense_are_refused()
    {
        Assert.Multiple(() =>
        {
            Assert.That(() => new ResourceLimits { MemoryBytes = 0 }, Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => new ResourceLimits { CpuQuota = 0.001 }, Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => new ResourceLimits { CpuQuota = double.NaN }, Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => new ResourceLimits { CpuWeight = 10_001 }, Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => new ResourceLimits { CpuSet = "0-" }, Throws.ArgumentException);
            Assert.That(() => new ResourceLimits { CpuSet = "3-1" }, Throws.ArgumentException);
            Assert.That(() => new ResourceLimits { MemorySwapBytes = 5 }.Check(), Throws.ArgumentException);
            Assert.That(() => new ResourceLimits { MemoryBytes = 6, MemorySwapBytes = 5 }.Check(), Throws.ArgumentException);
            Assert.That(() => new ResourceLimits { IoWeight = 0 }, Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => new ResourceLimits { HugePages = new Dictionary<string, long> { ["../2MB"] = 1 } }, Throws.ArgumentException);
            Assert.That(() => new ResourceLimits { HugePages = new Dictionary<string, long> { ["2MB"] = -1 } }, Throws.ArgumentException);
            Assert.That(() => new IoLimit { Device = "sda" }, Throws.ArgumentException);
            Assert.That(() => new IoLimit { Device = "/dev/sda", ReadBytesPerSecond = 0 }, Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => new ResourceLimits { MemoryBytes = 6, MemoryReservationBytes = 7 }.Check(), Throws.ArgumentException);
        });
    }
}

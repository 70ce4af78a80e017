using ContainerKit.Isolation.Cgroups;
using ContainerKit.Tests.Support;

namespace ContainerKit.Tests.Isolation.Cgroups;

public class CgroupLayoutTests
{
    private const string HybridMounts = """
        27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
        31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
        40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw

        """;

    [Test]
    public void Hybrid_hosts_have_controllers_here_and_there()
    {
        var layout = CgroupLayout.Parse(HybridMounts, "9:name=systemd:/init.scope\n4:memory:/tools/a b\n1:cpu,cpuacct:/\n0::/user.slice\n");

        Assert.Multiple(() =>
        {
            Assert.That(layout.Kind, Is.EqualTo("hybrid"));
            Assert.That(layout.Find("memory")!.OwnDirectory, Is.EqualTo("/sys/fs/cgroup/memory/tools/a b"));
            Assert.That(layout.Find("cpuacct")!.OwnDirectory, Is.EqualTo("/sys/fs/cgroup/cpu,cpuacct"));
            Assert.That(layout.Find("pids"), Is.Null);
            Assert.That(layout.Unified!.OwnDirectory, Is.EqualTo("/sys/fs/cgroup/unified/user.slice"));
        });
    }

    [Test]
    public void A_host_of_version_2_has_one_tree()
    {
        var layout = CgroupLayout.Parse(
            "29 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n",
            "0::/user.slice/user-1000.slice/session-3.scope\n");

        Assert.That((layout.Kind, layout.Unified!.OwnDirectory), Is.EqualTo(("v2", "/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope")));
    }

    [TestCase("/docker/abc", "/docker/abc", "/sys/fs/cgroup", TestName = "A container that sees its own group as the top")]
    [TestCase("/docker/abc", "/docker/abc/sub", "/sys/fs/cgroup/sub", TestName = "A container in a group below the top that it sees")]
    [TestCase("/", "/../..", "/sys/fs/cgroup", TestName = "A process outside the part of the tree that it sees")]
    [TestCase("/docker/abc", "/docker/abcdef", "/sys/fs/cgroup", TestName = "A process beside the part of the tree that it sees")]
    public void Parts(string mounted, string own, string expected)
    {
        var layout = CgroupLayout.Parse($"29 23 0:26 {mounted} /sys/fs/cgroup ro - cgroup2 cgroup rw\n", $"0::{own}\n");

        Assert.That(layout.Unified!.OwnDirectory, Is.EqualTo(expected));
    }

    [Test]
    public void What_is_mounted_over_is_not_there()
    {
        var layout = CgroupLayout.Parse("1 1 0:1 / /sys/fs/cgroup rw - cgroup2 a rw\n2 1 0:2 / /sys/fs/cgroup rw - tmpfs b rw\n", "0::/\n");

        Assert.That(layout.Kind, Is.EqualTo("none"));
    }

    [Test]
    public void Damaged_files_are_read_as_far_as_they_go([Range(0, 9)] int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 1000; i++)
        {
            var mounts = Noise.Damage(HybridMounts, random);
            var own = Noise.Damage("9:name=systemd:/init.scope\n4:memory:/tools/a\n1:cpu,cpuacct:/\n0::/user.slice\n", random);

            Assert.That(() => CgroupLayout.Parse(mounts, own).Kind, Throws.Nothing);
        }
    }
}

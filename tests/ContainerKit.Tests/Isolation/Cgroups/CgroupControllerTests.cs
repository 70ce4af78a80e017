using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;
using ContainerKit.Linux;

namespace ContainerKit.Tests.Isolation.Cgroups;

[Platform("Linux")]
[SupportedOSPlatform("linux")]
public class CgroupControllerTests
{
    private string _directory = null!;

    [SetUp]
    public void MakeDirectory() => _directory = Directory.CreateTempSubdirectory("containerkit-").FullName;

    [TearDown]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    [TestCase(100, null, "100", "100")]
    [TestCase(100, 150, "100", "50")]
    [TestCase(100, 100, "100", "0")]
    [TestCase(100, -1, "100", "max")]
    public void Memory_in_version_2_counts_swap_apart(long memory, long? total, string max, string swapMax)
    {
        Files("memory.max", "memory.swap.max");

        new MemoryController().Apply(_directory, CgroupVersion.V2, new ResourceLimits { MemoryBytes = memory, MemorySwapBytes = total });

        Assert.That((Read("memory.max"), Read("memory.swap.max")), Is.EqualTo((max, swapMax)));
    }

    [TestCase(100, null, "100", "200")]
    [TestCase(100, 150, "100", "150")]
    [TestCase(100, -1, "100", "-1")]
    public void Memory_in_version_1_counts_both_together(long memory, long? total, string limit, string both)
    {
        Files("memory.limit_in_bytes", "memory.memsw.limit_in_bytes");

        new MemoryController().Apply(_directory, CgroupVersion.V1, new ResourceLimits { MemoryBytes = memory, MemorySwapBytes = total });

        Assert.That((Read("memory.limit_in_bytes"), Read("memory.memsw.limit_in_bytes")), Is.EqualTo((limit, both)));
    }

    [Test]
    public void A_kernel_that_does_not_count_swap_fails_only_when_swap_is_limited()
    {
        Files("memory.max");

        new MemoryController().Apply(_directory, CgroupVersion.V2, new ResourceLimits { MemoryBytes = 5 });

        Assert.That(Read("memory.max"), Is.EqualTo("5"));
        Assert.That(
            () => new MemoryController().Apply(_directory, CgroupVersion.V2, new ResourceLimits { MemoryBytes = 5, MemorySwapBytes = 6 }),
            Throws.InstanceOf<LinuxException>().With.Message.Contains("memory.swap.max"));
    }

    [TestCase(0.5, null, "50000 100000", "")]
    [TestCase(2.25, 10000, "225000 100000", "10000")]
    [TestCase(null, 1, "", "1")]
    public void Processor_time_in_version_2(double? quota, int? weight, string max, string written)
    {
        Files("cpu.max", "cpu.weight");

        new CpuController().Apply(_directory, CgroupVersion.V2, new ResourceLimits { CpuQuota = quota, CpuWeight = weight });

        Assert.That((Read("cpu.max"), Read("cpu.weight")), Is.EqualTo((max, written)));
    }

    [TestCase(100, "1024")]
    [TestCase(1, "10")]
    [TestCase(10000, "102400")]
    public void Weights_are_shares_in_the_same_proportion_in_version_1(int weight, string shares)
    {
        Files("cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.shares");

        new CpuController().Apply(_directory, CgroupVersion.V1, new ResourceLimits { CpuQuota = 0.01, CpuWeight = weight });

        Assert.That((Read("cpu.cfs_quota_us"), Read("cpu.cfs_period_us"), Read("cpu.shares")), Is.EqualTo(("1000", "100000", shares)));
    }

    [Test]
    public void Processors_of_version_1_come_from_above_where_nothing_is_said()
    {
        var (parent, child) = (Path.Combine(_directory, "containerkit"), Path.Combine(_directory, "containerkit", "id"));
        Directory.CreateDirectory(child);
        File.WriteAllText(Path.Combine(_directory, "cpuset.cpus"), "0-3\n");
        File.WriteAllText(Path.Combine(_directory, "cpuset.mems"), "0\n");
        foreach (var file in new[] { parent, child }.SelectMany(d => new[] { $"{d}/cpuset.cpus", $"{d}/cpuset.mems" }))
        {
            File.WriteAllText(file, "\n");
        }

        new CpusetController().Apply(child, CgroupVersion.V1, new ResourceLimits { CpuSet = "1,3" });

        Assert.That(
            new[] { $"{parent}/cpuset.cpus", $"{parent}/cpuset.mems", $"{child}/cpuset.cpus", $"{child}/cpuset.mems" }.Select(File.ReadAllText),
            Is.EqualTo(new[] { "0-3", "0", "1,3", "0" }));
    }

    [TestCase("1", "0-1", true)]
    [TestCase("0-1", "0-1,3", true)]
    [TestCase("2", "0-1,3", false)]
    [TestCase("0-1,2", "0-1", false)]
    public void Version_2_takes_processors_that_are_not_there_and_that_is_refused(string wanted, string effective, bool isTaken)
    {
        Files("cpuset.cpus");
        File.WriteAllText(Path.Combine(_directory, "cpuset.cpus.effective"), effective + "\n");

        void Apply() => new CpusetController().Apply(_directory, CgroupVersion.V2, new ResourceLimits { CpuSet = wanted });

        Assert.That(Apply, isTaken ? Throws.Nothing : Throws.InstanceOf<LinuxException>().With.Message.Contains($"'{wanted}'"));
    }

    [Test]
    public void A_reservation_is_a_soft_limit_in_version_1_and_low_in_version_2()
    {
        Files("memory.soft_limit_in_bytes", "memory.low");

        new MemoryController().Apply(_directory, CgroupVersion.V1, new ResourceLimits { MemoryReservationBytes = 100 });
        new MemoryController().Apply(_directory, CgroupVersion.V2, new ResourceLimits { MemoryReservationBytes = 200 });

        Assert.That((Read("memory.soft_limit_in_bytes"), Read("memory.low")), Is.EqualTo(("100", "200")));
    }

    [TestCase(50, "default 50", "50")]
    [TestCase(5000, "default 5000", "1000")]
    public void Shares_of_reading_end_sooner_with_the_scheduler_of_version_1(int weight, string unified, string old)
    {
        Files("io.weight", "blkio.bfq.weight");

        new IoController().Apply(_directory, CgroupVersion.V2, new ResourceLimits { IoWeight = weight });
        new IoController().Apply(_directory, CgroupVersion.V1, new ResourceLimits { IoWeight = weight });

        Assert.That((Read("io.weight"), Read("blkio.bfq.weight")), Is.EqualTo((unified, old)));
    }

    [Test]
    public void What_is_no_block_device_has_no_rate()
    {
        var limits = new ResourceLimits { Io = [new IoLimit { Device = "/dev/null", ReadBytesPerSecond = 1 }] };

        Assert.That(() => new IoController().Apply(_directory, CgroupVersion.V2, limits), Throws.InstanceOf<LinuxException>().With.Message.Contains("'/dev/null'"));
    }

    [Test]
    public void Huge_pages_are_limited_size_by_size()
    {
        Files("hugetlb.2MB.max", "hugetlb.1GB.max", "hugetlb.2MB.limit_in_bytes", "hugetlb.1GB.limit_in_bytes");
        var limits = new ResourceLimits { HugePages = new Dictionary<string, long> { ["2MB"] = 4 << 20, ["1GB"] = 0 } };

        new HugePagesController().Apply(_directory, CgroupVersion.V2, limits);
        new HugePagesController().Apply(_directory, CgroupVersion.V1, limits);

        Assert.That((Read("hugetlb.2MB.max"), Read("hugetlb.1GB.max")), Is.EqualTo(("4194304", "0")));
        Assert.That((Read("hugetlb.2MB.limit_in_bytes"), Read("hugetlb.1GB.limit_in_bytes")), Is.EqualTo(("4194304", "0")));
    }

    [Test]
    public void What_was_read_and_written_is_summed_over_devices()
    {
        File.WriteAllText(Path.Combine(_directory, "io.stat"), "254:0 rbytes=4096 wbytes=1 rios=1\n8:0 rbytes=4 wbytes=2\n");
        File.WriteAllText(Path.Combine(_directory, "blkio.throttle.io_service_bytes_recursive"), "254:0 Read 5\n254:0 Write 6\n8:0 Read 1\nTotal 12\n");
        var none = new ContainerStats { Time = DateTimeOffset.UnixEpoch };

        var (unified, old) = (new IoController().Read(_directory, CgroupVersion.V2, none), new IoController().Read(_directory, CgroupVersion.V1, none));

        Assert.That((unified.IoReadBytes, unified.IoWrittenBytes, old.IoReadBytes, old.IoWrittenBytes), Is.EqualTo((4100L, 3L, 6L, 6L)));
    }

    [Test]
    public void Statistics_of_version_2()
    {
        File.WriteAllText(Path.Combine(_directory, "memory.current"), "5000\n");
        File.WriteAllText(Path.Combine(_directory, "memory.stat"), "anon 1\ninactive_file 2000\nactive_file 7\n");
        File.WriteAllText(Path.Combine(_directory, "memory.max"), "max\n");
        File.WriteAllText(Path.Combine(_directory, "memory.swap.current"), "12\n");
        File.WriteAllText(Path.Combine(_directory, "memory.events"), "low 0\noom 3\noom_kill 2\n");
        File.WriteAllText(Path.Combine(_directory, "cpu.stat"), "usage_usec 1500000\nthrottled_usec 250\n");
        File.WriteAllText(Path.Combine(_directory, "pids.current"), "4\n");
        File.WriteAllText(Path.Combine(_directory, "pids.max"), "64\n");
        var group = new Cgroup("id", [new CgroupDirectory(CgroupVersion.V2, ["pids"], _directory)], new CgroupBookkeeping(_directory), null, []);

        var stats = group.ReadStatistics();

        Assert.That(stats, Is.EqualTo(new ContainerStats
        {
            Time = stats.Time,
            MemoryBytes = 3000,
            SwapBytes = 12,
            OutOfMemoryKills = 2,
            CpuTime = TimeSpan.FromSeconds(1.5),
            CpuThrottledTime = TimeSpan.FromMicroseconds(250),
            Pids = 4,
            PidsLimit = 64,
        }));
    }

    private string Read(string file) => File.ReadAllText(Path.Combine(_directory, file));

    private void Files(params string[] names) => Array.ForEach(names, n => File.WriteAllText(Path.Combine(_directory, n), ""));
}

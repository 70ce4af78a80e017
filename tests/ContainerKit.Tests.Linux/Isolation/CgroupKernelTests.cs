using System.Diagnostics;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Isolation;

/// <summary>Groups on the real kernel, with real processes in them: limits by version 1, and what version 2 can do without controllers.</summary>
public class CgroupKernelTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private TemporaryDirectory _book = null!;
    private CgroupManager _manager = null!;

    [SetUp]
    public void OpenManager()
    {
        Needs.Root();
        _book = new TemporaryDirectory();
        _manager = CgroupManager.Open(_book.Path);
    }

    [TearDown]
    public void CloseManager() => _book?.Dispose();

    [Test]
    public void A_program_that_needs_more_memory_than_it_may_have_is_killed_and_that_is_known()
    {
        Needs.CgroupController("memory");
        using var group = _manager.Create("test-memory", new ResourceLimits { MemoryBytes = 16 << 20, MemorySwapBytes = 16 << 20 });

        var (modest, before) = (RunIn(group, "exit 7"), group.OutOfMemoryHappened);
        var (greedy, after) = (RunIn(group, "x=$(head -c 64m /dev/zero | tr '\\0' x); exit 7"), group.OutOfMemoryHappened);

        Assert.That((modest, before), Is.EqualTo((7, false)));
        Assert.That((greedy, after), Is.EqualTo((128 + 9, true)));
    }

    [Test]
    public void A_program_that_starts_too_many_others_is_refused()
    {
        Needs.CgroupController("pids");
        using var group = _manager.Create("test-pids", new ResourceLimits { Pids = 8 });

        var result = RunIn(group, "exec sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 60 & done 2>/dev/null'");

        Assert.That(result, Is.Not.Zero);
        Assert.That(File.ReadAllText(Path.Combine(DirectoryOf(group, "pids"), "pids.events")), Does.Not.Contain("max 0"));
    }

    [Test]
    public void A_program_that_computes_gets_its_share_and_no_more()
    {
        Needs.CgroupController("cpu");
        using var group = _manager.Create("test-cpu", new ResourceLimits { CpuQuota = 0.2, CpuWeight = 50 }, withStatistics: true);
        using var busy = StartIn(group, "while :; do :; done");

        Thread.Sleep(1500);
        var stats = group.ReadStatistics();
        group.KillAll(Patience);

        Assert.That(stats.CpuTime, Is.GreaterThan(TimeSpan.FromMilliseconds(50)).And.LessThan(TimeSpan.FromMilliseconds(800)));
        Assert.That(stats.CpuThrottledTime, Is.GreaterThan(TimeSpan.Zero));
        Assert.That(File.ReadAllText(Path.Combine(DirectoryOf(group, "cpu"), "cpu.shares")), Is.EqualTo("512\n"));
    }

    [Test]
    public void A_program_runs_only_on_its_processors()
    {
        Needs.CgroupController("cpuset");
        using var group = _manager.Create("test-cpuset", new ResourceLimits { CpuSet = "0" });

        var result = RunIn(group, "grep -qx 'Cpus_allowed_list:.0' /proc/self/status");

        Assert.That(result, Is.Zero);
    }

    [Test]
    public void Statistics_tell_what_lives_there()
    {
        Needs.CgroupController("memory");
        Needs.CgroupController("pids");
        using var group = _manager.Create("test-stats", new ResourceLimits { MemoryBytes = 64 << 20, Pids = 32 }, withStatistics: true);
        using var idle = StartIn(group, "sleep 60 & wait");
        CgroupProcesses.Retry(Patience, () => group.ReadStatistics().Pids == 2);

        var stats = group.ReadStatistics();

        Assert.Multiple(() =>
        {
            Assert.That(stats.Pids, Is.EqualTo(2));
            Assert.That(stats.PidsLimit, Is.EqualTo(32));
            Assert.That(stats.MemoryBytes, Is.InRange(4096, 64 << 20));
            Assert.That(stats.MemoryLimitBytes, Is.EqualTo(64 << 20));
            Assert.That(stats.CpuTime, Is.GreaterThan(TimeSpan.Zero));
            Assert.That(stats.OutOfMemoryKills, Is.Zero);
        });
    }

    [Test]
    public void Killing_a_group_kills_children_of_children_too()
    {
        Needs.CgroupController("pids");
        using var group = _manager.Create("test-kill", new ResourceLimits { Pids = 100 });
        using var tree = StartIn(group, "for i in 1 2 3; do (sleep 60 & sleep 60 & wait) & done; setsid sleep 60");
        CgroupProcesses.Retry(Patience, () => CgroupProcesses.List(DirectoryOf(group, "pids")).Count >= 10);

        var isEmpty = group.KillAll(Patience);

        Assert.That(isEmpty, Is.True);
        Assert.That(CgroupProcesses.List(DirectoryOf(group, "pids")), Is.Empty);
    }

    [Test]
    public void A_frozen_group_stands_still_until_it_is_thawed()
    {
        Needs.CgroupController("pids");
        Needs.CgroupController("freezer");
        using var group = _manager.Create("test-freeze", new ResourceLimits { Pids = 20 }, withStatistics: true);
        using var busy = StartIn(group, "while :; do :; done");
        CgroupProcesses.Retry(Patience, () => group.ReadStatistics().CpuTime > TimeSpan.Zero);

        group.Freeze();
        var frozen = group.ReadStatistics().CpuTime;
        Thread.Sleep(200);
        var later = group.ReadStatistics().CpuTime;
        group.Thaw();
        var moves = CgroupProcesses.Retry(Patience, () => group.ReadStatistics().CpuTime > later);

        Assert.That(later, Is.EqualTo(frozen));
        Assert.That(moves, Is.True);
    }

    [Test]
    public void Disposing_kills_and_removes_even_what_is_frozen()
    {
        Needs.CgroupController("pids");
        Needs.CgroupController("freezer");
        var group = _manager.Create("test-dispose", new ResourceLimits { Pids = 20 });
        using var sleeper = StartIn(group, "sleep 60");
        group.Freeze();
        var directories = group.ProcsFiles.Select(f => Path.GetDirectoryName(f)!).ToList();

        group.Dispose();

        Assert.That(directories.Where(Directory.Exists), Is.Empty);
        Assert.That(sleeper.WaitForExit(Patience), Is.True);
        Assert.That(Directory.GetFiles(_book.Path), Is.Empty);
    }

    [Test]
    public void Limits_change_while_the_program_runs()
    {
        Needs.CgroupController("memory");
        using var group = _manager.Create("test-update", new ResourceLimits { MemoryBytes = 16 << 20 });

        group.Update(ResourceLimits.None, new ResourceLimits { MemoryBytes = 128 << 20 });
        var raised = group.ReadStatistics().MemoryLimitBytes;
        group.Update(ResourceLimits.None, new ResourceLimits { MemoryBytes = 8 << 20, MemorySwapBytes = 8 << 20 });
        var lowered = group.ReadStatistics().MemoryLimitBytes;

        Assert.That((raised, lowered), Is.EqualTo((128L << 20, 8L << 20)));
    }

    [Test]
    public void Rates_of_a_device_and_shares_are_in_the_files_of_version_1()
    {
        Needs.CgroupController("blkio");
        var disk = Shell.Run("lsblk", "--nodeps", "--noheadings", "--paths", "--output", "NAME").Split('\n')[0].Trim();
        var limits = new ResourceLimits { IoWeight = 50, Io = [new IoLimit { Device = disk, ReadBytesPerSecond = 1 << 30, WriteOperationsPerSecond = 1000 }] };
        using var group = _manager.Create("test-io", limits);

        group.Update(limits, new ResourceLimits { Io = [new IoLimit { Device = disk, ReadBytesPerSecond = 1 << 29 }] });

        Assert.That(Read("blkio.throttle.read_bps_device"), Does.EndWith($" {1 << 29}\n"));
        Assert.That(Read("blkio.throttle.write_iops_device"), Does.EndWith(" 1000\n"));
        Assert.That(Read("blkio.bfq.weight"), Does.EndWith("50\n"));

        string Read(string file) => File.ReadAllText(Path.Combine(DirectoryOf(group, "blkio"), file));
    }

    [Test]
    public void Huge_pages_are_limited_in_whichever_version_has_them()
    {
        Needs.That(CgroupFile.ReadWords(Unified(), "cgroup.controllers").Contains("hugetlb"), "version 2 does not have the controller for huge pages here");
        using var group = _manager.Create("test-huge-pages", new ResourceLimits { HugePages = new Dictionary<string, long> { ["2MB"] = 4 << 20 } });

        Assert.That(File.ReadAllText(Path.Combine(group.UnifiedDirectory!, "hugetlb.2MB.max")), Is.EqualTo("4194304\n"));
    }

    [Test]
    public void A_limit_that_the_kernel_refuses_leaves_nothing_behind()
    {
        Needs.CgroupController("cpuset");

        var e = Assert.Throws<IsolationException>(() => _manager.Create("test-refused", new ResourceLimits { CpuSet = "4095" }));

        Assert.That(e!.Message, Does.Contain("'cpuset'").And.Contain("'4095'"));
        Assert.That(Directory.GetFiles(_book.Path), Is.Empty);
        Assert.That(Directory.Exists("/sys/fs/cgroup/cpuset/containerkit/test-refused"), Is.False);
    }

    [Test]
    public void Two_containers_cannot_share_a_name()
    {
        Needs.CgroupController("pids");
        using var first = _manager.Create("test-twice", new ResourceLimits { Pids = 20 });

        Assert.That(() => _manager.Create("test-twice", new ResourceLimits { Pids = 20 }), Throws.InstanceOf<IsolationException>());
    }

    [Test]
    public void The_group_of_another_store_is_left_alone()
    {
        Needs.CgroupController("pids");
        using var otherBook = new TemporaryDirectory();
        using var theirs = CgroupManager.Open(otherBook.Path).Create("test-theirs", new ResourceLimits { Pids = 20 });

        var e = Assert.Throws<IsolationException>(() => _manager.Create("test-theirs", new ResourceLimits { Pids = 20 }));

        Assert.That(e!.Message, Does.Contain("File exists"));
        Assert.That(Directory.Exists(DirectoryOf(theirs, "pids")), Is.True);
        Assert.That(Directory.GetFiles(_book.Path), Is.Empty);
    }

    [Test]
    public void What_a_dead_process_left_is_swept_and_what_lives_is_not()
    {
        Needs.CgroupController("pids");
        using var alive = _manager.Create("test-alive", new ResourceLimits { Pids = 20 });
        var directory = DirectoryOf(alive, "pids");
        var orphan = directory.Replace("test-alive", "test-orphan", StringComparison.Ordinal);
        Directory.CreateDirectory(orphan);
        File.WriteAllText(Path.Combine(_book.Path, "test-orphan"), $"v1 pids {orphan}\n");
        using var sleeper = StartInDirectories([Path.Combine(orphan, "cgroup.procs")], "sleep 60");

        CgroupManager.Open(_book.Path);

        Assert.That(sleeper.WaitForExit(Patience), Is.True);
        Assert.That((Directory.Exists(orphan), Directory.Exists(directory)), Is.EqualTo((false, true)));
        Assert.That(Directory.GetFiles(_book.Path).Select(Path.GetFileName), Is.EqualTo(new[] { "test-alive" }));
    }

    [Test]
    public async Task Many_groups_come_and_go_at_once()
    {
        Needs.CgroupController("pids");

        await Parallel.ForAsync(0, 60, (i, _) =>
        {
            using var group = _manager.Create($"test-many-{i}", new ResourceLimits { Pids = 20 });
            return ValueTask.CompletedTask;
        });

        Assert.That(Directory.GetFiles(_book.Path), Is.Empty);
    }

    [Test]
    public void Version_2_kills_a_whole_tree_at_once()
    {
        var directory = MakeUnifiedGroup("test-kill-2");
        using var tree = StartInDirectories([Path.Combine(directory, "cgroup.procs")], "(sleep 60 & setsid sleep 60 & wait) & sleep 60");
        CgroupProcesses.Retry(Patience, () => CgroupProcesses.List(directory).Count >= 4);

        var isEmpty = CgroupProcesses.KillAll(directory, CgroupVersion.V2, Patience);
        RemoveUnifiedGroup(directory);

        Assert.That((isEmpty, Directory.Exists(directory)), Is.EqualTo((true, false)));
    }

    [Test]
    public void Version_2_freezes_and_thaws()
    {
        var directory = MakeUnifiedGroup("test-freeze-2");
        using var group = new Cgroup("test-freeze-2", [new CgroupDirectory(CgroupVersion.V2, [], directory)], new CgroupBookkeeping(_book.Path), null, []);
        var counter = Path.Combine(_book.Path, "counter");
        using var busy = StartIn(group, $"i=0; while :; do i=$((i+1)); echo $i > {counter}; done");
        CgroupProcesses.Retry(Patience, () => File.Exists(counter));

        group.Freeze();
        var frozen = File.ReadAllText(counter);
        Thread.Sleep(200);
        var later = File.ReadAllText(counter);
        group.Thaw();
        var moves = CgroupProcesses.Retry(Patience, () => File.ReadAllText(counter) is { Length: > 0 } now && now != later);
        RemoveUnifiedGroup(directory);

        Assert.That((later, moves), Is.EqualTo((frozen, true)));
    }

    [Test]
    public void Version_2_hands_a_controller_down_to_a_group()
    {
        var top = Unified();
        Needs.That(CgroupFile.ReadWords(top, "cgroup.controllers").Contains("hugetlb"), "version 2 has no controller here that version 1 left it");
        var directory = Path.Combine(top, "containerkit", "test-down-2");

        var before = CgroupFile.ReadWords(top, "cgroup.subtree_control");
        CgroupTree.Make(directory, ["hugetlb"]);
        var controllers = CgroupFile.ReadWords(directory, "cgroup.controllers");
        RemoveUnifiedGroup(directory);
        CgroupFile.Write(top, "cgroup.subtree_control", before.Contains("hugetlb") ? "+hugetlb" : "-hugetlb");

        Assert.That(controllers, Is.EquivalentTo(new[] { "hugetlb" }));
    }

    private static string Unified()
    {
        var unified = CgroupLayout.Detect().Unified;
        Needs.That(unified is not null, "no cgroup file system of version 2 is mounted");
        return unified!.OwnDirectory;
    }

    private static string MakeUnifiedGroup(string id)
    {
        var directory = Path.Combine(Unified(), "containerkit", id);
        CgroupTree.Make(directory);
        return directory;
    }

    private static void RemoveUnifiedGroup(string directory)
    {
        CgroupProcesses.KillAll(directory, CgroupVersion.V2, Patience);
        CgroupProcesses.Remove(directory, Patience);
        CgroupProcesses.TryRemoveDirectory(Path.GetDirectoryName(directory)!);
    }

    private static string DirectoryOf(Cgroup group, string controller) =>
        Path.GetDirectoryName(group.ProcsFiles.Single(f => f.Split('/').Contains(controller)))!;

    private static int RunIn(Cgroup group, string script)
    {
        using var process = StartIn(group, script);
        Assert.That(process.WaitForExit(Patience), Is.True);
        group.KillAll(Patience);
        return process.ExitCode;
    }

    private static Process StartIn(Cgroup group, string script) => StartInDirectories(group.ProcsFiles, script);

    // The shell enters the groups itself and then becomes the program, so that nothing of it ever runs outside.
    private static Process StartInDirectories(IReadOnlyList<string> procsFiles, string script)
    {
        var enter = string.Concat(procsFiles.Select(f => $"echo $$ > '{f}' || exit 99; "));
        var process = Process.Start("bash", ["-c", $"{enter} exec bash -c \"$1\"", "bash", script]);
        CgroupProcesses.Retry(Patience, () => CgroupFile.TryRead($"/proc/{process.Id}", "cmdline")?.EndsWith(script + "\0", StringComparison.Ordinal) ?? true);
        return process;
    }
}

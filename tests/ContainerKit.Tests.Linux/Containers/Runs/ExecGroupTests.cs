using System.Diagnostics;
using ContainerKit.Isolation.Cgroups;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Runs;

/// <summary>Programs that join a container where each can have a control group of its own.</summary>
internal sealed class ExecGroupTests : ContainerFixture
{
    private const string Sleepers = "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o 'sleep 200[0-9]' | sort -u";

    [SetUp]
    public void RequireGroups() => Needs.That(ExecGroups.FindPlace(CgroupLayout.Detect()) is not null, "this user may make no control group of version 2");

    [Test]
    public async Task Cancelling_ends_also_what_has_lost_its_parent_and_nobody_else()
    {
        await using var container = await Shell("(sleep 2001 &); sleep 2002").StartAsync();
        await using var other = await container.StartExecAsync(["sleep", "2003"]);
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));

        var exec = container.ExecAsync(["sh", "-c", "(sleep 2004 &); (sh -c 'sleep 2005 & sleep 2006 &' &); sleep 2007"], soon.Token);

        Assert.That(() => exec, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(await SleepersIn(container), Is.EqualTo("sleep 2001\nsleep 2002\nsleep 2003\n"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task What_an_exec_leaves_behind_lives_on_and_no_group_is_left(bool isLimited)
    {
        if (isLimited)
        {
            Needs.Root();
            Needs.CgroupController("pids");
        }

        var before = Books();
        await using (var host = await OpenHost())
        {
            var description = host.Container(Tools).WithCommand("sleep", "2001");
            await using var container = await (isLimited ? description.WithProcessLimit(50) : description).StartAsync();

            await container.ExecAsync(["sh", "-c", "sleep 2002 & echo begun"]);

            Assert.That(await SleepersIn(container), Is.EqualTo("sleep 2001\nsleep 2002\n"));
            Assert.That(Books().Except(before).SelectMany(PlacesOf).SelectMany(Directory.GetDirectories), Is.Empty);
        }

        Assert.That(Books(), Is.EquivalentTo(before));
    }

    [Test]
    public void What_a_dead_process_left_behind_lives_on_and_its_group_is_swept()
    {
        using var book = new TemporaryDirectory();
        var place = Path.Combine(ExecGroups.FindPlace(CgroupLayout.Detect())!, "containerkit", "execs-test");
        var group = Path.Combine(place, "exec-test");
        Directory.CreateDirectory(group);
        File.WriteAllText(book["execs-test"], $"v2  {place}\n");
        using var leftover = Process.Start("sh", ["-c", $"echo $$ > {group}/cgroup.procs; exec sleep 60"]);
        Assert.That(() => CgroupProcesses.List(group).Count, Is.EqualTo(1).After(5_000, 10));

        var swept = CgroupManager.Open(book.Path).Sweep();

        Assert.That((swept, Directory.Exists(place), leftover.HasExited), Is.EqualTo((0, false, false)));
        Assert.That(Directory.GetFiles(book.Path), Is.Empty);
        leftover.Kill();
    }

    [Test]
    public void Where_there_is_no_room_to_write_a_group_down_none_is_made_and_nothing_left()
    {
        Needs.Root();
        using var directory = new TemporaryDirectory();
        var disk = directory.MakeDirectory("disk");
        Support.Shell.Run("mount", "-t", "tmpfs", "-o", "size=16k", "none", disk);
        Support.Shell.Script("cat /dev/zero > \"$1\"/ballast 2>/dev/null || true", disk);
        using var groups = new ExecGroups(new CgroupBookkeeping(disk), CgroupLayout.Detect);

        var group = groups.TryMake(null);

        Assert.That(group, Is.Null);
        Assert.That(Directory.GetFiles(disk).Select(Path.GetFileName), Is.EqualTo(new[] { "ballast" }));
    }

    private static async Task<string> SleepersIn(RunningContainer container) => (await container.ExecAsync(["sh", "-c", Sleepers])).StandardOutput;

    private string[] Books() => Directory.GetFiles(Path.Combine(StoreDirectory, "cgroups"), "execs-*");

    private static IEnumerable<string> PlacesOf(string book) =>
        new CgroupBookkeeping(Path.GetDirectoryName(book)!).Read(Path.GetFileName(book)).Select(directory => directory.Path);
}

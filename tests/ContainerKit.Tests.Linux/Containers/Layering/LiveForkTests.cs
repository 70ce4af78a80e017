using System.Globalization;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Layering;

/// <summary>Forks of containers that run and go on running: their union gets a new branch on top.</summary>
[TestFixture(UserNamespaceMode.Default)]
[TestFixture(UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture(UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class LiveForkTests(UserNamespaceMode userNamespace) : ContainerFixture
{
    // One file is written through a descriptor that stays open, the other opened anew for each number; a third is replaced.
    private const string Count = """
        exec 3>> /root/log
        i=0
        while [ ! -s /root/stop ]; do
            i=$((i + 1))
            echo $i >&3
            echo $i >> /root/again
            echo $i > /root/next; mv /root/next /root/count
        done
        """;

    private const int MappedPages = 4096;

    // It writes nothing out itself: what is in the map, the kernel has alone.
    private const string WriteByMap = """
        #include <fcntl.h>
        #include <sys/mman.h>
        #include <unistd.h>
        int main(void) {
            size_t size = 4096 * 4096;
            int file = open("/root/mapped", O_CREAT | O_RDWR, 0644);
            if (ftruncate(file, size) != 0) return 1;
            char *map = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            if (map == MAP_FAILED) return 2;
            for (size_t at = 0; at < size; at += 4096) map[at] = 1;
            close(open("/root/ready", O_CREAT | O_WRONLY, 0644));
            for (;;) pause();
        }
        """;

    protected override string Driver => "aufs";

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [Test]
    public async Task What_a_program_writes_goes_on_in_its_own_container_and_ends_in_the_fork()
    {
        await using var source = await Shell(Count).CreateAsync();
        var running = await source.StartAsync();
        var forks = new List<Container>();
        var seen = new List<int>();
        try
        {
            for (var i = 0; i < 5; i++)
            {
                await Reach(source, seen.LastOrDefault() + 20);
                forks.Add(await source.ForkAsync());
                seen.Add(await Check(forks[i]));
            }

            await Reach(source, seen[^1] + 20);

            // Its content ends the program, and with it the mount: nothing may be left to do then but to close the file.
            await source.Files.WriteAllTextAsync("/root/stop", "now");
            Assert.That((await running.WaitForExitAsync()).ExitCode, Is.Zero);
        }
        finally
        {
            await running.DisposeAsync();
        }

        Assert.That(seen, Is.Ordered.Ascending);
        Assert.That(await Check(source), Is.GreaterThan(seen[^1]));
        for (var i = 0; i < forks.Count; i++)
        {
            Assert.That(await Check(forks[i]), Is.EqualTo(seen[i]));
            Assert.That(await forks[i].Files.ExistsAsync("/root/stop"), Is.False);
            await forks[i].DisposeAsync();
        }
    }

    [Test]
    public async Task A_fork_of_a_running_container_runs_beside_it_and_is_forked_itself()
    {
        await using var source = await Shell("[ -e /root/a ] || echo 1 > /root/a; rm -f /etc/group; sleep 1000").CreateAsync();
        await using var running = await source.StartAsync();
        await Until(async () => !await source.Files.ExistsAsync("/etc/group"));

        await using var fork = await source.ForkAsync();
        await using var second = await fork.StartAsync();
        await fork.Files.WriteAllTextAsync("/root/b", "2");
        await using var third = await fork.ForkAsync();
        await source.Files.WriteAllTextAsync("/root/a", "changed\n");
        await fork.Files.DeleteAsync("/root/b");

        Assert.That(await third.Files.ReadAllTextAsync("/root/a"), Is.EqualTo("1\n"));
        Assert.That(await third.Files.ReadAllTextAsync("/root/b"), Is.EqualTo("2"));
        Assert.That(await Diff(third), Is.EqualTo(new[] { "C /etc", "D /etc/group", "C /root", "A /root/a", "A /root/b" }));
        Assert.That(await Diff(source), Is.EqualTo(new[] { "C /etc", "D /etc/group", "C /root", "A /root/a" }));
        Assert.That((await running.ExecAsync(["cat", "/root/a"])).StandardOutput, Is.EqualTo("changed\n"));
    }

    [Test]
    public async Task Pages_that_were_written_by_a_map_are_in_the_fork([Range(1, 4)] int round)
    {
        Needs.Program("clang");
        using var programs = new TemporaryDirectory();
        programs.Write("map.c", WriteByMap);
        Support.Shell.Run("clang", "-static", "-O1", "-o", programs["map"], programs["map.c"]);
        await using var source = await Host.Container(Tools).WithCommand("/root/map").CreateAsync();
        await source.Files.CopyInAsync(programs["map"], "/root/map");
        await using var running = await source.StartAsync();
        await Until(() => source.Files.ExistsAsync("/root/ready"));

        await using var fork = await source.ForkAsync();

        await using var mapped = await fork.Files.OpenReadAsync("/root/mapped");
        var page = new byte[4096];
        for (var number = 0; number < MappedPages; number++)
        {
            await mapped.ReadExactlyAsync(page);
            Assert.That(page[0], Is.EqualTo(1), $"page {number} in round {round}");
        }
    }

    [Test]
    public async Task A_deleted_file_that_is_open_goes_on_in_the_container_alone()
    {
        await using var source = await Shell("exec 3<> /root/gone; rm /root/gone; echo before >&3; touch /root/ready; while [ ! -e /root/go ]; do sleep 0.01; done; echo after >&3; cat /proc/self/fd/3 > /root/told")
            .CreateAsync();
        await using var running = await source.StartAsync();
        await Until(() => source.Files.ExistsAsync("/root/ready"));

        await using var fork = await source.ForkAsync();
        await source.Files.WriteAllTextAsync("/root/go", "");
        await running.WaitForExitAsync();

        Assert.That(await source.Files.ReadAllTextAsync("/root/told"), Is.EqualTo("before\nafter\n"));
        Assert.That(await Diff(fork), Is.EqualTo(new[] { "C /root", "A /root/ready" }));
    }

    [Test]
    public async Task Nothing_changed_is_forked_without_another_layer_and_all_is_gone_at_the_end()
    {
        var before = Snapshots();
        await using (var source = await Shell("touch /root/a; touch /root/ready; sleep 1000").CreateAsync())
        {
            await using var running = await source.StartAsync();
            await Until(() => source.Files.ExistsAsync("/root/ready"));
            await using var first = await source.ForkAsync();
            var count = Snapshots().Length;

            await using var second = await source.ForkAsync();

            Assert.That(Snapshots(), Has.Length.EqualTo(count + 1));
            Assert.That(await second.Files.ExistsAsync("/root/a"), Is.True);
        }

        Assert.That(Snapshots(), Is.EqualTo(before));
    }

    [Category("Slow")]
    [Test]
    public async Task A_chain_of_forks_longer_than_the_driver_stacks_is_flattened_and_still_told_from_its_image()
    {
        await using var source = await Host.Container(Tools).WithName("long").CreateAsync();
        await source.Files.DeleteAsync("/etc/group");
        for (var i = 0; i < 130; i++)
        {
            await source.Files.WriteAllTextAsync("/root/count", $"{i}");
            await using var fork = await source.ForkAsync();
        }

        Assert.That(await source.Files.ReadAllTextAsync("/root/count"), Is.EqualTo("129"));
        Assert.That(await Diff(source), Is.EqualTo(new[] { "C /etc", "D /etc/group", "C /root", "A /root/count" }));
        await source.RemoveAsync();
    }

    [Category("Slow")]
    [Test]
    public async Task Whoever_is_killed_while_he_forks_what_he_runs_leaves_every_container_whole([Range(1, 4)] int seed)
    {
        await using (var stem = await Shell(Count).WithName("stem").CreateAsync())
        {
        }

        using (var process = new SecondProcess(nameof(ForkLiveForever), StoreDirectory, userNamespace.ToString()))
        {
            _ = process.ReadLine();
            await Task.Delay(new Random(seed).Next(0, 300));
            process.Kill();
        }

        await using var next = await OpenHost();

        Assert.That((await next.CheckAsync()).Problems, Is.Empty);
        await foreach (var container in next.ListContainersAsync())
        {
            await Until(async () => !await container.IsRunningAsync());
            await Check(container, isTorn: true);
            await container.RemoveAsync();
        }

        Assert.That(Directory.GetDirectories($"{StoreDirectory}/snapshots/aufs", ".*"), Is.Empty);
    }

    /// <summary>Runs a container, and forks it again and again.</summary>
    internal static void ForkLiveForever(string[] arguments)
    {
        var options = new ContainerHostOptions { StoreDirectory = arguments[0], StorageDriver = "aufs", UserNamespace = Enum.Parse<UserNamespaceMode>(arguments[1]) };
        var host = ContainerHost.OpenAsync(options).GetAwaiter().GetResult();
        var stem = host.FindContainerAsync("stem").GetAwaiter().GetResult()!;
        _ = stem.StartAsync().GetAwaiter().GetResult();
        for (var i = 0; ; i++)
        {
            // Nothing of this assembly may run on another thread here: it is being loaded.
            while (!stem.Files.ExistsAsync("/root/count").GetAwaiter().GetResult())
            {
                Thread.Sleep(1);
            }

            _ = stem.ForkAsync($"fork{i}").GetAwaiter().GetResult();
            Console.WriteLine(i);
        }
    }

    // Every number is there, once and in order; the files are at most one apart.
    private static async Task<int> Check(Container container, bool isTorn = false)
    {
        var counts = new List<int>();
        foreach (var file in (string[])["/root/log", "/root/again", "/root/count"])
        {
            if (isTorn && !await container.Files.ExistsAsync(file))
            {
                continue;
            }

            var numbers = (await container.Files.ReadAllTextAsync(file)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => int.Parse(line, CultureInfo.InvariantCulture)).ToList();
            Assert.That(numbers, Is.EqualTo(file == "/root/count" ? numbers.TakeLast(1) : Enumerable.Range(1, numbers.Count)), file);
            counts.Add(numbers[^1]);
        }

        Assert.That(counts, Is.Empty.Or.All.InRange(counts[0] - 1, counts[0]));
        return counts.FirstOrDefault();
    }

    private static Task Reach(Container container, int count) => Until(async () =>
        await container.Files.ExistsAsync("/root/count") && int.Parse(await container.Files.ReadAllTextAsync("/root/count"), CultureInfo.InvariantCulture) >= count);

    private static async Task Until(Func<Task<bool>> isTrue)
    {
        var deadline = Environment.TickCount64 + 20_000;
        while (!await isTrue())
        {
            Assert.That(Environment.TickCount64, Is.LessThan(deadline), "it does not come to pass");
            await Task.Delay(5);
        }
    }
}

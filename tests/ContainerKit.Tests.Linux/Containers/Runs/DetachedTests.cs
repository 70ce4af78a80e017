using System.Globalization;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Runs;

/// <summary>Containers that outlive the process that starts them.</summary>
[TestFixture("overlay", UserNamespaceMode.Default)]
[TestFixture("vfs", UserNamespaceMode.Default, Category = "Modes")]
[TestFixture("overlay", UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture("overlay", UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class DetachedTests(string driver, UserNamespaceMode userNamespace) : DetachedFixture
{
    private const string UntilTold = "echo before; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo after; exit 7";

    protected override string Driver => driver;

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [Test]
    public async Task A_detached_container_outlives_a_killed_host_and_anybody_can_find_it()
    {
        using (var first = new SecondProcess(nameof(StartDetached), StoreDirectory, driver, userNamespace.ToString(), "web", UntilTold))
        {
            Assert.That(first.ReadLine(), Is.EqualTo("started"));
            first.Kill();
        }

        await using var container = await Find("web");
        await using var running = await container.AttachAsync();
        Assert.That((await container.GetStateAsync()).Status, Is.EqualTo(ContainerStatus.Running));
        Assert.That((await running.ExecAsync(["cat", "/etc/motd"])).StandardOutput, Is.EqualTo("hello from below\n"));
        await container.Files.WriteAllTextAsync("/tmp/go", "");

        var exit = await running.WaitForExitAsync();

        Assert.That(exit.ExitCode, Is.EqualTo(7));
        Assert.That(await Log(container), Is.EqualTo(new[] { "before", "after" }));
        var state = await container.GetStateAsync();
        Assert.That((state.Status, state.Exit), Is.EqualTo((ContainerStatus.Exited, exit)));
        Assert.That(state.Finished, Is.EqualTo(DateTimeOffset.UtcNow).Within(TimeSpan.FromMinutes(1)));
    }

    [Test]
    public async Task What_it_changes_is_seen_from_outside_while_it_runs()
    {
        await using var running = await Shell("echo new > /etc/motd; rm /etc/group; echo done; sleep 1000").WithName("changing").StartAsync(Detached);
        await NextLine(running);
        await using var other = await OpenHost();
        await using var container = (await other.FindContainerAsync("changing"))!;

        Assert.That(await Diff(container), Is.SupersetOf(new[] { "M /etc", "M /etc/motd", "D /etc/group" }).Or.SupersetOf(new[] { "C /etc", "C /etc/motd", "D /etc/group" }));
        Assert.That(await container.Files.ReadAllTextAsync("/etc/motd"), Is.EqualTo("new\n"));
        var image = await container.CommitAsync("committed:1");
        Assert.That((await other.Container(image).WithCommand("cat", "/etc/motd").RunAsync()).StandardOutput, Is.EqualTo("new\n"));

        // A first change in a directory needs what the mount has put beside the layer: looking must have left it alone.
        Assert.That((await running.ExecAsync(["touch", "/root/first"])).ExitStatus.ExitCode, Is.Zero);
    }

    [Test]
    public async Task Streams_are_told_apart_and_lines_come_as_they_are_written()
    {
        await using var running = await Shell("echo out; echo err >&2; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo last").WithName("lines").StartAsync(Detached);
        var lines = new List<string>();
        await foreach (var line in running.ReadLinesAsync())
        {
            lines.Add($"{(line.IsError ? "error" : "output")} {line.Content}");
            if (lines.Count == 2)
            {
                await running.Files.WriteAllTextAsync("/tmp/go", "");
            }
        }

        Assert.That(lines, Is.EquivalentTo(new[] { "output out", "error err", "output last" }));
        using var errors = new StreamReader(running.StandardError);
        Assert.That(await errors.ReadToEndAsync(), Is.EqualTo("err\n"));
    }

    [Test]
    public async Task A_log_that_is_full_is_put_aside_and_the_newest_lines_are_kept()
    {
        const int limit = 64 << 10, lines = 20_000;
        var script = $"i=0; while [ $i -lt {lines} ]; do echo 'a line, and its number is' $i; i=$((i+1)); done";
        await using var running = await Shell(script).WithName("chatty").StartAsync(new StartOptions { Detached = true, MaxLogBytes = limit });
        await running.WaitForExitAsync();

        var log = await Log(running.Container);

        Assert.That(log[^1], Is.EqualTo($"a line, and its number is {lines - 1}"));
        var first = int.Parse(log[1].Split(' ')[^1], CultureInfo.InvariantCulture);
        Assert.That(log.Skip(1), Is.EqualTo(Enumerable.Range(first, lines - first).Select(number => $"a line, and its number is {number}")));
        Assert.That(Directory.GetFiles(DirectoryOf(running), "log*").Sum(file => new FileInfo(file).Length), Is.InRange(limit, 2 * (limit + (32 << 10))));
        Assert.That((await Log(running.Container, new LogOptions { Tail = 3 })).Select(line => line.Split(' ')[^1]), Is.EqualTo(new[] { "19997", "19998", "19999" }));
    }

    [Test]
    public async Task It_is_stopped_from_outside_and_started_again()
    {
        await using var running = await Shell("trap 'echo bye; exit 3' TERM; echo up; while true; do sleep 0.05; done").WithName("again").StartAsync(Detached);
        await NextLine(running);
        await using var other = await OpenHost();
        await using var container = (await other.FindContainerAsync("again"))!;
        await using (var attached = await container.AttachAsync())
        {
            Assert.That((await attached.StopAsync()).ExitCode, Is.EqualTo(3));
        }

        Assert.That((await running.WaitForExitAsync()).ExitCode, Is.EqualTo(3));
        await using (await container.StartAsync(Detached))
        {
            Assert.That(() => container.StartAsync(Detached), Throws.InstanceOf<StorageException>().With.Message.Contains("runs in another process"));
        }
    }

    [Test]
    public async Task A_container_whose_supervisor_is_killed_ends_with_it()
    {
        await using var running = await Shell("sleep 1000").WithName("orphan").StartAsync(Detached);
        var supervisor = int.Parse(File.ReadAllText($"{DirectoryOf(running)}/running").Split(' ')[2], CultureInfo.InvariantCulture);

        Support.Shell.Run("kill", "-9", supervisor.ToString(CultureInfo.InvariantCulture));

        Assert.That((await running.WaitForExitAsync()).Signal, Is.EqualTo(9));
        Assert.That(() => Directory.Exists($"/proc/{running.ProcessId}"), Is.False.After(10_000, 20));
        Assert.That((await running.Container.GetStateAsync()).Exit?.Signal, Is.EqualTo(9));
        await using var again = await running.Container.StartAsync(Detached);
    }

    [Test]
    public async Task Programs_joined_from_outside_are_who_the_container_is()
    {
        // With a single id there is nobody but root.
        var user = userNamespace == UserNamespaceMode.SingleId ? "root" : "www";
        await using (await Shell("sleep 1000").WithName("joined").WithUser(user).WithEnvironment("COLOUR", "red").StartAsync(Detached))
        {
        }

        await using var other = await OpenHost();
        await using var running = await (await other.FindContainerAsync("joined"))!.AttachAsync();

        var result = await running.ExecAsync(["sh", "-c", "id -u; echo $COLOUR $HOME; readlink /proc/self/ns/pid"]);
        await using var streaming = await running.StartExecAsync(["cat"]);
        await streaming.StandardInput.WriteAsync("typed\n"u8.ToArray());
        await streaming.StandardInput.DisposeAsync();
        using var reader = new StreamReader(streaming.StandardOutput);

        Assert.That(result.StandardOutput, Does.StartWith(user == "root" ? "0\nred /root\n" : "33\nred /var/www\n").And.Not.Contain(new FileInfo("/proc/self/ns/pid").LinkTarget));
        Assert.That(await reader.ReadToEndAsync(), Is.EqualTo("typed\n"));
        Assert.That((await streaming.WaitForExitAsync()).ExitCode, Is.Zero);
    }

    [Test]
    public async Task A_program_that_another_process_runs_in_the_foreground_is_within_reach_too()
    {
        using var first = new SecondProcess(nameof(StartAttached), StoreDirectory, driver, userNamespace.ToString(), "foreground", UntilTold);
        Assert.That(first.ReadLine(), Is.EqualTo("started"));
        await using var container = await Find("foreground");
        await using var running = await container.AttachAsync();

        Assert.That((await running.ExecAsync(["sh", "-c", "exit 4"])).ExitStatus.ExitCode, Is.EqualTo(4));
        await container.Files.WriteAllTextAsync("/tmp/go", "");

        Assert.That((await running.WaitForExitAsync()).ExitCode, Is.EqualTo(7));
        Assert.That((await container.GetStateAsync()).Exit?.ExitCode, Is.EqualTo(7));
    }

    [Test]
    public async Task A_start_that_fails_leaves_a_container_as_it_was()
    {
        await using var container = await Host.Container(Tools).WithCommand("no-such-program").WithName("failing").CreateAsync();

        var failure = Assert.ThrowsAsync<IsolationException>(() => container.StartAsync(Detached));

        Assert.That(failure.ExitCode, Is.EqualTo(127));
        Assert.That((await container.GetStateAsync()).Status, Is.EqualTo(ContainerStatus.Created));
    }

    [Test]
    public async Task Whoever_gives_no_name_gets_one_and_who_makes_an_unnamed_one_hears_of_it()
    {
        await using var running = await Shell("sleep 1000").StartAsync(Detached);
        await using var unnamed = await Host.Container(Tools).CreateAsync();

        Assert.That(await Host.FindContainerAsync(running.Container.Name!), Is.Not.Null);
        Assert.That(() => unnamed.StartAsync(Detached), Throws.InstanceOf<StorageException>().With.Message.Contains("has no name"));
    }

    [Test]
    public void What_this_process_feeds_cannot_be_detached()
    {
        Assert.That(
            () => Shell("cat").WithStandardInput("fed").StartAsync(Detached),
            Throws.InstanceOf<StorageException>().With.Message.Contains("feeds its standard input"));
    }

    [Test]
    public async Task A_log_is_read_in_part()
    {
        await using var running = await Shell("echo old; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo new").WithName("parts").StartAsync(Detached);
        await NextLine(running);
        var between = DateTimeOffset.UtcNow;
        await running.Files.WriteAllTextAsync("/tmp/go", "");
        await running.WaitForExitAsync();

        Assert.That(await Log(running.Container, new LogOptions { Since = between }), Is.EqualTo(new[] { "new" }));
        Assert.That(await Log(running.Container, new LogOptions { Until = between }), Is.EqualTo(new[] { "old" }));
        Assert.That(await Log(running.Container, new LogOptions { Tail = 0 }), Is.Empty);
    }

    [Test]
    public async Task How_it_ended_is_written_down_on_a_full_disk()
    {
        Needs.Root();
        var disk = Directory.CreateDirectory(Path.Combine(HostDirectory, "disk")).FullName;
        Support.Shell.Run("mount", "-t", "tmpfs", "-o", "size=64m", "none", disk);
        try
        {
            await using var host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = $"{disk}/store", StorageDriver = driver, UserNamespace = userNamespace });
            var image = await host.BuildFromScratch().AddHostProgram("sh", "sleep").BuildAsync("small:1");
            await using var running = await host.Container(image).WithName("full").WithCommand("sh", "-c", "trap 'exit 6' TERM; echo up; while true; do sleep 0.05; done").StartAsync(Detached);
            await NextLine(running);
            Support.Shell.Try("dd", "if=/dev/zero", $"of={disk}/ballast", "bs=4k");

            Assert.That((await running.StopAsync()).ExitCode, Is.EqualTo(6));
            Assert.That((await running.Container.GetStateAsync()).Exit?.ExitCode, Is.EqualTo(6));
        }
        finally
        {
            Support.Shell.Run("umount", "-l", disk);
        }
    }

    [Test]
    public async Task Memory_that_ran_out_is_told_and_nothing_is_left_of_the_control_group()
    {
        Needs.Root();
        Needs.CgroupController("memory");
        await using var running = await Shell("head -c 100m /dev/zero | tr '\\0' x | sort > /dev/null; exit 5").WithMemoryLimit(16 << 20).WithName("hungry").StartAsync(Detached);

        var exit = await running.WaitForExitAsync();

        Assert.That(exit.OutOfMemory, Is.True);
        Assert.That((await running.Container.GetStateAsync()).Exit?.OutOfMemory, Is.True);
        Assert.That(() => Directory.GetDirectories("/sys/fs/cgroup", running.Id, new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 4 }), Is.Empty.After(5_000, 50));
        Assert.That(Directory.GetFiles($"{StoreDirectory}/cgroups", running.Id), Is.Empty);
    }

    [Category("Slow")]
    [Test]
    public async Task Killing_a_host_that_detaches_at_any_moment_leaves_nothing_that_cannot_be_found([Range(1, 6)] int seed)
    {
        using (var host = new SecondProcess(nameof(DetachForever), StoreDirectory, driver, userNamespace.ToString()))
        {
            Assert.That(host.ReadLine(), Is.EqualTo("started"));
            await Task.Delay(new Random(seed).Next(0, 200));
            host.Kill();
        }

        await using var next = await OpenHost();
        await foreach (var container in next.ListContainersAsync())
        {
            if (await container.IsRunningAsync())
            {
                await using var running = await AttachUnlessOverAsync(container);
                if (running is null)
                {
                    continue;
                }

                Assert.That((await running.ExecAsync(["cat", "/etc/motd"])).StandardOutput, Is.EqualTo("hello from below\n"));
                Assert.That((await running.StopAsync(TimeSpan.Zero)).Signal, Is.EqualTo(9));
            }
        }

        Assert.That(() => Support.Shell.Try("pgrep", "-f", StoreDirectory).Output, Is.Empty.After(10_000, 50));
    }

    // A supervisor whose host is killed before it is known has nothing to do, and ends.
    private static async Task<RunningContainer?> AttachUnlessOverAsync(Container container)
    {
        try
        {
            return await container.AttachAsync();
        }
        catch (StorageException e) when (e.Message.Contains("does not run"))
        {
            Assert.That(await container.IsRunningAsync(), Is.False);
            return null;
        }
    }

    /// <summary>Starts one container detached, reports it, and goes on living.</summary>
    internal static void StartDetached(string[] arguments) => Start(arguments, Detached);

    /// <summary>Starts one container as its own child, reports it, and goes on living until its end.</summary>
    internal static void StartAttached(string[] arguments) => Start(arguments, new StartOptions());

    /// <summary>Starts one detached container after the other, and reports the first.</summary>
    internal static void DetachForever(string[] arguments)
    {
        var host = Open(arguments);
        while (true)
        {
            _ = host.Container("tools:1").WithCommand("sh", "-c", $"sleep 1000; : {arguments[0]}").StartAsync(Detached).GetAwaiter().GetResult();
            Console.WriteLine("started");
        }
    }

    private static void Start(string[] arguments, StartOptions options)
    {
        var running = Open(arguments).Container("tools:1").WithName(arguments[3]).WithCommand("sh", "-c", $"{arguments[4]}; : {arguments[0]}").StartAsync(options).GetAwaiter().GetResult();
        Console.WriteLine("started");
        running.WaitForExitAsync().GetAwaiter().GetResult();
    }

    private static ContainerHost Open(string[] arguments) => ContainerHost.OpenAsync(new ContainerHostOptions
    {
        StoreDirectory = arguments[0],
        StorageDriver = arguments[1],
        UserNamespace = Enum.Parse<UserNamespaceMode>(arguments[2]),
    }).GetAwaiter().GetResult();

    private async Task<Container> Find(string name) => await Host.FindContainerAsync(name) ?? throw new InvalidOperationException($"There is no container '{name}'.");

    private string DirectoryOf(RunningContainer running) => $"{StoreDirectory}/containers/{running.Id}";
}

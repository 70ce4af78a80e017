using System.Diagnostics;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Runs;

/// <summary>Programs that are started again, by this process or by a supervisor.</summary>
[TestFixture("overlay", UserNamespaceMode.Default)]
[TestFixture("vfs", UserNamespaceMode.Default, Category = "Modes")]
[TestFixture("overlay", UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture("overlay", UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class RestartTests(string driver, UserNamespaceMode userNamespace) : DetachedFixture
{
    private const string FailsTwice = "echo run; [ -e /tmp/2 ] && exit 0; [ -e /tmp/1 ] && { touch /tmp/2; exit 4; }; touch /tmp/1; exit 3";
    private const string StaysAtTheSecondTime = "[ -e /tmp/1 ] && { echo second; sleep 1000; }; touch /tmp/1; echo first";

    protected override string Driver => driver;

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [Test]
    public async Task A_program_that_fails_is_started_again_until_it_does_not([Values] bool detached)
    {
        await using var running = await Shell(FailsTwice).WithName("failing").WithRestart(RestartPolicy.OnFailure()).StartAsync(new StartOptions { Detached = detached });
        var exit = await running.WaitForExitAsync();

        Assert.That(exit.ExitCode, Is.Zero);
        Assert.That(await Lines(running), Is.EqualTo(new[] { "run", "run", "run" }));
        var state = await running.Container.GetStateAsync();
        Assert.That((state.Status, state.RestartCount, state.Exit), Is.EqualTo((ContainerStatus.Exited, 2, exit)));
    }

    [Test]
    public async Task It_is_not_started_more_often_than_it_may_be([Values] bool detached)
    {
        var watch = Stopwatch.StartNew();
        await using var running = await Shell("echo run; exit 3").WithName("bounded").WithRestart(RestartPolicy.OnFailure(3)).StartAsync(new StartOptions { Detached = detached });
        var exit = await running.WaitForExitAsync();

        Assert.That(exit.ExitCode, Is.EqualTo(3));
        Assert.That(await Lines(running), Has.Count.EqualTo(4));

        // 100, 200 and 400 ms of pause.
        Assert.That(watch.Elapsed, Is.GreaterThan(TimeSpan.FromMilliseconds(699)));
    }

    [Test]
    public async Task Stopping_is_for_good_and_programs_can_be_run_in_the_one_that_was_started_again([Values] bool detached)
    {
        await using var running = await Shell(StaysAtTheSecondTime).WithName("always").WithRestart(RestartPolicy.Always).StartAsync(new StartOptions { Detached = detached });
        var first = running.ProcessId;
        await Until(async () => (await running.Container.GetStateAsync()) is { Status: ContainerStatus.Running, RestartCount: 1 } && running.ProcessId != first);

        var result = await running.ExecAsync(["cat", "/etc/motd"]);
        await running.Container.StopAsync(TimeSpan.Zero);
        var exit = await running.WaitForExitAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("hello from below\n"));
        Assert.That(exit.IsSuccess, Is.False);
        Assert.That(await running.Container.IsRunningAsync(), Is.False);
        Assert.That((await running.Container.GetStateAsync()).RestartCount, Is.EqualTo(1));
    }

    [Test]
    public async Task Stopping_ends_a_pause_at_once([Values] bool detached)
    {
        await using var running = await Shell("exit 3").WithName("pausing").WithRestart(RestartPolicy.UnlessStopped).StartAsync(new StartOptions { Detached = detached });
        await Until(async () => (await running.Container.GetStateAsync()) is { Status: ContainerStatus.Restarting, RestartCount: >= 5 });
        var watch = Stopwatch.StartNew();
        await running.Container.StopAsync();

        // The pause was one of 3.2 seconds, and the next would be longer.
        Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(3)));
        Assert.That((await running.WaitForExitAsync()).ExitCode, Is.EqualTo(3));
        Assert.That((await running.Container.GetStateAsync()).Status, Is.EqualTo(ContainerStatus.Exited));
    }

    [Test]
    public async Task What_is_killed_stays_dead([Values] bool detached)
    {
        await using var running = await Shell("sleep 1000").WithName("killed").WithRestart(RestartPolicy.Always).StartAsync(new StartOptions { Detached = detached });
        await running.KillAsync();

        Assert.That((await running.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30))).Signal, Is.EqualTo(9));
    }

    [Test]
    public async Task It_goes_on_when_its_host_is_killed_and_comes_again_whoever_looks()
    {
        using (var host = new SecondProcess(nameof(StartAlways), StoreDirectory, driver, userNamespace.ToString(), "left", StaysAtTheSecondTime))
        {
            Assert.That(host.ReadLine(), Is.EqualTo("started"));
            host.Kill();
        }

        await using var container = (await Host.FindContainerAsync("left"))!;
        await Until(async () => (await Log(container)).Contains("second"));
        await using var running = await container.AttachAsync();

        Assert.That((await running.ExecAsync(["cat", "/etc/motd"])).StandardOutput, Is.EqualTo("hello from below\n"));
        await container.Files.WriteAllTextAsync("/etc/motd", "changed");
        Assert.That((await running.ExecAsync(["cat", "/etc/motd"])).StandardOutput, Is.EqualTo("changed"));
    }

    [Test]
    public async Task One_without_a_name_is_this_process_s_and_ends_with_its_disposal()
    {
        await using var running = await Shell("echo run").WithRestart(RestartPolicy.Always).StartAsync();
        using var output = new StreamReader(running.StandardOutput);
        for (var i = 0; i < 3; i++)
        {
            Assert.That(await output.ReadLineAsync(), Is.EqualTo("run"));
        }

        await running.DisposeAsync();

        Assert.That(running.WaitForExitAsync().IsCompleted, Is.True);
    }

    [Test]
    public void What_cannot_be_started_again_does_not_start()
    {
        var onTerminal = Shell("true").WithTerminal().WithRestart(RestartPolicy.Always);

        Assert.That(Assert.ThrowsAsync<HostCapabilityException>(() => onTerminal.StartAsync()).Hint, Does.Contain("WithTerminal"));
    }

    [Test]
    public async Task A_policy_that_is_changed_while_a_detached_program_runs_counts_at_its_end()
    {
        await using var running = await Shell("echo run; while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 3").WithName("changed").StartAsync(Detached);
        await NextLine(running);
        await using (var other = await OpenHost())
        {
            await (await other.FindContainerAsync("changed"))!.UpdateRestartAsync(RestartPolicy.OnFailure(2));
        }

        await running.Files.WriteAllTextAsync("/tmp/go", "");

        Assert.That((await running.WaitForExitAsync()).ExitCode, Is.EqualTo(3));
        Assert.That(await Log(running.Container), Is.EqualTo(new[] { "run", "run", "run" }));
        Assert.That((await running.Container.GetStateAsync()).RestartCount, Is.EqualTo(2));
    }

    [Test]
    public async Task One_that_got_a_policy_while_it_ran_is_found_and_stopped_after_it_was_started_again()
    {
        await using var running = await Shell(StaysAtTheSecondTime.Replace("echo first", "echo first; while [ ! -e /tmp/go ]; do sleep 0.05; done", StringComparison.Ordinal)).WithName("found").StartAsync(Detached);
        await NextLine(running);
        await running.UpdateRestartAsync(RestartPolicy.Always);
        await running.Files.WriteAllTextAsync("/tmp/go", "");
        await Until(async () => (await Log(running.Container)).Contains("second"));
        await using var other = await OpenHost();
        var found = (await other.FindContainerAsync("found"))!;

        Assert.That((await running.ExecAsync(["cat", "/etc/motd"])).StandardOutput, Is.EqualTo("hello from below\n"));
        await using (var attached = await found.AttachAsync())
        {
            Assert.That((await attached.ExecAsync(["cat", "/etc/motd"])).StandardOutput, Is.EqualTo("hello from below\n"));
        }

        Assert.That((await found.GetStateAsync()).Status, Is.EqualTo(ContainerStatus.Running));
        await found.StopAsync(TimeSpan.Zero);
        Assert.That((await running.WaitForExitAsync()).Signal, Is.EqualTo(9));
        Assert.That(await found.IsRunningAsync(), Is.False);
    }

    [Test]
    public async Task A_policy_that_is_taken_away_while_it_runs_ends_it_with_its_program([Values] bool detached)
    {
        await using var running = await Shell("echo run; while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 3").WithName("ended").WithRestart(RestartPolicy.Always).StartAsync(new StartOptions { Detached = detached });
        await NextLine(running);
        await running.UpdateRestartAsync(RestartPolicy.No);

        await running.Files.WriteAllTextAsync("/tmp/go", "");

        Assert.That((await running.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30))).ExitCode, Is.EqualTo(3));
        Assert.That((await running.Container.GetStateAsync()).RestartCount, Is.Zero);
    }

    [Test]
    public async Task A_maximum_can_be_changed_while_it_runs([Values] bool detached)
    {
        await using var running = await Shell("while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 3").WithName("bounded").WithRestart(RestartPolicy.Always).StartAsync(new StartOptions { Detached = detached });
        await running.UpdateRestartAsync(RestartPolicy.OnFailure(1));

        await running.Files.WriteAllTextAsync("/tmp/go", "");

        Assert.That((await running.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30))).ExitCode, Is.EqualTo(3));
        Assert.That((await running.Container.GetStateAsync()).RestartCount, Is.EqualTo(1));
    }

    [Test]
    public async Task One_that_does_not_run_has_its_new_policy_from_the_next_start_on([Values] bool detached)
    {
        await using var container = await Shell("echo run; exit 3").WithName("later").CreateAsync();
        await container.UpdateRestartAsync(RestartPolicy.OnFailure(1));

        await using var running = await container.StartAsync(new StartOptions { Detached = detached });

        Assert.That((await running.WaitForExitAsync()).ExitCode, Is.EqualTo(3));
        Assert.That(await Lines(running), Is.EqualTo(new[] { "run", "run" }));
        Assert.That(container.Settings.Restart, Is.EqualTo(RestartPolicy.OnFailure(1)));
    }

    [Test]
    public async Task What_a_policy_would_need_and_is_not_there_is_said()
    {
        await using var running = await Shell("sleep 1000").WithName("foreground").StartAsync();
        await using var onTerminal = await Shell("true").WithTerminal().WithName("terminal").CreateAsync();

        Assert.That(Assert.ThrowsAsync<HostCapabilityException>(() => running.UpdateRestartAsync(RestartPolicy.Always)).Message, Does.Contain("in the foreground"));
        Assert.That(Assert.ThrowsAsync<HostCapabilityException>(() => onTerminal.UpdateRestartAsync(RestartPolicy.Always)).Hint, Does.Contain("WithTerminal"));
        Assert.That(running.Container.Settings.Restart, Is.EqualTo(RestartPolicy.No));
    }

    /// <summary>Runs in a process of its own.</summary>
    internal static void StartAlways(string[] arguments)
    {
        var options = new ContainerHostOptions { StoreDirectory = arguments[0], StorageDriver = arguments[1], UserNamespace = Enum.Parse<UserNamespaceMode>(arguments[2]) };
        var host = ContainerHost.OpenAsync(options).GetAwaiter().GetResult();
        host.Container("tools:1").WithCommand("sh", "-c", arguments[4]).WithName(arguments[3]).WithRestart(RestartPolicy.Always).StartAsync(Detached).GetAwaiter().GetResult();
        Console.WriteLine("started");
        Thread.Sleep(Timeout.Infinite);
    }

    private static async Task Until(Func<Task<bool>> condition)
    {
        for (var watch = Stopwatch.StartNew(); !await condition(); await Task.Delay(10))
        {
            Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(30)));
        }
    }

    private static async Task<List<string>> Lines(RunningContainer running)
    {
        var lines = new List<string>();
        await foreach (var line in running.ReadLinesAsync())
        {
            lines.Add(line.Content);
        }

        return lines;
    }
}

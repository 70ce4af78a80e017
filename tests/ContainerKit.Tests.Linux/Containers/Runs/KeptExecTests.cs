using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Runs;

/// <summary>Programs that join a container where none can have a control group of its own: each has a keeper instead.</summary>
[TestFixture(UserNamespaceMode.Default)]
[TestFixture(UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture(UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class KeptExecTests(UserNamespaceMode userNamespace) : ContainerFixture
{
    private const string Sleepers = "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o 'sleep 300[0-9]' | sort -u";

    private ContainerHost _host = null!;
    private RunningContainer _container = null!;

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [SetUp]
    public async Task StartWithoutGroups()
    {
        _host = await OpenHost();

        // From here on it makes no group for anybody, as where this user may make none.
        _host.Containers.ExecGroups.Dispose();
        _container = await _host.Container(Tools).WithCommand("sh", "-c", "(sleep 3001 &); sleep 3002").StartAsync();
    }

    [TearDown]
    public async Task Close()
    {
        await _container.DisposeAsync();
        await _host.DisposeAsync();
    }

    [Test]
    public async Task Cancelling_ends_also_what_has_lost_its_parent_and_nobody_else()
    {
        await using var other = await _container.StartExecAsync(["sh", "-c", "(sleep 3003 &); sleep 3009"]);
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(700));

        var exec = _container.ExecAsync(["sh", "-c", "(sleep 3004 &); (sh -c 'sleep 3005 & sleep 3006 &' &); sleep 3007"], soon.Token);

        Assert.That(() => exec, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(await SleepersIn(), Is.EqualTo("sleep 3001\nsleep 3002\nsleep 3003\nsleep 3009\n"));
    }

    [Test]
    public async Task What_leaves_its_session_twice_dies_with_the_cancelled_exec()
    {
        Needs.Program("busybox");
        var image = await _host.BuildFromScratch().AddHostProgram("busybox").BuildAsync("daemons:1");
        await using var container = await _host.Container(image).WithCommand("busybox", "sleep", "3001").StartAsync();
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(700));

        var exec = container.ExecAsync(["busybox", "sh", "-c", "busybox setsid busybox sh -c 'busybox setsid busybox sleep 3004 & exit' & busybox sleep 3005"], soon.Token);

        Assert.That(() => exec, Throws.InstanceOf<OperationCanceledException>());
        Assert.That((await container.ExecAsync(["busybox", "ps"])).StandardOutput, Does.Contain("sleep 3001").And.Not.Contain("sleep 3004").And.Not.Contain("sleep 3005"));
    }

    [Test]
    public async Task What_an_exec_leaves_behind_when_it_ends_by_itself_lives_on()
    {
        var result = await _container.ExecAsync(["sh", "-c", "sleep 3002 & (sleep 3003 &); echo begun; exit 7"]);

        Assert.That((result.ExitStatus.ExitCode, result.StandardOutput), Is.EqualTo((7, "begun\n")));
        Assert.That(await SleepersIn(), Is.EqualTo("sleep 3001\nsleep 3002\nsleep 3003\n"));
    }

    [Test]
    public async Task An_exec_leaves_nothing_to_reap_to_a_program_that_reaps_nobody()
    {
        await using var container = await _host.Container(Tools).WithCommand("sleep", "1000").StartAsync();
        for (var i = 0; i < 5; i++)
        {
            await container.ExecAsync(["sh", "-c", i % 2 == 0 ? "exit 3" : "kill -9 $$"]);
        }

        Assert.That((await container.ExecAsync(["sh", "-c", "cat /proc/[0-9]*/stat | grep -c ' Z '"])).StandardOutput, Is.EqualTo("0\n"));
    }

    [TestCase(15)]
    [TestCase(9)]
    [TestCase(11)]
    public async Task An_end_by_a_signal_is_told_as_one(int signal) =>
        Assert.That((await _container.ExecAsync(["sh", "-c", $"kill -{signal} $$"])).ExitStatus.Signal, Is.EqualTo(signal));

    [Test]
    public async Task Signals_reach_the_program_and_a_killed_one_is_gone()
    {
        await using var trapping = await _container.StartExecAsync(["sh", "-c", "trap 'echo told; exit 5' TERM; echo up; while :; do sleep 0.05; done"]);
        using var output = new StreamReader(trapping.StandardOutput);
        Assert.That(await output.ReadLineAsync(), Is.EqualTo("up"));
        await trapping.KillAsync(15);

        Assert.That((await trapping.WaitForExitAsync()).ExitCode, Is.EqualTo(5));
        Assert.That(await output.ReadLineAsync(), Is.EqualTo("told"));
        await using var sleeping = await _container.StartExecAsync(["sleep", "3008"]);
        await sleeping.KillAsync();
        Assert.That((await sleeping.WaitForExitAsync()).Signal, Is.EqualTo(9));
        Assert.That(() => SleepersIn().GetAwaiter().GetResult(), Does.Not.Contain("3008").After(5_000, 50));
    }

    [Test]
    public async Task It_has_a_terminal_if_it_is_to_have_one()
    {
        await using var program = await _container.StartExecAsync(["sh", "-c", "tty; stty size"], new ExecOptions { Terminal = new TerminalSize(90, 33) });
        using var output = new StreamReader(program.StandardOutput);

        Assert.That(await output.ReadToEndAsync(), Is.EqualTo("/dev/pts/0\r\n33 90\r\n"));
    }

    [Test]
    public void A_program_that_is_not_there_is_an_error_as_ever() =>
        Assert.That(Assert.ThrowsAsync<IsolationException>(() => _container.ExecAsync(["nosuch"]))!.ExitCode, Is.EqualTo(127));

    private async Task<string> SleepersIn() => (await _container.ExecAsync(["sh", "-c", Sleepers])).StandardOutput;
}

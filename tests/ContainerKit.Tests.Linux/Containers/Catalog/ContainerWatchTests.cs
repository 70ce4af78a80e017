using System.Threading.Channels;
using ContainerKit.Tests.Linux.Containers.Runs;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Catalog;

/// <summary>What happens to containers, as somebody else sees it.</summary>
[TestFixture(UserNamespaceMode.Default)]
[TestFixture(UserNamespaceMode.SingleId, Category = "Modes")]
internal sealed class ContainerWatchTests(UserNamespaceMode userNamespace) : DetachedFixture
{
    private ContainerHost _other = null!;
    private Channel<ContainerEvent> _events = null!;
    private Task _pump = Task.CompletedTask;
    private CancellationTokenSource _over = null!;

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [SetUp]
    public async Task Watch()
    {
        _other = await OpenHost();
        _events = Channel.CreateUnbounded<ContainerEvent>();
        _over = new CancellationTokenSource();
        _pump = PumpAsync(_other.WatchContainersAsync(_over.Token), _events.Writer);
        await Task.Delay(200);
    }

    [TearDown]
    public async Task Close()
    {
        await _over.CancelAsync();
        Assert.That(() => _pump.WaitAsync(TimeSpan.FromSeconds(30)), Throws.InstanceOf<OperationCanceledException>());
        _over.Dispose();
        await _other.DisposeAsync();
    }

    [Test]
    public async Task A_detached_life_is_told_in_order()
    {
        var container = await Shell("sleep 0.2; exit 3").WithName("life").CreateAsync();
        await using (var running = await container.StartAsync(Detached))
        {
            await running.WaitForExitAsync();
        }

        var told = new[] { await Next(), await Next(), await Next() };
        await using (await container.StartAsync(Detached))
        {
            Assert.That((await Next()).Kind, Is.EqualTo(ContainerEventKind.Started));
            await container.RemoveAsync(force: true);
        }

        Assert.That(told.Select(e => e.Kind), Is.EqualTo(new[] { ContainerEventKind.Created, ContainerEventKind.Started, ContainerEventKind.Exited }));
        Assert.That(told.Select(e => (e.Name, e.ContainerId, e.Image)), Is.All.EqualTo(("life", container.Id, "tools:1")));
        Assert.That(told[2].Time - told[1].Time, Is.GreaterThan(TimeSpan.FromMilliseconds(150)).And.LessThan(TimeSpan.FromMinutes(1)));
        Assert.That(told[2].Exit!.ExitCode, Is.EqualTo(3));
        Assert.That(((await Next()).Kind, (await Next()).Kind), Is.EqualTo((ContainerEventKind.Exited, ContainerEventKind.Removed)));
    }

    [Test]
    public async Task Runs_too_short_to_be_seen_are_told_with_how_they_ended()
    {
        await using var container = await Shell("exit 4").WithName("short").CreateAsync();
        await using (var running = await container.StartAsync())
        {
            await running.WaitForExitAsync();
        }

        var told = new[] { await Next(), await Next(), await Next() };

        Assert.That(told.Select(e => e.Kind), Is.EqualTo(new[] { ContainerEventKind.Created, ContainerEventKind.Started, ContainerEventKind.Exited }));
        Assert.That(told[2].Exit!.ExitCode, Is.EqualTo(4));
    }

    [Test]
    public async Task A_life_with_a_second_start_is_told_in_order([Values] bool detached)
    {
        await using (var running = await Shell("[ -e /tmp/1 ] && exit 0; touch /tmp/1; exit 3").WithName("again").WithRestart(RestartPolicy.OnFailure()).StartAsync(new StartOptions { Detached = detached }))
        {
            await running.WaitForExitAsync();
        }

        var told = new[] { await Next(), await Next(), await Next(), await Next(), await Next() };

        Assert.That(told.Select(e => e.Kind), Is.EqualTo(new[]
        {
            ContainerEventKind.Created, ContainerEventKind.Started, ContainerEventKind.Exited, ContainerEventKind.Restarted, ContainerEventKind.Exited,
        }));
        Assert.That((told[2].Exit!.ExitCode, told[4].Exit!.ExitCode), Is.EqualTo((3, 0)));
    }

    [Test]
    public async Task Limits_that_are_reached_are_told_once_each([Values] bool programEnds)
    {
        Needs.Root();
        Needs.CgroupController("memory");
        var container = Shell($"(dd if=/dev/zero of=/dev/null bs=200M count=1); {(programEnds ? "exit 3" : "sleep 1000")}").WithMemoryLimit(32 << 20).WithName("hungry");
        await using var running = await container.StartAsync(Detached);

        Assert.That(((await Next()).Kind, (await Next()).Kind), Is.EqualTo((ContainerEventKind.Created, ContainerEventKind.Started)));
        Assert.That((await Next()).Kind, Is.EqualTo(ContainerEventKind.OutOfMemory));
        await running.KillAsync();
        Assert.That((await Next()).Kind, Is.EqualTo(ContainerEventKind.Exited));
    }

    [Test]
    public async Task One_process_too_many_is_told()
    {
        Needs.Root();
        Needs.CgroupController("pids");
        await using var running = await Shell("(sleep 1000 & sleep 1000 & sleep 1000 & wait); sleep 1000").WithProcessLimit(3).WithName("crowded").StartAsync(Detached);

        Assert.That(((await Next()).Kind, (await Next()).Kind, (await Next()).Kind), Is.EqualTo((ContainerEventKind.Created, ContainerEventKind.Started, ContainerEventKind.ProcessLimitReached)));
    }

    [Test]
    public async Task A_pause_is_told_and_its_end()
    {
        Needs.Root();
        Needs.CgroupController("freezer");
        await using var running = await Shell("sleep 1000").WithStatistics().WithName("still").StartAsync(Detached);
        Assert.That(((await Next()).Kind, (await Next()).Kind), Is.EqualTo((ContainerEventKind.Created, ContainerEventKind.Started)));

        await running.PauseAsync();
        var paused = await Next();
        await running.ResumeAsync();

        Assert.That((paused.Kind, (await Next()).Kind), Is.EqualTo((ContainerEventKind.Paused, ContainerEventKind.Resumed)));
    }

    [Test]
    public async Task The_end_of_a_killed_host_s_container_is_told()
    {
        using (var host = new SecondProcess(nameof(DetachedTests.StartAttached), StoreDirectory, "overlay", userNamespace.ToString(), "orphan", "sleep 1000"))
        {
            Assert.That(host.ReadLine(), Is.EqualTo("started"));
            Assert.That(((await Next()).Kind, (await Next()).Kind), Is.EqualTo((ContainerEventKind.Created, ContainerEventKind.Started)));
            host.Kill();
        }

        var end = await Next();

        Assert.That((end.Kind, end.Name, end.Exit!.Signal), Is.EqualTo((ContainerEventKind.Exited, "orphan", (int?)9)));
    }

    [Test]
    public async Task Unnamed_containers_and_what_was_there_before_are_nobody_s_news()
    {
        await Shell("true").RunAsync();
        await using var named = await Shell("true").WithName("named").CreateAsync();

        Assert.That((await Next()).Name, Is.EqualTo("named"));
    }

    private static async Task PumpAsync(IAsyncEnumerable<ContainerEvent> events, ChannelWriter<ContainerEvent> into)
    {
        await foreach (var happened in events)
        {
            into.TryWrite(happened);
        }
    }

    private async Task<ContainerEvent> Next() => await _events.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));
}

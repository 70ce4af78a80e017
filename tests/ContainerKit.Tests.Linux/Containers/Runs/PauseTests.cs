using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Runs;

/// <summary>Containers that stand still, for those who look at them and those who want something of them.</summary>
internal sealed class PauseTests : DetachedFixture
{
    [SetUp]
    public void RequireFreezer()
    {
        Needs.Root();
        Needs.CgroupController("freezer");
    }

    [Test]
    public async Task Nothing_is_started_in_one_that_is_paused_by_whichever_process([Values] bool detached, [Values] bool pausedElsewhere)
    {
        await using var running = await Shell("sleep 1000").WithStatistics().WithName("still").StartAsync(new StartOptions { Detached = detached });
        await using var other = await OpenHost();
        await using var found = (await other.FindContainerAsync("still"))!;
        await using var attached = await found.AttachAsync();
        await (pausedElsewhere ? attached : running).PauseAsync();

        var refusal = Assert.ThrowsAsync<IsolationException>(() => running.ExecAsync(["true"]))!;
        var paused = ((await running.Container.GetStateAsync()).Status, (await found.GetStateAsync()).Status);
        await running.ResumeAsync();

        Assert.That(refusal.Message, Is.EqualTo("The container 'still' is paused, and so nothing can be started in it."));
        Assert.That(refusal.Hint, Does.Contain("ResumeAsync"));
        Assert.That(paused, Is.EqualTo((ContainerStatus.Paused, ContainerStatus.Paused)));
        Assert.That((await running.ExecAsync(["true"])).ExitStatus.ExitCode, Is.Zero);
        Assert.That((await found.GetStateAsync()).Status, Is.EqualTo(ContainerStatus.Running));
    }

    [Test]
    public async Task While_one_is_paused_its_health_stays_what_it_was()
    {
        var check = HealthCheck.Command("true") with { Interval = TimeSpan.FromMilliseconds(20), Retries = 1 };
        await using var running = await Shell("sleep 1000").WithStatistics().WithHealthCheck(check).WithReadiness(Ready.WhenHealthy()).StartAsync();
        await running.PauseAsync();
        await Task.Delay(300);

        Assert.That(running.Health!.Status, Is.EqualTo(HealthStatus.Healthy));
        await running.ResumeAsync();
    }

    [Test]
    public async Task A_program_that_is_started_while_a_layer_is_read_waits_for_that()
    {
        await using var running = await Shell("dd if=/dev/zero of=/tmp/large bs=1M count=40 2>/dev/null; echo ready; sleep 1000").WithStatistics().StartAsync();
        await NextLine(running);
        var commit = running.Container.CommitAsync("read:1");
        var exec = Task.Run(() => running.ExecAsync(["true"]));

        await commit;

        Assert.That((await exec).ExitStatus.ExitCode, Is.Zero);
    }
}

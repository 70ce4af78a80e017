using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Runs;

/// <summary>Detached containers that are counted and paused, by whichever process.</summary>
[TestFixture("overlay", UserNamespaceMode.Default)]
[TestFixture("overlay", UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class DetachedStatisticsTests(string driver, UserNamespaceMode userNamespace) : DetachedFixture
{
    protected override string Driver => driver;

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [Test]
    public async Task With_statistics_it_is_counted_watched_and_paused_from_anywhere()
    {
        Needs.Root();
        Needs.CgroupController("memory");
        Needs.CgroupController("freezer");
        await using var first = await Shell("i=0; while true; do i=$((i+1)); echo $i; sleep 0.02; done").WithStatistics().WithName("counted").StartAsync(Detached);
        await using var other = await OpenHost();
        await using var running = await (await other.FindContainerAsync("counted"))!.AttachAsync();
        var watched = new List<ContainerStats>();
        await foreach (var stats in running.WatchStatsAsync(TimeSpan.FromMilliseconds(50)))
        {
            watched.Add(stats);
            if (watched.Count == 3)
            {
                break;
            }
        }

        await running.PauseAsync();
        var paused = await Log(running.Container);
        await Task.Delay(200);

        Assert.That(watched.Select(stats => stats.MemoryBytes), Has.All.GreaterThan(0));
        Assert.That(watched[2].CpuTime, Is.GreaterThan(watched[0].CpuTime!.Value));
        Assert.That(await Log(running.Container), Is.EqualTo(paused));
        await first.ResumeAsync();
        Assert.That(() => Log(running.Container).GetAwaiter().GetResult(), Has.Count.GreaterThan(paused.Count).After(5_000, 50));
    }

    [Test]
    public async Task What_another_process_has_paused_is_looked_at_stopped_and_removed_like_any_other()
    {
        Needs.Root();
        Needs.CgroupController("freezer");
        await using var looked = await Shell("echo $$ > /tmp/here; trap 'exit 5' TERM; while true; do sleep 0.02; done").WithStatistics().WithName("stopped").StartAsync(Detached);
        await using var removed = await Shell("sleep 1000").WithStatistics().WithName("removed").StartAsync(Detached);
        await using var other = await OpenHost();
        foreach (var name in new[] { "stopped", "removed" })
        {
            await using var running = await (await other.FindContainerAsync(name))!.AttachAsync();
            await running.PauseAsync();
        }

        await looked.Container.CommitAsync("looked-at:1");
        var isStill = FreezerState(looked.Container.Id);
        await removed.Container.DisposeAsync();
        await (await other.FindContainerAsync("removed"))!.RemoveAsync(force: true);
        var stopped = await looked.StopAsync(TimeSpan.FromSeconds(20));

        Assert.That(isStill, Is.EqualTo("FROZEN"));
        Assert.That(stopped.ExitCode, Is.EqualTo(5));
        Assert.That(() => Directory.Exists(Freezer(looked.Container.Id)), Is.False.After(5_000, 20));
    }

    [Test]
    public async Task Without_a_control_group_it_says_what_gives_it_one()
    {
        await using var running = await Shell("sleep 1000").WithName("uncounted").StartAsync(Detached);

        var refusal = Assert.ThrowsAsync<HostCapabilityException>(() => running.GetStatsAsync());

        Assert.That(refusal.Hint, Does.Contain("WithStatistics"));
    }

    // The fixture of this machine has version 1.
    private static string Freezer(string id) => $"/sys/fs/cgroup/freezer/containerkit/{id}";

    private static string FreezerState(string id) => File.ReadAllText(Path.Combine(Freezer(id), "freezer.state")).Trim();
}

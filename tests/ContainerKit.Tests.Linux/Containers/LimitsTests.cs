using ContainerKit.Isolation;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers;

/// <summary>Limits that are changed of what runs, and of what will.</summary>
internal sealed class LimitsTests : DetachedFixture
{
    [Test]
    public async Task A_limit_changes_while_the_program_runs_and_a_restart_keeps_it()
    {
        NeedsLimits();
        await using var running = await Shell("sleep 1000").WithName("web").WithMemoryLimit(64 << 20).StartAsync(Detached);
        await using var other = await OpenHost();
        await using var elsewhere = (await other.FindContainerAsync("web"))!;

        await elsewhere.UpdateLimitsAsync(new ResourceLimits { MemoryBytes = 96 << 20 });
        var changed = (await running.GetStatsAsync()).MemoryLimitBytes;
        await running.StopAsync(TimeSpan.Zero);
        await using var again = await running.Container.StartAsync(Detached);
        var kept = (await again.GetStatsAsync()).MemoryLimitBytes;

        Assert.That((changed, kept, again.Container.Settings.Limits.MemoryBytes), Is.EqualTo((96L << 20, 96L << 20, 96L << 20)));
    }

    [Test]
    public async Task What_does_not_run_is_written_down_and_the_rest_stays()
    {
        await using var container = await Shell("true").WithName("idle").WithLimits(new ResourceLimits { MemoryBytes = 64 << 20, CpuSet = "0", CpuWeight = 50 }).CreateAsync();

        await container.UpdateLimitsAsync(new ResourceLimits { Pids = 20, CpuWeight = 200 });

        await using var other = await OpenHost();
        await using var found = (await other.FindContainerAsync("idle"))!;
        Assert.That(found.Settings.Limits, Is.EqualTo(new ResourceLimits { MemoryBytes = 64 << 20, CpuSet = "0", CpuWeight = 200, Pids = 20 }));
        Assert.That(container.Settings.Limits, Is.EqualTo(found.Settings.Limits));
    }

    [Test]
    public async Task What_runs_without_the_controller_is_refused_and_nothing_is_written_down()
    {
        NeedsLimits();
        await using var without = await Shell("sleep 1000").WithName("free").StartAsync(Detached);
        await using var counted = await Shell("sleep 1000").WithName("other").WithProcessLimit(20).StartAsync(Detached);

        var noGroup = Assert.ThrowsAsync<HostCapabilityException>(() => without.UpdateLimitsAsync(new ResourceLimits { Pids = 20 }));
        var noController = Assert.ThrowsAsync<HostCapabilityException>(() => counted.UpdateLimitsAsync(new ResourceLimits { CpuQuota = 1 }));

        Assert.That(noGroup.Message, Is.EqualTo("The limits of the container 'free' cannot be changed while it runs: it has no control group."));
        Assert.That((noController.Capability, noController.Hint), Is.EqualTo(("cgroup-cpu", "Change them while it does not run, and start it again.")));
        Assert.That(counted.Container.Settings.Limits, Is.EqualTo(new ResourceLimits { Pids = 20 }));
    }

    [Test]
    public async Task A_limit_below_what_is_used_is_refused_and_the_program_lives_on()
    {
        NeedsLimits();
        await using var running = await Shell("x=$(head -c 20m /dev/zero | tr '\\0' x); echo grown; sleep 1000").WithName("grown").WithMemoryLimit(128 << 20).StartAsync(Detached);
        await NextLine(running);

        var refusal = Assert.ThrowsAsync<IsolationException>(() => running.UpdateLimitsAsync(new ResourceLimits { MemoryBytes = 8 << 20 }));

        Assert.That(refusal.Message, Does.Contain("'memory'").And.Contain("more than 8388608"));
        Assert.That((await running.GetStatsAsync()).MemoryLimitBytes, Is.EqualTo(128L << 20));
        Assert.That(running.WaitForExitAsync().IsCompleted, Is.False);
    }

    [Test]
    public async Task Limits_that_contradict_what_stays_are_refused()
    {
        await using var container = await Shell("true").WithName("both").WithLimits(new ResourceLimits { MemoryBytes = 64 << 20, MemorySwapBytes = 64 << 20 }).CreateAsync();

        Assert.That(() => container.UpdateLimitsAsync(new ResourceLimits { MemoryBytes = 128 << 20 }), Throws.ArgumentException);

        Assert.That(container.Settings.Limits.MemoryBytes, Is.EqualTo(64L << 20));
    }

    private static void NeedsLimits()
    {
        Needs.Root();
        Needs.CgroupController("memory");
        Needs.CgroupController("pids");
    }
}

using System.Diagnostics;
using ContainerKit.Containers.Health;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Health;

/// <summary>Health checks, run in containers by whoever holds them.</summary>
[TestFixture(UserNamespaceMode.Default)]
[TestFixture(UserNamespaceMode.SingleId, Category = "Modes")]
internal sealed class HealthTests(UserNamespaceMode userNamespace) : DetachedFixture
{
    private static readonly HealthCheck IsUp = HealthCheck.Command("cat", "/tmp/up") with { Interval = TimeSpan.FromMilliseconds(50), Retries = 2 };

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [Test]
    public async Task Health_follows_the_check([Values] bool detached)
    {
        await using var running = await Shell("sleep 1000").WithName("checked").WithHealthCheck(IsUp).StartAsync(new StartOptions { Detached = detached });
        var atFirst = running.Health!;
        await Until(running, HealthStatus.Unhealthy);
        var failing = running.Health!;
        await running.Files.WriteAllTextAsync("/tmp/up", "all is well");
        await Until(running, HealthStatus.Healthy);

        Assert.That((atFirst.Status, atFirst.Checked), Is.EqualTo((HealthStatus.Starting, (DateTimeOffset?)null)));
        Assert.That((failing.FailingStreak, failing.ExitCode), Is.EqualTo((2, 1)));
        Assert.That(failing.Output, Does.Contain("/tmp/up"));
        Assert.That((running.Health!.ExitCode, running.Health.Output), Is.EqualTo((0, "all is well")));
        Assert.That((await running.Container.GetStateAsync()).Health!.Status, Is.EqualTo(HealthStatus.Healthy));
    }

    [Test]
    public void On_a_full_disk_nothing_is_known_rather_than_what_was_before()
    {
        Needs.Root();
        using var directory = new TemporaryDirectory();
        var disk = directory.MakeDirectory("disk");
        Support.Shell.Run("mount", "-t", "tmpfs", "-o", "size=16k", "none", disk);
        var first = HealthFile.TryWrite(disk, new ContainerHealth { Status = HealthStatus.Healthy });
        Support.Shell.Script("cat /dev/zero > \"$1\"/ballast 2>/dev/null || true", disk);

        var reason = HealthFile.TryWrite(disk, new ContainerHealth { Status = HealthStatus.Unhealthy, Output = new string('x', 4096) });

        Assert.That(first, Is.Null);
        Assert.That(reason, Does.Contain("No space left"));
        Assert.That(HealthFile.TryRead(disk), Is.Null);
        Assert.That(Directory.GetFiles(disk).Select(Path.GetFileName), Is.EqualTo(new[] { "ballast" }));
    }

    [Test]
    public async Task Started_can_mean_healthy()
    {
        var slow = IsUp with { Interval = TimeSpan.FromMinutes(10), StartInterval = TimeSpan.FromMilliseconds(50), Retries = 100 };
        await using var running = await Shell("sleep 0.3; echo ok > /tmp/new; mv /tmp/new /tmp/up; sleep 1000").WithHealthCheck(slow).WithReadiness(Ready.WhenHealthy()).StartAsync();

        Assert.That(running.Health!.Output, Is.EqualTo("ok\n"));
    }

    [Test]
    public async Task A_check_that_takes_too_long_has_failed_and_is_ended()
    {
        var slow = HealthCheck.Command("sleep", "999") with { Interval = TimeSpan.FromMilliseconds(50), Timeout = TimeSpan.FromMilliseconds(200), Retries = 1 };
        await using var running = await Shell("sleep 1000").WithHealthCheck(slow).StartAsync();
        await Until(running, HealthStatus.Unhealthy);

        Assert.That((running.Health!.ExitCode, running.Health.Output), Is.EqualTo(((int?)null, "It took more than 0.2 seconds.")));
    }

    [Test]
    public async Task A_check_that_cannot_be_run_says_why()
    {
        await using var running = await Shell("sleep 1000").WithHealthCheck(HealthCheck.Command("/no/such/check") with { Interval = TimeSpan.FromMilliseconds(50), Retries = 1 }).StartAsync();
        await Until(running, HealthStatus.Unhealthy);

        Assert.That(running.Health!.Output, Does.Contain("/no/such/check"));
    }

    [Test]
    public async Task In_the_start_period_failures_do_not_count()
    {
        var patient = IsUp with { StartInterval = TimeSpan.FromMilliseconds(20), StartPeriod = TimeSpan.FromMinutes(10), Retries = 1 };
        await using var running = await Shell("sleep 1000").WithHealthCheck(patient).StartAsync();
        await Until(running, health => health.Checked is not null);
        var starting = running.Health!;
        await running.Files.WriteAllTextAsync("/tmp/up", "");
        await Until(running, HealthStatus.Healthy);
        await running.Files.DeleteAsync("/tmp/up");
        await Until(running, HealthStatus.Unhealthy);

        Assert.That((starting.Status, starting.FailingStreak), Is.EqualTo((HealthStatus.Starting, 0)));
    }

    [Test]
    public async Task Who_watches_and_who_attaches_hears_of_it()
    {
        await using var other = await OpenHost();
        using var over = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var events = other.WatchContainersAsync(over.Token).GetAsyncEnumerator();
        var next = events.MoveNextAsync();
        await Task.Delay(200);
        await using (await Shell("echo > /tmp/up; sleep 1000").WithName("watched").WithHealthCheck(IsUp).StartAsync(Detached))
        {
            while (await next && events.Current.Kind != ContainerEventKind.HealthChanged)
            {
                next = events.MoveNextAsync();
            }
        }

        var container = (await other.FindContainerAsync("watched"))!;
        await container.Files.DeleteAsync("/tmp/up");
        await using var attached = await container.AttachAsync();
        await Until(attached, HealthStatus.Unhealthy);

        Assert.That((events.Current.Name, events.Current.Health), Is.EqualTo(("watched", (HealthStatus?)HealthStatus.Healthy)));
        await over.CancelAsync();
    }

    [Test]
    public async Task Without_a_check_nothing_is_known_and_nobody_waits_for_it()
    {
        await using var running = await Shell("sleep 1000").WithHealthCheck(HealthCheck.None).StartAsync();

        Assert.That(running.Health, Is.Null);
        Assert.ThrowsAsync<InvalidOperationException>(() => running.WaitUntilReadyAsync(Ready.WhenHealthy()));
    }

    private static Task Until(RunningContainer running, HealthStatus status) => Until(running, health => health.Status == status);

    private static async Task Until(RunningContainer running, Func<ContainerHealth, bool> condition)
    {
        for (var watch = Stopwatch.StartNew(); !condition(running.Health!); await Task.Delay(10))
        {
            Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(30)), $"It is {running.Health}.");
        }
    }
}

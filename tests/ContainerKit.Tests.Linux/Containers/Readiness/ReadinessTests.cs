using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;
using ContainerKit.Tests.Linux.Networking;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Readiness;

/// <summary>A start that returns when the program is ready, and says what it knows when it will not be.</summary>
[TestFixture(UserNamespaceMode.Default)]
[TestFixture(UserNamespaceMode.SubordinateIds, Category = "Modes")]
[TestFixture(UserNamespaceMode.SingleId, Category = "Modes")]
internal sealed class ReadinessTests(UserNamespaceMode mode) : NetworkFixture
{
    private static readonly StartOptions Detached = new() { Detached = true };

    protected override UserNamespaceMode UserNamespace => mode;

    [OneTimeSetUp]
    public void LeaveTheSingleIdToThoseWhoHaveNoMore()
    {
        if (mode == UserNamespaceMode.SingleId)
        {
            Needs.OrdinaryUser();
        }
    }

    [Test]
    public async Task A_start_returns_when_the_port_listens()
    {
        await using var running = await Script("sleep 0.3; busybox nc -ll -p 5432 -e busybox cat").WithReadiness(Ready.WhenListening(5432)).StartAsync();

        await using var stream = await running.OpenTcpAsync(5432);

        Assert.That(await Say(stream, "at once"), Is.EqualTo("at once"));
    }

    [Test]
    public async Task What_it_wrote_before_it_was_ready_is_read_in_full()
    {
        await using var running = await Script("i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done; echo up; echo and running; echo also >&2; sleep 1000")
            .WithReadiness(Ready.WhenLogged("running")).StartAsync();

        using var output = new StreamReader(running.StandardOutput);
        var lines = new List<string>();
        while (lines.LastOrDefault() != "and running")
        {
            lines.Add((await output.ReadLineAsync())!);
        }

        Assert.That(lines, Is.EqualTo(Enumerable.Range(0, 30000).Select(i => $"line {i}").Append("up").Append("and running")));
        using var error = new StreamReader(running.StandardError);
        Assert.That(await error.ReadLineAsync(), Is.EqualTo("also"));
    }

    [Test]
    public async Task A_text_can_be_waited_for_more_than_once_and_in_pieces()
    {
        await using var running = await Script("echo ready; echo ready >&2; printf rea; sleep 0.2; printf dy; touch /second; sleep 1000")
            .WithReadiness(Ready.WhenLogged("ready", times: 2, OutputSource.StandardOutput)).StartAsync();

        Assert.That(async () => await running.Files.ExistsAsync("/second"), Is.True.After(5000, 20));
    }

    [Test]
    public async Task A_pattern_is_tried_on_lines()
    {
        await using var running = await Script("echo listening on port 5; echo listening on port 8080; sleep 1000")
            .WithReadiness(Ready.WhenLogged(new Regex(@"^listening on port \d{4}$"))).StartAsync();

        Assert.That(running.ProcessId, Is.Positive);
    }

    [Test]
    public void A_pattern_that_takes_for_ever_ends_the_wait()
    {
        var container = Script("i=0; while [ $i -lt 40 ]; do printf a; i=$((i+1)); done; echo !; sleep 1000");

        var failure = Assert.ThrowsAsync<ContainerNotReadyException>(() => container.WithReadiness(Ready.WhenLogged(new Regex("^(a+)+$", RegexOptions.None, TimeSpan.FromMilliseconds(100)))).StartAsync());

        Assert.That(failure.Message, Does.Contain("a line took longer than 0.1 seconds to match"));
    }

    [Test]
    public async Task A_web_server_is_ready_when_it_answers()
    {
        await using var running = await Script("sleep 0.2; busybox httpd -f -p 80 -h /www")
            .WithReadiness(Ready.WhenHttp(80, "/index.html").And(Ready.WhenHttp(80, "/nothing", HttpStatusCode.NotFound))).StartAsync();

        using var client = new HttpClient(running.CreateHttpHandler());
        Assert.That(await client.GetStringAsync(new Uri("http://web/index.html")), Is.EqualTo("from inside\n"));
    }

    [Test]
    public async Task Files_commands_and_functions_are_asked_until_they_say_yes()
    {
        var asked = 0;
        await using var running = await Script("sleep 0.2; touch /done; sleep 1000")
            .WithReadiness(Ready.WhenExists("/done").And(Ready.WhenCommand("busybox", "test", "-e", "/done")).And(Ready.When((_, _) => Task.FromResult(++asked == 3)))).StartAsync();

        Assert.That(asked, Is.EqualTo(3));
    }

    [Test]
    public async Task One_of_two_is_enough_and_a_lost_one_leaves_the_other()
    {
        var port = Ready.WhenListening(1).Within(TimeSpan.FromMilliseconds(50));

        await using var running = await Script("sleep 0.3; echo up; sleep 1000").WithReadiness(port.Or(Ready.WhenLogged("up"))).StartAsync();

        Assert.That(running.ProcessId, Is.Positive);
    }

    [Test]
    public async Task An_end_before_it_is_ready_says_how_and_shows_the_last_words_and_the_changes()
    {
        var failure = Assert.ThrowsAsync<ContainerNotReadyException>(() => Script("touch /left; echo starting; echo no disk >&2; exit 3")
            .WithReadiness(Ready.WhenListening(5432).And(Ready.WhenLogged("ready"))).StartAsync());

        Assert.That(failure.ExitStatus!.ExitCode, Is.EqualTo(3));
        Assert.That(failure.OutOfMemory, Is.False);
        Assert.That(failure.LastLines.Select(line => line.Content), Is.EquivalentTo(new[] { "starting", "no disk" }));
        Assert.That(failure.Changes!.Select(change => change.Path), Does.Contain("/left"));
        Assert.That(failure.Message, Does.Match("(?s)exited with code 3 before it was ready: nothing listens on port 5432, and 'ready' was not logged\\. .*no disk"));
        Assert.That(await UnnamedContainers(), Is.Zero);
    }

    [Test]
    public async Task When_time_is_up_the_container_goes()
    {
        var failure = Assert.ThrowsAsync<ContainerNotReadyException>(() => Script("echo waiting; sleep 1000")
            .WithReadiness(Ready.WhenListening(5432).Within(TimeSpan.FromMilliseconds(300))).StartAsync());

        Assert.That(failure.ExitStatus, Is.Null);
        Assert.That(failure.Message, Does.Match("(?s)was not ready after 0\\.\\d seconds: nothing listens on port 5432\\. .*waiting"));
        Assert.That(failure.Changes, Is.Not.Null);
        Assert.That(await UnnamedContainers(), Is.Zero);
    }

    [Test]
    public async Task Endless_output_without_a_line_end_takes_bounded_memory_and_ends_the_wait()
    {
        var failure = Assert.ThrowsAsync<ContainerNotReadyException>(() => Busybox("cat", "/dev/zero").WithMaxCapturedBytes(1 << 20)
            .WithReadiness(Ready.WhenLogged("ready").And(Ready.WhenLogged(new Regex("ready")))).StartAsync());

        Assert.That(failure.Message, Does.Contain("when it had written 1048576 bytes that nobody reads"));
        Assert.That(failure.LastLines, Has.Count.EqualTo(1));
        Assert.That(failure.LastLines[0].Content, Has.Length.LessThan(2100));
        Assert.That(await UnnamedContainers(), Is.Zero);
    }

    [Test]
    public void A_web_server_that_never_answers_holds_nobody_up()
    {
        var watch = Stopwatch.StartNew();

        var failure = Assert.ThrowsAsync<ContainerNotReadyException>(() => Busybox("nc", "-ll", "-p", "80", "-e", "busybox", "sleep", "1000")
            .WithReadiness(Ready.WhenHttp(80).Within(TimeSpan.FromSeconds(1))).StartAsync());

        Assert.That(failure.Message, Does.Contain("GET / on port 80 does not answer as it should"));
        Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(9)));
    }

    [Test]
    public async Task Somebody_who_reads_can_wait_at_the_same_time()
    {
        await using var running = await Script("i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done; echo ready; sleep 0.2; echo end").StartAsync();
        var reading = running.ReadLinesAsync().Select(line => line.Content).ToListAsync();

        await running.WaitUntilReadyAsync(Ready.WhenLogged("ready"));
        await running.WaitUntilReadyAsync(Ready.WhenLogged("ready"));

        Assert.That(await reading, Is.EqualTo(Enumerable.Range(0, 5000).Select(i => $"{i}").Append("ready").Append("end")));
    }

    [Test]
    public async Task A_cancelled_wait_leaves_a_running_container_alone()
    {
        await using var running = await Script("sleep 1000").StartAsync();
        using var soon = new CancellationTokenSource(100);

        Assert.ThrowsAsync(Is.InstanceOf<OperationCanceledException>(), () => running.WaitUntilReadyAsync(Ready.WhenListening(1), soon.Token));

        Assert.That((await running.ExecAsync(["busybox", "true"])).ExitStatus.IsSuccess, Is.True);
    }

    [Test]
    public async Task A_detached_container_is_waited_for_and_its_earlier_runs_do_not_count()
    {
        var description = Script("echo ready; sleep 0.3; touch /up; echo go; sleep 1000").WithName($"detached-{mode}");
        await using var container = await description.WithReadiness(Ready.WhenLogged("ready").And(Ready.WhenLogged("go"))).CreateAsync();
        try
        {
            for (var run = 0; run < 2; run++)
            {
                await using var running = await container.StartAsync(Detached);
                Assert.That(await running.Files.ExistsAsync("/up"), Is.True);
                await running.Files.DeleteAsync("/up");
                await running.KillAsync();
                await running.WaitForExitAsync();
            }
        }
        finally
        {
            await container.RemoveAsync(force: true);
        }
    }

    [Test]
    public async Task A_detached_container_that_does_not_become_ready_is_removed()
    {
        var failure = Assert.ThrowsAsync<ContainerNotReadyException>(() => Script("echo last words; sleep 1000").WithName($"late-{mode}")
            .WithReadiness(Ready.WhenListening(1).Within(TimeSpan.FromMilliseconds(300))).StartAsync(Detached));

        Assert.That(failure.LastLines.Select(line => line.Content), Is.EqualTo(new[] { "last words" }));
        Assert.That(await Host.FindContainerAsync($"late-{mode}"), Is.Null);
    }

    private ContainerBuilder Script(string script) => Busybox("sh", "-c", script);

    private Task<int> UnnamedContainers() => Task.FromResult(Directory.GetDirectories(Path.Combine(StoreDirectory, "containers")).Length);
}

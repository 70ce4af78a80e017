using System.Text.Json.Nodes;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Samples;

/// <summary>Containers that run on while no ckit does.</summary>
[Category("Slow")]
internal sealed class CkitDetachedTests : CkitFixture
{
    [TearDown]
    public void RemoveContainer() => Output("rm", "-f", "web");

    [Test]
    public void One_is_started_looked_at_stopped_and_started_again()
    {
        var id = Output("run", "-d", "--name", "web", "box:1", "sh", "-c", "trap 'echo bye; exit 3' TERM; echo up; echo oops >&2; while :; do sleep 0.05; done");

        Assert.That(id, Has.Length.EqualTo(64));
        Assert.That(() => Ckit("logs", "web").Output, Is.EqualTo("up\n").After(5_000, 100));
        Assert.That(Ckit("logs", "web").Error, Is.EqualTo("oops\n"));
        Assert.That(Output("ps"), Does.Match("Up .*web"));
        Assert.That(Ckit("exec", "-e", "COLOUR=red", "web", "sh", "-c", "echo $COLOUR; exit 4"), Is.EqualTo(new ShellResult(4, "red\n", "")));
        Assert.That(Output("stop", "web"), Is.EqualTo("web"));
        Assert.That(Output("wait", "web"), Is.EqualTo("3"));
        Assert.That(Output("ps", "-a"), Does.Contain("Exited (3)"));
        Assert.That(Output("logs", "--tail", "1", "web"), Is.EqualTo("bye"));
        Assert.That(Output("logs", "--until", "1h", "web"), Is.Empty);
        Assert.That(Output("start", "web"), Is.EqualTo("web"));
        Assert.That(State()["Running"]!.GetValue<bool>(), Is.True);
        Assert.That(Output("kill", "-s", "TERM", "web"), Is.EqualTo("web"));
        Assert.That(Output("wait", "web"), Is.EqualTo("3"));
    }

    [Test]
    public void One_that_fails_is_started_again_as_often_as_it_may_be_and_inspection_counts()
    {
        Output("run", "-d", "--name", "web", "--restart", "on-failure:2", "--health-cmd", "true", "--health-interval", "10s", "box:1", "sh", "-c", "echo run; exit 5");

        Assert.That(Output("wait", "web"), Is.EqualTo("5"));
        Assert.That(Output("logs", "web"), Is.EqualTo("run\nrun\nrun"));
        Assert.That(JsonNode.Parse(Output("inspect", "web"))!.AsArray()[0]!["RestartCount"]!.GetValue<int>(), Is.EqualTo(2));
        Assert.That(Ckit("run", "--restart", "sometimes", "box:1", "true").Error, Does.Contain("'sometimes'"));
        Assert.That(Ckit("run", "--health-retries", "3", "box:1", "true").Error, Does.Contain("--health-cmd"));
    }

    [Test]
    public void A_log_is_followed_to_its_end()
    {
        Output("run", "-d", "--name", "web", "box:1", "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done");

        Assert.That(Output("logs", "-f", "web"), Is.EqualTo("1\n2\n3"));
    }

    [Test]
    public void One_with_a_control_group_is_counted_and_paused()
    {
        Needs.Root();
        Needs.CgroupController("memory");
        Needs.CgroupController("freezer");
        Output("run", "-d", "--stats", "--name", "web", "box:1", "sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done");

        var stats = JsonNode.Parse(Output("stats", "--no-stream", "--json", "web"))!.AsArray()[0]!;
        Output("pause", "web");
        var paused = Output("logs", "web");
        Thread.Sleep(300);

        Assert.That(stats["MemoryBytes"]!.GetValue<long>(), Is.Positive);
        Assert.That(Output("logs", "web"), Is.EqualTo(paused));
        Output("unpause", "web");
        Assert.That(() => Output("logs", "web"), Is.Not.EqualTo(paused).After(5_000, 100));
    }

    [Test]
    public void What_cannot_be_is_said_in_a_sentence()
    {
        Output("create", "--name", "web", "box:1", "true");

        Assert.That(Ckit("exec", "web", "true").Error, Is.EqualTo("ckit: The container 'web' is not running. Start it first: ckit start web\n"));
        Assert.That(Ckit("kill", "-s", "NOSUCH", "web").Error, Does.StartWith("ckit: The container 'web' is not running."));
        Assert.That(Ckit("run", "-d", "--rm", "box:1", "true").ExitCode, Is.EqualTo(125));
        Assert.That(Ckit("run", "-d", "-p", "0:80", "--name", "ports", "box:1", "true").Error, Does.Contain("cannot be detached"));
        Assert.That(Ckit("run", "-d", "--log-size", "1k", "box:1", "true").Error, Does.Contain("too small"));
        Assert.That(Output("wait", "web"), Is.EqualTo("0"));
    }

    private JsonNode State() => JsonNode.Parse(Output("inspect", "web"))!.AsArray()[0]!["State"]!;
}

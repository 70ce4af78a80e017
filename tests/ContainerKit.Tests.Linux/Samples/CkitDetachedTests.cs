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
    public void A_policy_is_changed_while_it_runs_and_inspection_shows_it()
    {
        Output("run", "-d", "--name", "web", "box:1", "sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.05; done; echo run; exit 5");

        Assert.That(Output("update", "--restart", "on-failure:1", "web"), Is.EqualTo("web"));
        Output("exec", "web", "touch", "/tmp/go");

        Assert.That(Output("wait", "web"), Is.EqualTo("5"));
        Assert.That(Output("logs", "web"), Is.EqualTo("run\nrun"));
        Assert.That(JsonNode.Parse(Output("inspect", "web"))!.AsArray()[0]!["HostConfig"]!["RestartPolicy"]!["MaximumRetryCount"]!.GetValue<int>(), Is.EqualTo(1));
        Assert.That(Ckit("update", "web").Error, Does.Contain("Nothing is to change"));
        Assert.That(Ckit("update", "--restart", "sometimes", "web").Error, Does.Contain("'sometimes'"));
    }

    [Test]
    public void A_log_is_followed_to_its_end()
    {
        Output("run", "-d", "--name", "web", "box:1", "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done");

        Assert.That(Output("logs", "-f", "web"), Is.EqualTo("1\n2\n3"));
    }

    [Test]
    public void Who_attaches_sees_what_comes_and_feeds_it_and_ends_as_it_does()
    {
        Output("run", "-d", "-i", "--name", "web", "box:1", "sh", "-c", "echo before; read line; echo got $line; echo oops >&2; exit 6");
        Assert.That(() => Output("logs", "web"), Is.EqualTo("before").After(5_000, 100));

        using var attached = Start("attach", "web");
        attached.StandardInput.Write("typed\n");
        attached.StandardInput.Close();
        attached.WaitForExit();

        Assert.That(attached.ExitCode, Is.EqualTo(6));
        Assert.That(attached.StandardOutput.ReadToEnd(), Is.EqualTo("got typed\n"));
        Assert.That(attached.StandardError.ReadToEnd(), Is.EqualTo("oops\n"));
        Assert.That(Ckit("attach", "web"), Is.EqualTo(new ShellResult(125, "", "ckit: The container 'web' is not running. Start it first: ckit start web\n")));
    }

    [Test]
    public void Who_attaches_passes_signals_on_or_leaves_by_them()
    {
        Output("run", "-d", "--name", "web", "box:1", "sh", "-c", "trap 'echo hurt; exit 4' INT; echo up; while :; do sleep 0.05; done");
        using var leaving = Start("attach", "--sig-proxy=false", "--tail", "1", "web");
        Assert.That(leaving.StandardOutput.ReadLine(), Is.EqualTo("up"));
        Interrupt(leaving);

        Assert.That(leaving.ExitCode, Is.EqualTo(130));
        Assert.That(State()["Running"]!.GetValue<bool>(), Is.True);
        using var staying = Start("attach", "--no-stdin", "--tail", "1", "web");
        Assert.That(staying.StandardOutput.ReadLine(), Is.EqualTo("up"));
        Interrupt(staying);

        Assert.That(staying.ExitCode, Is.EqualTo(4));
        Assert.That(staying.StandardOutput.ReadToEnd(), Is.EqualTo("hurt\n"));

        static void Interrupt(System.Diagnostics.Process process)
        {
            Support.Shell.Run("kill", "-INT", $"{process.Id}");
            process.WaitForExit();
        }
    }

    [Test]
    public void Who_cannot_be_attached_to_is_told_why()
    {
        using var running = Start("run", "--name", "web", "box:1", "sh", "-c", "echo up; sleep 1000");
        Assert.That(running.StandardOutput.ReadLine(), Is.EqualTo("up"));

        var refused = Ckit("attach", "web");

        Assert.That((refused.ExitCode, refused.Error), Is.EqualTo((125, "ckit: The container 'web' cannot be attached to: it runs in the foreground of another process, which has its streams. Start it with run --detach, or start.\n")));
        Assert.That(Ckit("attach", "--tail", "-1", "web").Error, Does.Contain("'-1'"));
        running.Kill();
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
    public void A_detached_container_is_removed_once_it_has_ended_when_it_was_to_be()
    {
        var id = Output("run", "-d", "--rm", "--name", "web", "box:1", "sleep", "1000");
        Assert.That(Output("ps"), Does.Contain("web"));

        Output("kill", "web");

        Assert.That(() => Output("ps", "-a"), Does.Not.Contain("web").After(10_000, 100));
        Assert.That(Ckit("inspect", id).ExitCode, Is.EqualTo(125));
    }

    [Test]
    public void What_was_to_be_removed_goes_also_when_ckit_is_killed()
    {
        using var process = Start("run", "--rm", "--name", "web", "box:1", "sh", "-c", "echo up; sleep 1000");
        Assert.That(process.StandardOutput.ReadLine(), Is.EqualTo("up"));

        process.Kill();
        process.WaitForExit();

        Assert.That(() => Output("ps", "-a"), Does.Not.Contain("web").After(10_000, 100));
    }

    [Test]
    public void What_cannot_be_is_said_in_a_sentence()
    {
        Output("create", "--name", "web", "box:1", "true");

        Assert.That(Ckit("exec", "web", "true").Error, Is.EqualTo("ckit: The container 'web' is not running. Start it first: ckit start web\n"));
        Assert.That(Ckit("kill", "-s", "NOSUCH", "web").Error, Does.StartWith("ckit: The container 'web' is not running."));
        Assert.That(Ckit("run", "-d", "-p", "0:80", "--name", "ports", "box:1", "true").Error, Does.Contain("cannot be detached"));
        Assert.That(Ckit("run", "-d", "--log-size", "1k", "box:1", "true").Error, Does.Contain("too small"));
        Assert.That(Output("wait", "web"), Is.EqualTo("0"));
    }

    private JsonNode State() => JsonNode.Parse(Output("inspect", "web"))!.AsArray()[0]!["State"]!;
}

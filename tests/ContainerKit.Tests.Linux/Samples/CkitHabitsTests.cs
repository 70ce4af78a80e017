using System.Text.Json.Nodes;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Samples;

/// <summary>What those expect of ckit who know docker.</summary>
[Category("Slow")]
internal sealed class CkitHabitsTests : CkitFixture
{
    [TearDown]
    public void RemoveContainer() => Output("rm", "-f", "web");

    [Test]
    public void A_paused_container_shows_it_and_refuses_what_would_hang()
    {
        Needs.Root();
        Needs.CgroupController("freezer");
        Output("run", "-d", "--stats", "--name", "web", "box:1", "sleep", "1000");
        Output("pause", "web");

        var refusal = Ckit("exec", "web", "true");
        var state = JsonNode.Parse(Output("inspect", "web"))!.AsArray()[0]!["State"]!;
        var (listed, start) = (Output("ps"), Ckit("start", "web"));
        Output("unpause", "web");

        Assert.That(refusal, Is.EqualTo(new ShellResult(125, "", "ckit: The container 'web' is paused, and so nothing can be started in it. Let it go on first: ResumeAsync (ckit unpause).\n")));
        Assert.That((state["Status"]!.GetValue<string>(), state["Paused"]!.GetValue<bool>(), state["Running"]!.GetValue<bool>()), Is.EqualTo(("paused", true, true)));
        Assert.That(listed, Does.Match(@"Up .* \(Paused\) +web"));
        Assert.That((start.ExitCode, start.Error), Is.EqualTo((125, "ckit: The container 'web' is paused. Let it go on: ckit unpause web\n")));
        Assert.That(Ckit("exec", "web", "true").ExitCode, Is.Zero);
    }

    [Test]
    public void A_start_of_what_runs_changes_nothing()
    {
        Output("run", "-d", "--name", "web", "box:1", "sleep", "1000");
        var before = Output("ps", "--json");

        Assert.That(Output("start", "web"), Is.EqualTo("web"));
        Assert.That(JsonNode.Parse(Output("ps", "--json"))![0]!["ID"]!.GetValue<string>(), Is.EqualTo(JsonNode.Parse(before)![0]!["ID"]!.GetValue<string>()));
    }

    [Test]
    public void Logs_of_what_was_never_detached_are_an_error_and_not_nothing()
    {
        Output("run", "--name", "web", "box:1", "echo", "gone");

        var result = Ckit("logs", "web");

        Assert.That((result.ExitCode, result.Output), Is.EqualTo((125, "")));
        Assert.That(result.Error, Does.StartWith("ckit: The container 'web' has no log: it was never detached, and what it wrote went to whoever had started it."));
    }

    [Test]
    public void A_program_that_cannot_start_in_a_container_is_the_sentences_subject()
    {
        Output("run", "-d", "--name", "web", "box:1", "sleep", "1000");

        var result = Ckit("exec", "web", "nosuch");

        Assert.That(result.ExitCode, Is.EqualTo(127));
        Assert.That(result.Error, Does.StartWith("ckit: The program 'nosuch' cannot start in the container: find 'nosuch' in PATH"));
    }

    [Test]
    public void A_health_check_that_nobody_runs_is_said_and_not_shown_as_starting()
    {
        var result = Ckit("run", "-d", "--name", "web", "--health-cmd", "true", "box:1", "sleep", "1000");

        Assert.That(result.Error, Does.StartWith("Health checks run while a process is attached: 'ckit attach web'"));
        Assert.That(Output("ps"), Does.Match("Up .*web").And.Not.Contain("health"));
    }

    [Test]
    public void Containers_that_do_not_run_are_pruned_on_demand()
    {
        Output("run", "-d", "--name", "web", "box:1", "sleep", "1000");
        Output("run", "--name", "ended", "box:1", "true");
        Output("create", "--name", "never", "box:1", "true");

        var kept = Output("prune");
        var removed = Output("prune", "--containers");

        Assert.That(kept, Does.Not.Contain("ended"));
        Assert.That(removed.Split('\n')[..2], Is.EquivalentTo(new[] { "ended", "never" }));
        Assert.That(Output("ps", "-a"), Does.Contain("web").And.Not.Contain("ended").And.Not.Contain("never"));
    }
}

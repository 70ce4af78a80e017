using System.Diagnostics;

namespace ContainerKit.Tests.Linux.Samples;

/// <summary>A container, <c>live</c>, that one ckit runs while another is asked about it.</summary>
[Category("Slow")]
internal sealed class CkitLiveContainerTests : CkitFixture
{
    private Process _ckit = null!;

    [SetUp]
    public void StartContainer()
    {
        _ckit = Start("run", "--name", "live", "box:1", "sh", "-c", "echo ready; sleep 600");
        Assert.That(_ckit.StandardOutput.ReadLine(), Is.EqualTo("ready"));
    }

    [TearDown]
    public void EndContainer()
    {
        _ckit?.Kill();
        _ckit?.WaitForExit();
        _ckit?.Dispose();
        Ckit("rm", "-f", "live");
    }

    [Test]
    public void It_is_not_removed_without_force()
    {
        var result = Ckit("rm", "live");

        Assert.That(result, Is.EqualTo(new Support.ShellResult(125, "", "ckit: The container 'live' is running. Stop it first, or use rm -f.\n")));
        Assert.That(Output("ps"), Does.Contain("live"));
    }

    [Test]
    public void With_force_it_is_ended_and_removed()
    {
        Assert.That(Output("rm", "-f", "live"), Is.EqualTo("live"));

        _ckit.WaitForExit();
        Assert.That(_ckit.ExitCode, Is.EqualTo(137));
        Assert.That(Output("ps", "-a"), Does.Not.Contain("live"));
    }

    [Test]
    public void One_that_removes_itself_is_removed_by_force_just_once()
    {
        using var other = Start("run", "--rm", "--name", "fleeting", "box:1", "sh", "-c", "echo ready; sleep 600");
        other.StandardOutput.ReadLine();

        Assert.That(Output("rm", "-f", "fleeting"), Is.EqualTo("fleeting"));

        other.WaitForExit();
        Assert.That(other.ExitCode, Is.EqualTo(137));
        Assert.That(Ckit("check").ExitCode, Is.Zero);
    }

    [Test]
    public void Its_files_are_looked_at_and_kept_and_programs_are_run_beside_it()
    {
        Assert.That(Output("exec", "live", "sh", "-c", "echo new > /new; cat /new"), Is.EqualTo("new"));
        Assert.That(Output("diff", "live").Split('\n'), Has.Member("A /new"));
        Assert.That(Output("commit", "live", "box:live"), Is.EqualTo("box:live"));
        Assert.That(Output("run", "--rm", "box:live", "cat", "/new"), Is.EqualTo("new"));
    }

    [Test]
    public void A_killed_ckit_leaves_a_container_that_is_removed_as_any_other()
    {
        _ckit.Kill();
        _ckit.WaitForExit();

        Assert.That(() => Ckit("rm", "live").ExitCode, Is.Zero.After(5000, 100));
    }
}

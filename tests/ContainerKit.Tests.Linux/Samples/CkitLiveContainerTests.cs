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

    [TestCase("diff", "live")]
    [TestCase("commit", "live", "box:live")]
    [TestCase("cp", "live:/etc/motd", "no-such-directory")]
    public void What_needs_its_files_says_who_has_them(params string[] arguments)
    {
        var result = Ckit(arguments);

        Assert.That(result, Is.EqualTo(new Support.ShellResult(
            125, "", "ckit: The container 'live' runs in another process. Its files are that process's alone until it ends.\n")));
    }

    [Test]
    public void A_killed_ckit_leaves_a_container_that_is_removed_as_any_other()
    {
        _ckit.Kill();
        _ckit.WaitForExit();

        Assert.That(() => Ckit("rm", "live").ExitCode, Is.Zero.After(5000, 100));
    }
}

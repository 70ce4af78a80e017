using System.Diagnostics;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Samples;

internal sealed class CkitRunTests : CkitFixture
{
    [Test]
    public void Both_outputs_and_the_exit_code_are_the_programs_own()
    {
        var result = Ckit("run", "--rm", "box:1", "sh", "-c", "echo out; echo err >&2; exit 3");

        Assert.That(result, Is.EqualTo(new ShellResult(3, "out\n", "err\n")));
    }

    [Test]
    public void Whatever_follows_the_image_belongs_to_the_program()
    {
        Assert.That(RunInBox([], "echo", "--name", "x", "-e", "--rm", "@file"), Is.EqualTo("--name x -e --rm @file"));
    }

    [Test]
    public void Environment_directory_and_host_name_are_as_asked_for()
    {
        var output = RunInBox(["-e", "KEY=a value", "-w", "/etc", "--hostname", "web"], "sh", "-c", "echo $KEY; pwd; hostname");

        Assert.That(output, Is.EqualTo("a value\n/etc\nweb"));
    }

    [Test]
    public void The_program_runs_as_the_user_that_was_asked_for()
    {
        Needs.That(Environment.IsPrivilegedProcess || HasRange(), "there is no range of subordinate ids for this user");

        Assert.That(RunInBox(["-u", "www"], "id", "-u"), Is.EqualTo("33"));
    }

    [Test]
    public void A_read_only_root_cannot_be_written_and_a_tmpfs_can()
    {
        var output = RunInBox(["--read-only", "--tmpfs", "/tmp:size=1m"], "sh", "-c", "touch /etc/x 2>/dev/null || echo refused; touch /tmp/x && echo written");

        Assert.That(output, Is.EqualTo("refused\nwritten"));
    }

    [Test]
    public void A_directory_of_the_host_is_shown_and_can_be_protected()
    {
        File.WriteAllText(Path.Combine(HostDirectory, "shown"), "from the host");

        var output = RunInBox(["-v", $"{HostDirectory}:/data:ro"], "sh", "-c", "cat /data/shown; touch /data/x 2>/dev/null || echo ' refused'");

        Assert.That(output, Is.EqualTo("from the host refused"));
    }

    [Test]
    public void Standard_input_goes_in_when_asked_for()
    {
        var output = Shell.Script("""printf 'one\ntwo\n' | "$1" --root "$2" run --rm -i box:1 cat""", SamplePrograms.PathOf("ckit"), Store);

        Assert.That(output, Is.EqualTo("one\ntwo"));
    }

    [Test]
    public void It_ends_when_nobody_reads_any_more()
    {
        var output = Shell.Script("""set +o pipefail; timeout 60 "$1" --root "$2" run --rm box:1 yes 2>/dev/null | head -n 1""", SamplePrograms.PathOf("ckit"), Store);

        Assert.That(output, Is.EqualTo("y"));
    }

    [Test]
    public void A_signal_reaches_the_program()
    {
        const string script = """
            exec 3< <("$1" --root "$2" run --rm box:1 sh -c 'trap "echo caught; exit 7" TERM; echo ready; while :; do sleep 0.1; done' || echo "code $?")
            read -r line <&3; kill -TERM "$(pgrep -P $! -x ckit || echo $!)"; cat <&3
            """;
        Assert.That(Shell.Script(script, SamplePrograms.PathOf("ckit"), Store), Is.EqualTo("caught\ncode 7"));
    }

    [Test]
    public void The_container_ends_with_ckit_even_when_that_is_killed()
    {
        var marker = $"{Environment.ProcessId}{TestContext.CurrentContext.Random.Next(1000)}";
        var start = new ProcessStartInfo(SamplePrograms.PathOf("ckit"), ["--root", Store, "run", "--rm", "box:1", "sh", "-c", $"echo ready; sleep {marker}"])
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        process.StandardOutput.ReadLine();

        process.Kill();
        process.WaitForExit();

        Assert.That(() => Shell.Try("pgrep", "-f", $"sleep {marker}").Output, Is.Empty.After(5000, 50));
    }

    [Test]
    public void Limits_are_applied()
    {
        Needs.Root();
        Needs.CgroupController("pids");

        var result = Ckit("run", "--rm", "-m", "64m", "--cpus", "0.5", "--pids-limit", "8", "box:1", "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1 & done; wait");

        Assert.That(result.Error, Does.Contain("can't fork").IgnoreCase);
    }

    [TestCase(127, "no-such-program")]
    [TestCase(126, "/etc/text")]
    public void A_program_that_cannot_be_started_is_one_sentence_and_dockers_exit_code(int exitCode, string program)
    {
        var result = Ckit("run", "--rm", "box:1", program);

        Assert.That(result.ExitCode, Is.EqualTo(exitCode), result.Error);
        Assert.That(result.Output, Is.Empty);
        Assert.That(result.Error.Trim().Split('\n'), Has.Length.EqualTo(1).And.One.StartsWith("ckit: "));
    }

    [TestCase("run", "--rm", "no/such:image", "true")]
    [TestCase("run", "--rm", "--no-such-option", "box:1")]
    [TestCase("run", "--rm", "-m", "much", "box:1", "true")]
    [TestCase("run", "--rm", "-v", "/no/such/place:/x", "box:1", "true")]
    [TestCase("diff", "nobody")]
    [TestCase("no-such-command")]
    public void A_failure_of_our_own_is_one_sentence_and_exit_code_125(params string[] arguments)
    {
        var result = Ckit(arguments);

        Assert.That(result.ExitCode, Is.EqualTo(125), result.Error);
        Assert.That(result.Output, Is.Empty);
        Assert.That(result.Error.Trim().Split('\n'), Has.Length.EqualTo(1).And.One.StartsWith("ckit: "));
    }

    [Test]
    public void A_container_that_removes_itself_leaves_nothing()
    {
        RunInBox(["--name", "gone"], "true");

        Assert.That(Ckit("diff", "gone").ExitCode, Is.EqualTo(125));
    }

    private string Store => Path.Combine(HostDirectory, "store");

    private static bool HasRange() => Shell.Try("unshare", "-U", "--map-users=auto", "--map-groups=auto", "true").ExitCode == 0;
}

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

    [Category("Slow")]
    [TestCase("USR1")]
    [TestCase("USR2")]
    [TestCase("CONT")]
    [TestCase("WINCH")]
    public void A_signal_that_tells_the_program_something_reaches_it(string signal)
    {
        using var process = Start("run", "--rm", "box:1", "sh", "-c", $"trap 'echo told; exit 7' {signal}; echo ready; while :; do sleep 0.1; done");
        process.StandardOutput.ReadLine();

        Support.Shell.Run("kill", $"-{signal}", $"{process.Id}");

        Assert.That(process.StandardOutput.ReadToEnd(), Is.EqualTo("told\n"));
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.EqualTo(7));
    }

    [Test]
    public void No_processors_are_no_limit() => Assert.That(RunInBox(["--cpus", "0"], "echo", "unlimited"), Is.EqualTo("unlimited"));

    [Test]
    public void Limits_of_a_process_and_the_size_of_shared_memory_are_as_they_were_asked_for()
    {
        Assert.That(RunInBox(["--ulimit", "nofile=64:128"], "sh", "-c", "ulimit -Sn; ulimit -Hn"), Is.EqualTo("64\n128"));
        Assert.That(RunInBox(["--shm-size", "1m"], "sh", "-c", "df -k /dev/shm | tail -1 | awk '{ print $2 }'"), Is.EqualTo("1024"));
    }

    [Test]
    public void Variables_of_a_file_are_set_and_those_of_the_command_line_come_after_them()
    {
        var file = Path.Combine(HostDirectory, "variables");
        File.WriteAllText(file, "# Comments and empty lines are none.\n\nFIRST=a b=\"c\"\nSECOND=file\n");

        Assert.That(RunInBox(["--env-file", file, "-e", "SECOND=line"], "sh", "-c", "echo $FIRST; echo $SECOND"), Is.EqualTo("a b=\"c\"\nline"));
    }

    [Test]
    public async Task A_published_port_leads_to_the_program()
    {
        using var process = Start("run", "--rm", "-p", "80", "box:1", "busybox", "nc", "-l", "-p", "80", "-e", "busybox", "echo", "from inside");
        var sentence = await process.StandardError.ReadLineAsync() ?? "";
        Assert.That(sentence, Does.Match("^Port 80 is published on 127.0.0.1:[0-9]+.$"));
        var port = int.Parse(sentence.Split(':')[1].TrimEnd('.'), System.Globalization.CultureInfo.InvariantCulture);

        Assert.That(() => Support.Shell.Try("busybox", "nc", "127.0.0.1", $"{port}").Output, Is.EqualTo("from inside").Or.EqualTo("from inside\n").After(20_000, 50));
    }

    [Category("Slow")]
    [Test]
    public void A_script_without_its_interpreter_is_told_from_one_that_is_not_there()
    {
        Output("create", "--name", "scripted", "box:1", "/etc/script");
        File.WriteAllText(Path.Combine(HostDirectory, "script"), "#!/usr/bin/python3\n");
        File.SetUnixFileMode(Path.Combine(HostDirectory, "script"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Output("cp", Path.Combine(HostDirectory, "script"), "scripted:/etc/script");
        Output("commit", "scripted", "scripted:1");

        Assert.That(Ckit("run", "--rm", "scripted:1"), Is.EqualTo(new ShellResult(
            127, "", "ckit: The container cannot start: '/etc/script' needs the interpreter '/usr/bin/python3', which is not in the container.\n")));
    }

    [TestCase("The value of --user is empty: give one, or leave the option out.", "run", "--user", "", "box:1", "true")]
    [TestCase("The value of --hostname is empty: give one, or leave the option out.", "run", "--hostname", "", "box:1", "true")]
    [TestCase("'=x' sets no variable: there is no name in front of '='.", "run", "-e", "=x", "box:1", "true")]
    [TestCase("There cannot be -1 processors; 0.5 is half of one, and 0 is no limit.", "run", "--cpus=-1", "box:1", "true")]
    [TestCase("A host name has at most 64 bytes, and 'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg' has more.",
        "run", "--hostname", "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg", "box:1", "true")]
    [TestCase("A host name has letters, digits, '-', '_' and '.', and 'a b' has something else.", "run", "--hostname", "a b", "box:1", "true")]
    [TestCase("'nofile=5:3' is no limit: 5 is more than 3.", "run", "--ulimit", "nofile=5:3", "box:1", "true")]
    [TestCase("'nofile' is no limit: write NAME=SOFT or NAME=SOFT:HARD, such as nofile=1024:2048.", "run", "--ulimit", "nofile", "box:1", "true")]
    [TestCase("/dev/shm cannot have the size '0'; 64m and 1g are such.", "run", "--shm-size", "0", "box:1", "true")]
    [TestCase("There is no network 'container:x': 'container:x' is no name for a network: it has 1 to 63 letters, digits, '_', '.' and '-', and begins with a letter or digit.",
        "run", "--network", "container:x", "box:1", "true")]
    [TestCase("'80:x' publishes no port: write HOST:CONTAINER, CONTAINER for any free port of the host, or ADDRESS:HOST:CONTAINER.", "run", "-p", "80:x", "box:1", "true")]
    [TestCase("'53:53/udp' cannot be published: only TCP ports can.", "run", "-p", "53:53/udp", "box:1", "true")]
    [TestCase("There is no container ''. See 'ckit ps -a'.", "rm", "")]
    [TestCase("There is no image ''. See 'ckit images'.", "inspect", "--type", "image", "")]
    public void What_cannot_be_is_refused_in_words_about_the_command(string sentence, params string[] arguments) =>
        Assert.That(Ckit(arguments), Has.Property("ExitCode").EqualTo(125).And.Property("Error").EqualTo($"ckit: {sentence}\n"));

    [Test]
    public void An_empty_root_is_not_taken_for_the_usual_one() => Assert.That(
        SamplePrograms.Run("ckit", ["--root", "", "images"]),
        Is.EqualTo(new ShellResult(125, "", "ckit: The value of --root is empty: give a directory, or leave the option out.\n")));

    [Test]
    public void A_store_that_cannot_be_opened_is_another_word_for_another_root()
    {
        File.WriteAllText(Path.Combine(HostDirectory, "file"), "");

        Assert.That(CkitIn("file", "images").Error, Does.EndWith(". Choose another directory with --root.\n"));
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

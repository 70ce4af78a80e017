using System.Diagnostics;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers;

internal sealed class RunTests : ContainerFixture
{
    [Test]
    public async Task A_program_runs_and_its_output_comes_back()
    {
        var result = await Shell("echo out; echo err >&2").RunAsync();

        Assert.That((result.StandardOutput, result.StandardError), Is.EqualTo(("out\n", "err\n")));
    }

    [Test]
    public void A_program_that_fails_is_an_exception_with_what_it_said()
    {
        var failure = Assert.ThrowsAsync<CommandFailedException>(() => Shell("echo nothing works >&2; exit 7").RunAsync());

        Assert.That(failure.Result.ExitStatus.ExitCode, Is.EqualTo(7));
        Assert.That(failure.Message, Does.Contain("exited with code 7").And.Contain("nothing works"));
    }

    [Test]
    public async Task An_exit_code_is_just_a_number_to_those_who_say_so()
    {
        var result = await Shell("exit 7").WithExitCheck(ExitCheck.None).RunAsync();

        Assert.That(result.ExitStatus.ExitCode, Is.EqualTo(7));
    }

    [Test]
    public async Task A_signal_that_ends_the_program_is_told_from_an_exit_code()
    {
        await using var running = await Shell("sleep 1000").StartAsync();

        await running.KillAsync();

        var exit = await running.WaitForExitAsync();
        Assert.That((exit.ExitCode, exit.Signal, exit.ShellCode), Is.EqualTo(((int?)null, 9, 137)));
    }

    [Test]
    public void A_missing_program_is_127()
    {
        var failure = Assert.ThrowsAsync<IsolationException>(() => Host.Container(Tools).WithCommand("no-such-program").RunAsync());

        Assert.That(failure.ExitCode, Is.EqualTo(127));
        Assert.That(failure.Message, Does.Contain("no-such-program"));
    }

    [Test]
    public void A_file_that_cannot_be_executed_is_126()
    {
        var failure = Assert.ThrowsAsync<IsolationException>(() => Host.Container(Tools).WithCommand("/etc/motd").RunAsync());

        Assert.That(failure.ExitCode, Is.EqualTo(126));
    }

    [Test]
    public async Task A_device_that_the_container_makes_opens_nothing_wherever_it_makes_it()
    {
        Needs.Root();

        var result = await Shell("for place in / /dev /bound /memory; do mknod $place/zero-of-mine c 1 5 && ! head -c 1 $place/zero-of-mine 2> /dev/null && echo $place; done; head -c 1 /dev/zero > /dev/null")
            .WithBindMount(HostDirectory, "/bound").WithTmpfs("/memory").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("/\n/dev\n/bound\n/memory\n"));
    }

    [Test]
    public async Task Cancelling_an_exec_ends_all_that_it_began_and_nothing_else()
    {
        await using var container = await Shell("sleep 2001 & sleep 2002").StartAsync();
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));

        var exec = container.ExecAsync(["sh", "-c", "sleep 2003 & (sleep 2004 & sleep 2005) & sleep 2006"], soon.Token);

        Assert.That(() => exec, Throws.InstanceOf<OperationCanceledException>());
        var left = await container.ExecAsync(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o 'sleep 200[0-9]' | sort -u"]);
        Assert.That(left.StandardOutput, Is.EqualTo("sleep 2001\nsleep 2002\n"));
    }

    [Test]
    public async Task A_program_that_joins_a_container_that_has_ended_is_told_so()
    {
        await using var container = await Shell("true").StartAsync();
        await container.WaitForExitAsync();

        Assert.That(() => container.ExecAsync(["true"]), Throws.InstanceOf<ContainerKitException>().With.Message.Contains("has ended"));
    }

    [Test]
    public async Task A_host_that_was_disposed_of_makes_no_container()
    {
        var host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = StoreDirectory });
        var description = host.Container(Tools).WithCommand("true");
        await host.DisposeAsync();

        Assert.That(() => description.RunAsync(), Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public async Task An_exec_that_is_cancelled_while_it_starts_leaves_nothing_either()
    {
        await using var container = await Shell("sleep 2001").StartAsync();
        for (var patience = 0; patience < 30; patience++)
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(patience));
            Assert.That(() => container.ExecAsync(["sh", "-c", "sleep 2003 & sleep 2004 & wait"], soon.Token), Throws.InstanceOf<OperationCanceledException>());
        }

        var left = await container.ExecAsync(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o 'sleep 200[0-9]' | sort -u"]);
        Assert.That(left.StandardOutput, Is.EqualTo("sleep 2001\n"));
    }

    [TestCase("/")]
    [TestCase("//./")]
    [TestCase("/proc")]
    [TestCase("/proc/sys/kernel")]
    [TestCase("/sys")]
    public void What_a_container_needs_itself_cannot_be_mounted_over(string path)
    {
        Assert.That(() => Shell("true").WithBindMount(HostDirectory, path), Throws.ArgumentException);
        Assert.That(() => Shell("true").WithTmpfs(path), Throws.ArgumentException);
    }

    [Test]
    public void A_memory_limit_that_no_program_could_start_with_is_refused_at_once()
    {
        Assert.That(() => Shell("true").WithMemoryLimit(1 << 20), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public async Task Standard_input_reaches_the_program_and_ends()
    {
        var result = await Host.Container(Tools).WithCommand("cat").WithStandardInput("fed").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("fed"));
    }

    [Test]
    public async Task Without_standard_input_a_program_that_reads_ends_at_once()
    {
        var result = await Host.Container(Tools).WithCommand("cat").RunAsync();

        Assert.That(result.StandardOutput, Is.Empty);
    }

    [Test]
    public async Task The_environment_is_the_descriptions_over_the_images_over_the_default()
    {
        var image = await Host.BuildFrom(Tools).WithEnvironment("A", "image").WithEnvironment("B", "image").BuildAsync("environment");

        var result = await Host.Container(image).WithCommand("env").WithEnvironment("B", "description").WithHostname("web").RunAsync();

        Assert.That(
            result.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries),
            Is.EquivalentTo(new[] { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=web", "HOME=/root", "A=image", "B=description" }));
    }

    [Test]
    public async Task The_program_sees_only_itself_as_process_1_of_a_host_of_its_own()
    {
        var result = await Shell("echo $$; hostname; ls /proc | while read p; do case $p in [0-9]*) echo $p;; esac; done | head -c 1").WithHostname("web").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("1\nweb\n1"));
    }

    [Test]
    public async Task The_working_directory_is_made_when_it_is_not_there()
    {
        var result = await Shell("pwd").WithWorkingDirectory("/srv/deep/down").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("/srv/deep/down\n"));
    }

    [Test]
    public async Task A_bind_mount_shows_a_directory_of_the_host()
    {
        File.WriteAllText(Path.Combine(HostDirectory, "given"), "from the host");

        var result = await Shell("cat /data/given; echo back > /data/taken").WithBindMount(HostDirectory, "/data").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("from the host"));
        Assert.That(File.ReadAllText(Path.Combine(HostDirectory, "taken")), Is.EqualTo("back\n"));
    }

    [Test]
    public void A_read_only_bind_mount_stays_as_it_is()
    {
        var failure = Assert.ThrowsAsync<CommandFailedException>(() => Shell("echo x > /data/new").WithBindMount(HostDirectory, "/data", readOnly: true).RunAsync());

        Assert.That(failure.Result.StandardError, Does.Contain("Read-only file system"));
    }

    [Test]
    public async Task A_mount_at_a_symlink_that_leads_out_stays_inside()
    {
        var image = await Host.BuildFrom(Tools).AddFile("/prepare", "").BuildAsync("links");
        await using var container = await Host.Container(image).WithCommand("cat", "/etc/motd").WithTmpfs("/leak/deep").CreateAsync();
        await container.Files.CreateSymbolicLinkAsync("/leak", $"../../../../../../../..{HostDirectory}");
        await container.Files.CreateDirectoryAsync(HostDirectory);

        await using var running = await container.StartAsync();

        Assert.That((await running.WaitForExitAsync()).ExitCode, Is.Zero);
        Assert.That(Directory.Exists(Path.Combine(HostDirectory, "deep")), Is.False);
    }

    [Test]
    public async Task A_tmpfs_is_empty_writable_and_gone_afterwards()
    {
        await using var container = await Shell("touch /run/here && ls /run").WithTmpfs("/run", sizeBytes: 1 << 20).CreateAsync();

        await using (var running = await container.StartAsync())
        {
            Assert.That((await running.WaitForExitAsync()).ExitCode, Is.Zero);
        }

        Assert.That(await container.Files.ExistsAsync("/run/here"), Is.False);
    }

    [Test]
    public async Task A_read_only_root_cannot_be_written_but_its_mounts_can()
    {
        var result = await Shell("touch /run/yes && echo mounted; touch /no || echo refused").WithReadOnlyRoot().WithTmpfs("/run").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("mounted\nrefused\n"));
    }

    [Test]
    public void A_user_that_the_image_does_not_have_is_an_error()
    {
        Assert.That(() => Shell("id").WithUser("nobody-there").RunAsync(), Throws.TypeOf<ImageException>().With.Message.Contains("nobody-there"));
    }

    [Test]
    public async Task A_user_runs_with_the_groups_that_the_image_gives()
    {
        Needs.Root();

        var result = await Shell("id -u; id -g; id -G; echo $HOME").WithUser("www").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("33\n33\n33 4\n/var/www\n"));
    }

    [Test]
    public async Task Lines_come_as_they_are_written_and_from_both_streams()
    {
        await using var running = await Shell("echo one; echo two >&2; printf three").StartAsync();

        var lines = new List<OutputLine>();
        await foreach (var line in running.ReadLinesAsync())
        {
            lines.Add(line);
        }

        Assert.That(lines, Is.EquivalentTo(new[] { new OutputLine(false, "one"), new OutputLine(true, "two"), new OutputLine(false, "three") }));
    }

    [Test]
    public void More_output_than_allowed_is_an_error_and_ends_the_program()
    {
        Assert.That(
            () => Shell("while true; do echo more; done").WithMaxCapturedBytes(100_000).RunAsync(),
            Throws.TypeOf<ContainerKitException>().With.Message.Contains("100000 bytes"));
    }

    [Test]
    public void Cancelling_ends_the_container()
    {
        using var cancellation = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        var watch = Stopwatch.StartNew();

        Assert.That(() => Shell("sleep 1000").RunAsync(cancellation.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(30)));
    }

    [Test]
    public async Task What_holds_a_NUL_is_refused_in_its_own_words()
    {
        var image = await Host.BuildFrom(Tools).WithEnvironment("SPLIT", "one\0two").BuildAsync("split:1");

        Assert.That(() => Host.Container(image).WithCommand("true").RunAsync(), Throws.TypeOf<ImageException>().With.Message.EqualTo(
            "Cannot start a container of 'split:1': 'SPLIT=one' goes on with a NUL character, which no program can be given."));
    }

    [Test]
    public async Task A_further_program_joins_the_container()
    {
        await using var running = await Shell("echo mine > /tmp/file; sleep 1000").WithHostname("shared").StartAsync();

        CommandResult result;
        do
        {
            result = await running.ExecAsync(["sh", "-c", "hostname; [ -s /tmp/file ] && cat /tmp/file"]);
        }
        while (!result.ExitStatus.IsSuccess);

        Assert.That(result.StandardOutput, Is.EqualTo("shared\nmine\n"));
    }

    [Test]
    public async Task A_further_program_that_fails_is_a_result_and_one_that_is_missing_an_error()
    {
        await using var running = await Shell("sleep 1000").StartAsync();

        Assert.That((await running.ExecAsync(["sh", "-c", "exit 3"])).ExitStatus.ExitCode, Is.EqualTo(3));
        Assert.That(() => running.ExecAsync(["no-such-program"]), Throws.TypeOf<IsolationException>().With.Property("ExitCode").EqualTo(127));
    }

    [Test]
    public async Task A_child_that_keeps_the_pipes_open_holds_nobody_up()
    {
        await using var running = await Shell("sleep 1000").StartAsync();

        var result = await running.ExecAsync(["sh", "-c", "sleep 500 & echo done"]);

        Assert.That(result.StandardOutput, Is.EqualTo("done\n"));
    }

    [Test]
    public async Task Stopping_asks_first()
    {
        await using var running = await Shell("trap 'echo bye; exit 4' TERM; echo ready; while true; do sleep 0.01; done").StartAsync();
        using var output = new StreamReader(running.StandardOutput);
        Assert.That(await output.ReadLineAsync(), Is.EqualTo("ready"));

        var exit = await running.StopAsync();

        Assert.That(exit.ExitCode, Is.EqualTo(4));
        Assert.That(await output.ReadLineAsync(), Is.EqualTo("bye"));
    }

    [Test]
    public async Task Stopping_a_deaf_program_ends_it_after_the_grace()
    {
        await using var running = await Shell("trap '' TERM; sleep 1000").StartAsync();

        var exit = await running.StopAsync(TimeSpan.FromMilliseconds(200));

        Assert.That(exit.Signal, Is.EqualTo(9));
    }

    [Test]
    public async Task A_memory_limit_that_is_hit_is_reported_as_out_of_memory()
    {
        Needs.Root();
        Needs.CgroupController("memory");

        // Several at once: some have been killed before their host has begun to look.
        var greedy = Shell("dd if=/dev/zero of=/dev/null bs=200M count=1").WithMemoryLimit(32 << 20).WithExitCheck(ExitCheck.None);
        var results = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => greedy.RunAsync()));

        Assert.That(results, Has.All.Matches<CommandResult>(result => result.ExitStatus.OutOfMemory));
    }

    [Test]
    public async Task A_process_limit_refuses_one_too_many()
    {
        Needs.Root();
        Needs.CgroupController("pids");

        var result = await Shell("sleep 1 & sleep 1 & sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait").WithProcessLimit(4).WithExitCheck(ExitCheck.None).RunAsync();

        Assert.That(result.StandardError, Does.Contain("Cannot fork").Or.Contain("Resource temporarily unavailable"));
    }

    [Test]
    public async Task Twenty_containers_run_at_once()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Shell($"echo {i}; touch /only-mine; ls / | while read n; do case $n in only*) echo $n;; esac; done").RunAsync()));

        Assert.That(results.Select(result => result.StandardOutput), Is.EqualTo(Enumerable.Range(0, 20).Select(i => $"{i}\nonly-mine\n")));
    }
}

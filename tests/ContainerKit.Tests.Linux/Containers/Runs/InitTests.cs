namespace ContainerKit.Tests.Linux.Containers.Runs;

/// <summary>Programs whose parent is the generated init.</summary>
[TestFixture(UserNamespaceMode.Default)]
[TestFixture(UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture(UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class InitTests(UserNamespaceMode userNamespace) : ContainerFixture
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [TestCase("exit 0", 0)]
    [TestCase("exit 42", 42)]
    [TestCase("exit 255", 255)]
    [TestCase("kill -9 $$", 137)]
    [TestCase("kill -15 $$", 143)]
    public async Task The_init_ends_as_the_program_does(string script, int exitCode)
    {
        var result = await Shell(script).WithInit().WithExitCheck(ExitCheck.None).RunAsync().WaitAsync(Patience);

        Assert.That(result.ExitStatus.ExitCode, Is.EqualTo(exitCode));
    }

    [TestCase(true, 0)]
    [TestCase(false, 20)]
    public async Task Orphans_are_reaped_by_an_init_and_by_nobody_else(bool hasInit, int zombies)
    {
        var description = Host.Container(Tools).WithCommand("sleep", "100");
        await using var run = await (hasInit ? description.WithInit() : description).StartAsync();
        await run.ExecAsync(["sh", "-c", "i=0; while [ $i -lt 20 ]; do sleep 0.1 & i=$((i+1)); done"]);
        await Task.Delay(TimeSpan.FromSeconds(1));

        var result = await run.ExecAsync(["sh", "-c", "cat /proc/[0-9]*/stat | grep -c ' Z '"]);

        Assert.That(result.StandardOutput, Is.EqualTo($"{zombies}\n"));
        Assert.That(run.WaitForExitAsync().IsCompleted, Is.False);
    }

    [Test]
    public async Task A_program_that_handles_no_signal_is_ended_by_one()
    {
        await using var run = await Host.Container(Tools).WithCommand("sleep", "100").WithInit().StartAsync();

        var exit = await run.StopAsync(Patience).WaitAsync(Patience / 2);

        Assert.That(exit.ExitCode, Is.EqualTo(143));
    }

    [Test]
    public async Task Every_signal_reaches_the_program()
    {
        await using var run = await Shell("for s in HUP USR1 USR2 WINCH CONT; do trap \"echo $s\" $s; done; echo ready; while :; do sleep 0.05; done").WithInit().StartAsync();
        await using var lines = run.ReadLinesAsync().GetAsyncEnumerator();
        await lines.MoveNextAsync();

        var heard = new List<string>();
        foreach (var signal in new[] { "HUP", "USR1", "USR2", "WINCH", "CONT" })
        {
            await run.KillAsync(signal);
            await lines.MoveNextAsync().AsTask().WaitAsync(Patience);
            heard.Add(lines.Current.Content);
        }

        Assert.That(heard, Is.EqualTo(new[] { "HUP", "USR1", "USR2", "WINCH", "CONT" }));
    }

    [Test]
    public async Task The_init_has_nothing_open_and_the_program_runs_as_it_would_without()
    {
        var result = await Shell("echo $(ls /proc/1/fd); cat /proc/1/comm; grep CapEff /proc/1/status; grep CapEff /proc/self/status").WithInit().RunAsync();

        var lines = result.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(lines[..^2], Is.EqualTo(new[] { "0 1", "init" }));
        Assert.That(lines[^2], Is.EqualTo(lines[^1]));
    }

    [Test]
    public async Task Its_files_are_there_and_further_programs_join_it()
    {
        await using var run = await Host.Container(Tools).WithCommand("sleep", "100").WithInit().StartAsync();
        await run.Files.WriteAllTextAsync("/tmp/note", "from outside");

        var result = await run.ExecAsync(["cat", "/tmp/note"]);

        Assert.That(result.StandardOutput, Is.EqualTo("from outside"));
    }

    [Test]
    public void A_program_that_is_not_there_is_no_success()
    {
        Assert.That(
            async () => await Host.Container(Tools).WithCommand("nothing-of-that-name").WithInit().RunAsync(),
            Throws.TypeOf<IsolationException>().With.Property("ExitCode").EqualTo(127));
    }

    [Test]
    public async Task A_detached_one_is_found_and_stopped_by_others()
    {
        var description = Host.Container(Tools).WithName("with-init").WithCommand("sh", "-c", "trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done").WithInit();
        await using (var run = await description.StartAsync(new StartOptions { Detached = true }))
        {
            await foreach (var line in run.ReadLinesAsync())
            {
                break;
            }
        }

        await using var container = await Host.FindContainerAsync("with-init");
        await using var found = await container!.AttachAsync();
        var exit = await found!.StopAsync(Patience);
        await container.RemoveAsync();

        Assert.That(exit.ExitCode, Is.EqualTo(9));
    }
}

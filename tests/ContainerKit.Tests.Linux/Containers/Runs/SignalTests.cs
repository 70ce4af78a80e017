namespace ContainerKit.Tests.Linux.Containers.Runs;

/// <summary>Signals to a program and to all that it has begun.</summary>
[TestFixture(UserNamespaceMode.Default)]
[TestFixture(UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture(UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class SignalTests(UserNamespaceMode userNamespace) : ContainerFixture
{
    // Each tells once for each signal, and the outer one ends when the inner one has.
    private const string Family = "sh -c 'trap \"echo inner; exit\" TERM; echo up; while :; do sleep 0.05; done' & inner=$!; trap 'echo outer' TERM; while kill -0 $inner; do sleep 0.05; done; wait; echo over";

    private static readonly string[] Told = ["inner", "outer", "over"];

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [Test]
    public async Task All_of_a_container_get_a_signal_once([Values] bool hasInit)
    {
        var shell = Shell(Family);
        await using var running = await (hasInit ? shell.WithInit() : shell).StartAsync();
        using var output = new StreamReader(running.StandardOutput);
        Assert.That(await output.ReadLineAsync(), Is.EqualTo("up"));

        await running.KillAsync(15, entireProcessTree: true);

        Assert.That(await RestOf(output), Is.EquivalentTo(Told));
    }

    [Test]
    public async Task All_that_an_exec_has_begun_get_a_signal_once_and_nobody_else([Values] bool isKept)
    {
        await using var host = await OpenHost();
        if (isKept)
        {
            // From here on it makes no group for anybody, as where this user may make none.
            host.Containers.ExecGroups.Dispose();
        }

        await using var running = await host.Container(Tools).WithCommand("sh", "-c", "trap 'echo me, too' TERM; echo up; while :; do sleep 0.05; done").StartAsync();
        using var others = new StreamReader(running.StandardOutput);
        Assert.That(await others.ReadLineAsync(), Is.EqualTo("up"));
        await using var program = await running.StartExecAsync(["sh", "-c", Family]);
        using var output = new StreamReader(program.StandardOutput);
        Assert.That(await output.ReadLineAsync(), Is.EqualTo("up"));

        await program.KillAsync(15, entireProcessTree: true);

        Assert.That(await RestOf(output), Is.EquivalentTo(Told));
        await running.KillAsync(9);
        Assert.That(await others.ReadToEndAsync(), Is.Empty);
    }

    [Test]
    public async Task An_exec_that_does_not_end_when_it_is_asked_to_is_killed_with_its_children()
    {
        await using var running = await Host.Container(Tools).WithCommand("sleep", "1000").StartAsync();
        await using var deaf = await running.StartExecAsync(["sh", "-c", "trap '' TERM; sleep 4001 & echo up; wait; sleep 4002"]);
        await using var hearing = await running.StartExecAsync(["sh", "-c", "trap 'exit 4' TERM; echo up; while :; do sleep 0.05; done"]);
        foreach (var program in (ContainerProcess[])[deaf, hearing])
        {
            await program.StandardOutput.ReadExactlyAsync(new byte["up\n".Length]);
        }

        Assert.That((await hearing.StopAsync()).ExitCode, Is.EqualTo(4));
        Assert.That((await deaf.StopAsync(TimeSpan.FromMilliseconds(200))).Signal, Is.EqualTo(9));
        Assert.That(() => running.ExecAsync(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep 400[0-9]'"]).GetAwaiter().GetResult().StandardOutput, Is.EqualTo("0\n").After(5_000, 100));
    }

    private static async Task<string[]> RestOf(StreamReader output) =>
        (await output.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(60))).Split('\n', StringSplitOptions.RemoveEmptyEntries);
}

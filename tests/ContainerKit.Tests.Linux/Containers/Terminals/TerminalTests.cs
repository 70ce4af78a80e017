using System.Text;

namespace ContainerKit.Tests.Linux.Containers.Terminals;

/// <summary>Programs that have a terminal, of the container's own.</summary>
[TestFixture(UserNamespaceMode.Default)]
[TestFixture(UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture(UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class TerminalTests(UserNamespaceMode userNamespace) : ContainerFixture
{
    private const string CtrlC = "\x03";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // With a single id there is nobody but root.
    private bool HasUsers => userNamespace == UserNamespaceMode.SubordinateIds || (userNamespace == UserNamespaceMode.Default && Environment.IsPrivilegedProcess);

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [Test]
    public async Task A_program_has_a_terminal_of_the_containers_own_as_all_of_its_streams()
    {
        var result = await Shell("tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all; echo $TERM >&2; test -c /dev/console && echo console").WithTerminal(100, 30).RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("/dev/pts/0\r\n30 100\r\nall\r\nxterm\r\nconsole\r\n"));
        Assert.That(result.StandardError, Is.Empty);
    }

    [Test]
    public async Task Nothing_is_lost_that_a_program_writes_with_its_last_breath()
    {
        var result = await Shell("i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done").WithTerminal().RunAsync();

        Assert.That(result.StandardOutput, Does.StartWith("line 0\r\n").And.EndWith("line 1999\r\n"));
    }

    [Test]
    public async Task A_new_size_reaches_the_program()
    {
        await using var run = await Shell("trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done").WithTerminal().StartAsync();
        await ReadUntil(run.StandardOutput, "ready");

        await run.ResizeAsync(132, 43);

        Assert.That(await ReadUntil(run.StandardOutput, "\n"), Does.Contain("43 132"));
    }

    [Test]
    public async Task Ctrl_C_interrupts_the_program()
    {
        await using var run = await Shell("echo ready; exec sleep 100").WithTerminal().WithInit().StartAsync();
        await ReadUntil(run.StandardOutput, "ready");

        await run.StandardInput.WriteAsync(Encoding.ASCII.GetBytes(CtrlC));

        Assert.That((await run.WaitForExitAsync().WaitAsync(Patience)).ExitCode, Is.EqualTo(130));
    }

    [TestCase("half a line")]
    [TestCase("a line\n")]
    public async Task Disposing_of_the_input_is_its_end(string typed)
    {
        await using var run = await Shell("stty -echo; echo ready; cat; echo over").WithTerminal().StartAsync();
        await ReadUntil(run.StandardOutput, "ready\r\n");

        await run.StandardInput.WriteAsync(Encoding.ASCII.GetBytes(typed));
        await run.StandardInput.DisposeAsync();

        Assert.That(await ReadUntil(run.StandardOutput, "over\r\n"), Is.EqualTo($"{typed.Replace("\n", "\r\n", StringComparison.Ordinal)}over\r\n"));
        Assert.That((await run.WaitForExitAsync().WaitAsync(Patience)).ExitCode, Is.Zero);
    }

    [Test]
    public async Task A_further_program_has_a_terminal_that_is_its_users()
    {
        await using var run = await Shell("sleep 100").StartAsync();

        var result = await run.ExecAsync(
            ["sh", "-c", "stty size; stat -c %U $(tty); echo written > $(tty)"],
            new ExecOptions { Terminal = new TerminalSize(50, 10), User = HasUsers ? "www" : "root" });

        Assert.That(result.StandardOutput, Is.EqualTo($"10 50\r\n{(HasUsers ? "www" : "root")}\r\nwritten\r\n"));
    }

    [Test]
    public async Task A_further_program_is_interrupted_and_resized_by_its_own_terminal_alone()
    {
        await using var run = await Shell("echo up; exec sleep 100").WithTerminal(80, 24).StartAsync();
        await ReadUntil(run.StandardOutput, "up");
        await using var further = await run.StartExecAsync(["sh", "-c", "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done"], new ExecOptions { Terminal = TerminalSize.Usual });
        await ReadUntil(further.StandardOutput, "ready");

        await further.ResizeAsync(60, 20);
        var size = await ReadUntil(further.StandardOutput, "\n");
        await further.StandardInput.WriteAsync(Encoding.ASCII.GetBytes(CtrlC));

        Assert.That(size, Does.Contain("20 60"));
        Assert.That((await further.WaitForExitAsync().WaitAsync(Patience)).Signal, Is.EqualTo(2));
        Assert.That(run.WaitForExitAsync().IsCompleted, Is.False);
    }

    [Test]
    public async Task What_a_program_leaves_behind_in_its_terminal_hangs_nobody()
    {
        await using var run = await Shell("sleep 100").StartAsync();

        var result = await run.ExecAsync(["sh", "-c", "trap '' HUP; sleep 100 & echo over"], new ExecOptions { Terminal = TerminalSize.Usual }).WaitAsync(Patience);

        Assert.That(result.StandardOutput, Is.EqualTo("over\r\n"));
    }

    [Test]
    public async Task What_the_container_puts_in_the_place_of_its_terminals_is_no_terminal()
    {
        await using var run = await Shell("mount -t tmpfs none /dev/pts && mknod /dev/pts/ptmx p && echo up && exec sleep 100").WithCapability("SYS_ADMIN").StartAsync();
        await ReadUntil(run.StandardOutput, "up");

        Assert.That(
            async () => await run.ExecAsync(["true"], new ExecOptions { Terminal = TerminalSize.Usual }),
            Throws.TypeOf<IsolationException>().With.Message.Contains("terminal"));
    }

    [Test]
    public async Task Without_a_terminal_there_is_nothing_to_resize()
    {
        await using var run = await Shell("sleep 100").StartAsync();

        Assert.That(() => run.ResizeAsync(80, 24), Throws.InvalidOperationException.With.Message.Contains("WithTerminal"));
        Assert.That(() => Shell("true").WithTerminal(0, 24), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void A_detached_container_cannot_have_one_and_says_why()
    {
        var description = Shell("sleep 100").WithTerminal();

        Assert.That(
            async () => await description.StartAsync(new StartOptions { Detached = true }),
            Throws.TypeOf<HostCapabilityException>().With.Message.Contains("terminal, which hangs up").And.Property("Hint").Contains("StartExecAsync"));
    }

    private static async Task<string> ReadUntil(Stream output, string text)
    {
        var read = new StringBuilder();
        var buffer = new byte[256];
        using var patience = new CancellationTokenSource(Patience);
        while (!read.ToString().Contains(text, StringComparison.Ordinal) && await output.ReadAsync(buffer, patience.Token) is var count and > 0)
        {
            read.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }

        return read.ToString();
    }
}

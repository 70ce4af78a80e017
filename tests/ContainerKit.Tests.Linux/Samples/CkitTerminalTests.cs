using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Samples;

/// <summary>ckit in a real terminal: a window of tmux, in which a shell runs it as a user would.</summary>
internal sealed class CkitTerminalTests : CkitFixture
{
    // Spelled so that the window does not show it before the shell does.
    private const string Prompt = "PS1='i'n'> '";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private int _windows;
    private string _tmux = "";

    [SetUp]
    public void OpenWindow()
    {
        Needs.Program("tmux");
        _tmux = $"{HostDirectory}/tmux{++_windows}";
        Tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "env PS1='host> ' sh", ";", "set", "-g", "status", "off");
        Await("host>");
    }

    [TearDown]
    public void CloseWindow() => Tmux("kill-server");

    [Test]
    public void A_shell_in_a_container_is_used_like_any_other()
    {
        Type($"clear; {Command("run", "--rm", "-it", "-e", Prompt, "box:1", "sh")}");
        Await("in>");
        Type("stty size");
        Await("30 100");
        Tmux("resize-window", "-x", "90", "-y", "20");
        Type("sleep 1; stty size");
        Await("20 90");
        Type("echo up; sleep 100");
        Await("\nup");
        Press("C-z");
        Await("Stopped");
        Type("fg");
        Await("in> fg\nsleep 100");
        Press("C-c");
        Type("echo ended: $?");
        Await("ended: 130");
        Type("exit 7");
        Await("host>");
        Type("clear; echo status: $?; stty -a");

        Assert.That(Await("echoke"), Does.Contain("status: ").And.Match(@"\bicanon\b").And.Match(@"[^-]echo\b").And.Match(@"\bopost\b").And.Not.Match("-icanon"));
    }

    [Test]
    public void Ctrl_D_ends_a_shell_and_its_status_is_ckits()
    {
        Type($"clear; {Command("run", "--rm", "-it", "-e", Prompt, "box:1", "sh")}; echo status: $?");
        Await("in>");
        Type("false");
        Press("C-d");

        Await("status: 1");
    }

    [Test]
    public void A_further_program_is_attached_as_well()
    {
        Output("run", "-d", "--name", "server", "box:1", "sleep", "1000");
        try
        {
            Type($"clear; {Command("exec", "-it", "-e", Prompt, "server", "sh")}; echo status: $?");
            Await("in>");
            Type("stty size; tty");
            Await("/dev/pts/0");
            Type("exit 3");

            Assert.That(Await("status: 3"), Does.Contain("30 100"));
        }
        finally
        {
            Output("rm", "-f", "server");
        }
    }

    [Test]
    public void The_terminal_is_as_it_was_when_ckit_is_asked_to_end()
    {
        Type($"clear; {Command("run", "--rm", "--init", "-it", "box:1", "sh", "-c", "'echo up $((6 * 7)); exec sleep 1000'")}; echo status: $?; stty -a");
        Await("up 42");
        Shell.Script("pkill -TERM -f -- \"--root $1 run --rm --init\"", HostDirectory + "/store");

        Assert.That(Await("echoke"), Does.Contain("status: 143").And.Match(@"\bicanon\b").And.Not.Match("-icanon"));
    }

    [Test]
    public void A_terminal_is_not_attached_where_there_is_none()
    {
        var result = Ckit("run", "--rm", "-it", "box:1", "sh");

        Assert.That((result.ExitCode, result.Error), Is.EqualTo((125, "ckit: Standard input is not a terminal: leave --tty out, or --interactive.\n")));
    }

    [Test]
    public void Without_input_a_program_has_a_terminal_all_the_same()
    {
        Assert.That(RunInBox(["-t"], "sh", "-c", "stty size; test -t 1 && echo yes"), Is.EqualTo("24 80\r\nyes\r"));
    }

    private string Command(params string[] arguments) => string.Join(' ', (string[])[SamplePrograms.PathOf("ckit"), "--root", $"{HostDirectory}/store", .. arguments]);

    private void Type(string line) => Tmux("send-keys", line, "Enter");

    private void Press(string key) => Tmux("send-keys", key);

    /// <summary>Waits until the window shows a text.</summary>
    private string Await(string text)
    {
        var deadline = DateTime.UtcNow + Patience;
        while (true)
        {
            var screen = Tmux("capture-pane", "-p");
            if (screen.Contains(text, StringComparison.Ordinal) || DateTime.UtcNow > deadline)
            {
                Assert.That(screen, Does.Contain(text));
                return screen;
            }

            Thread.Sleep(100);
        }
    }

    private string Tmux(params string[] arguments) => Shell.Run("tmux", ["-S", _tmux, .. arguments]);
}

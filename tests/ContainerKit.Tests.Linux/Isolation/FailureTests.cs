using ContainerKit.Isolation;
using ContainerKit.Launch;

namespace ContainerKit.Tests.Linux.Isolation;

[NonParallelizable]
public sealed class FailureTests
{
    private Sandbox _sandbox = null!;

    [SetUp]
    public void MakeSandbox() => _sandbox = new Sandbox();

    [TearDown]
    public void RemoveSandbox() => _sandbox?.Dispose();

    [TestCase("nothing", 127, "find 'nothing' in PATH: No such file or directory")]
    [TestCase("/nothing", 127, "run '/nothing': No such file or directory")]
    [TestCase("/etc/passwd/x", 127, "run '/etc/passwd/x': Not a directory")]
    [TestCase("/etc/passwd", 126, "run '/etc/passwd': Permission denied")]
    [TestCase("/etc", 126, "run '/etc': Permission denied")]
    [TestCase("locked", 126, "find 'locked' in PATH: Permission denied")]
    [TestCase("/bin/garbage", 126, "run '/bin/garbage': Exec format error")]
    [TestCase("garbage", 126, "find 'garbage' in PATH: Exec format error")]
    public void A_program_that_cannot_run_is_told_with_the_exit_code_that_a_shell_would_give(string program, int exitCode, string message)
    {
        File.WriteAllText($"{_sandbox.Lower}/bin/locked", "");
        File.WriteAllText($"{_sandbox.Lower}/bin/garbage", "\u0001\u0002");
        File.SetUnixFileMode($"{_sandbox.Lower}/bin/garbage", (UnixFileMode)0x1ED);
        var spec = _sandbox.Script("");

        Assert.That(
            () => _sandbox.RunAsync(spec with { Process = spec.Process with { Arguments = [program], Environment = ["PATH=/none:/bin:/etc/passwd"] } }),
            Throws.TypeOf<IsolationException>().With.Property("ExitCode").EqualTo(exitCode).And.Message.EndsWith($"{message}."));
    }

    [Test]
    public async Task A_program_that_may_not_run_in_one_place_is_found_in_the_next()
    {
        Directory.CreateDirectory($"{_sandbox.Lower}/sbin/sh");
        var spec = _sandbox.Script("");

        var result = await _sandbox.RunAsync(spec with { Process = spec.Process with { Arguments = ["sh", "-c", "echo found"], Environment = ["PATH=/sbin:/bin"] } });

        Assert.That(result.Output, Is.EqualTo("found"));
    }

    [Test]
    public void A_working_directory_that_leads_through_a_magic_link_is_refused()
    {
        var spec = _sandbox.Script("pwd");

        Assert.That(
            () => _sandbox.RunAsync(spec with { Process = spec.Process with { WorkingDirectory = "/proc/self/fd/3" } }),
            Throws.TypeOf<IsolationException>().With.Property("Step").Contains("working directory"));
    }

    [Test]
    public void An_overlay_that_cannot_be_mounted_is_told_in_words()
    {
        Assert.That(
            () => _sandbox.RunAsync(_sandbox.Script("true") with { Root = [_sandbox.Overlay("nonsense=1")] }),
            Throws.TypeOf<IsolationException>().With.Property("Step").EqualTo("mount the overlay").And.Message.EndsWith("mount the overlay: Invalid argument."));
    }

    [Test]
    public void A_script_that_names_the_launch_program_as_its_interpreter_just_ends()
    {
        File.WriteAllText($"{_sandbox.Lower}/bin/again", "#!/proc/self/exe\n");
        File.SetUnixFileMode($"{_sandbox.Lower}/bin/again", (UnixFileMode)0x1ED);
        var spec = _sandbox.Script("");

        var result = _sandbox.RunAsync(spec with { Process = spec.Process with { Arguments = ["/bin/again"] } }).GetAwaiter().GetResult();

        Assert.That(result.End, Is.EqualTo(new ProcessEnd(254, null)));
    }

    [Test]
    public void A_cancelled_start_leaves_nothing_behind()
    {
        using var cancellation = new CancellationTokenSource();
        var engine = new IsolationEngine { Sabotage = plan => cancellation.CancelAfter(1) };

        var before = Traces.Before();
        for (var i = 0; i < 20; i++)
        {
            try
            {
                using var process = engine.StartAsync(_sandbox.Script("sleep 60"), new LaunchStreams(), cancellationToken: cancellation.Token).GetAwaiter().GetResult();
            }
            catch (OperationCanceledException)
            {
                continue;
            }
        }

        Assert.That(Traces.Settled, Is.EqualTo(before));
    }

    [Category("Slow")]
    [Test]
    [CancelAfter(300_000)]
    public void Whichever_step_fails_is_named_and_leaves_nothing_behind([Values] bool isJoin)
    {
        using var container = isJoin ? _sandbox.Engine.StartAsync(_sandbox.Script("sleep 1000"), new LaunchStreams()).GetAwaiter().GetResult() : null;
        var spec = _sandbox.Script("true") with
        {
            MaskedPaths = ["/etc/passwd", "/tmp"],
            ReadOnlyPaths = ["/bin"],
            Mounts = [new Mount("bind", "/dev/null", "/some/file", []), new Mount("tmpfs", "tmpfs", "/some/directory", [])],
            IsRootReadOnly = true,
        };
        spec = spec with { Process = spec.Process with { WorkingDirectory = "/a/b", SeccompFilter = new byte[] { 0x06, 0, 0, 0, 0, 0, 0xFF, 0x7F } } };
        var count = (isJoin ? LaunchPlanner.PlanJoin(spec, spec.Process, LaunchHost.Current) : LaunchPlanner.Plan(spec, LaunchHost.Current)).Program.Steps.Count;
        var outcomes = new List<string>();
        _ = Outcome(spec, container, 0);
        var before = Traces.Before();

        foreach (var index in Enumerable.Range(0, count))
        {
            outcomes.Add(Outcome(spec, container, index));
        }

        TestContext.Out.WriteLine(string.Join('\n', outcomes));
        Assert.That(outcomes.Count(outcome => outcome.StartsWith("named", StringComparison.Ordinal)), Is.GreaterThan(count * 2 / 3));
        Assert.That(outcomes, Has.None.StartsWith("wrong"));
        Assert.That(Traces.Settled, Is.EqualTo(before));
    }

    // Steps with another way on go that way; the guard, and the report's own steps, cannot report.
    private static string Outcome(IsolationSpec spec, IsolatedProcess? container, int index)
    {
        LaunchStep? step = null;
        var engine = new IsolationEngine
        {
            Sabotage = plan =>
            {
                step = plan.Program.Steps[index];

                // A pipe that the host reads can be written to. (A process that nobody hears of could not be reaped.)
                step.Call = step.Words == "report the process" ? step.Call : SystemCall.nonsense;
            },
        };
        try
        {
            using var process = (container is null
                ? engine.StartAsync(spec, new LaunchStreams())
                : engine.JoinAsync(spec, container, spec.Process with { WorkingDirectory = "/" }, new LaunchStreams(), null, isKept: false, default)).GetAwaiter().GetResult();
            return $"ran {process.WaitAsync().GetAwaiter().GetResult()}: {step!.Words}";
        }
        catch (ContainerKitException exception)
        {
            return $"{(exception.Message.Contains(step!.Words, StringComparison.Ordinal) ? "named" : step.WhenFailed is null ? "wrong" : "other")}: {exception.Message}";
        }
    }
}

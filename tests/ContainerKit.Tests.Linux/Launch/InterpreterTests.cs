using System.Runtime.InteropServices;
using ContainerKit.Launch;
using ContainerKit.Linux;

namespace ContainerKit.Tests.Linux.Launch;

/// <summary>What an interpreter has to do, whatever machine code it is written in: every way on, every argument, every result.</summary>
[TestFixture(Architecture.X64)]
[TestFixture(Architecture.Arm64, Category = "Qemu")]
internal sealed class InterpreterTests(Architecture architecture)
{
    private const int Output = 1, Report = 3, Closed = 77, CurrentDirectory = -100;

    private LaunchMachine _machine = null!;
    private LaunchProgram _program = null!;

    [SetUp]
    public void MakeProgram()
    {
        _machine = new LaunchMachine(architecture);
        _program = new LaunchProgram();
    }

    [TearDown]
    public void RemoveMachine() => _machine?.Dispose();

    [TestCase(Output, 3, 11)]
    [TestCase(Output, 0, 12)]
    [TestCase(Closed, 3, 13)]
    public void The_result_decides_where_it_goes_on(int descriptor, int count, int exitCode)
    {
        var (positive, zero, failed) = (new LaunchLabel(), new LaunchLabel(), new LaunchLabel());
        _program.Call("write", SystemCall.write, descriptor, _program.Text("abc"), count).OnPositive(positive).OnZero(zero).OnError(failed);
        End(failed, 13);
        End(zero, 12);
        End(positive, 11);

        Assert.That(Run().ExitCode, Is.EqualTo(exitCode));
    }

    [TestCase(3)]
    [TestCase(0)]
    public void Without_a_way_on_the_next_step_follows(int count)
    {
        _program.Call("write", SystemCall.write, Output, _program.Text("abc"), count);
        End(new LaunchLabel(), 7);

        Assert.That(Run().ExitCode, Is.EqualTo(7));
    }

    [TestCase(new[] { Errno.EBADF }, 0)]
    [TestCase(new[] { Errno.ENOENT, Errno.EBADF }, 0)]
    [TestCase(new[] { Errno.ENOENT, Errno.EPERM, Errno.EBADF }, 0)]
    [TestCase(new[] { Errno.ENOENT, Errno.EPERM, Errno.EACCES }, 1)]
    [TestCase(new int[0], 1)]
    public void A_tolerated_error_is_a_zero(int[] tolerated, int exitCode)
    {
        var (zero, failed) = (new LaunchLabel(), new LaunchLabel());
        _program.Call("write", SystemCall.write, Closed, _program.Text("abc"), 3).Tolerating(tolerated).OnZero(zero).OnError(failed);
        End(zero, 0);
        End(failed, 1);

        Assert.That(Run().ExitCode, Is.EqualTo(exitCode));
    }

    [Test]
    public void A_result_is_an_argument_of_later_steps_and_the_way_on_may_lead_back()
    {
        File.WriteAllText($"{_machine.Directory}/file", "longer than one read");
        var (again, end) = (new LaunchLabel(), new LaunchLabel());
        var buffer = _program.Add(LaunchData.Slot());
        var file = _program.Call("open", SystemCall.openat, CurrentDirectory, _program.Text($"{_machine.Directory}/file"), 0);
        _program.Mark(again);
        var count = _program.Call("read", SystemCall.read, file, buffer, 8).OnZero(end);
        _program.Call("write", SystemCall.write, Output, buffer, count).OnSuccess(again);
        End(end, 0);

        Assert.That(Run(), Is.EqualTo(new LaunchEnd(0, "longer than one read")));
    }

    [Test]
    public void Every_argument_may_be_what_lies_in_memory()
    {
        File.WriteAllText($"{_machine.Directory}/old", "content");
        var (old, made) = (_program.Text($"{_machine.Directory}/old"), _program.Text($"{_machine.Directory}/made"));
        var all = _program.Words(CurrentDirectory, old, CurrentDirectory, made, 0);
        _program.Call("link", SystemCall.linkat, Loaded(all, 0), Loaded(all, 1), Loaded(all, 2), Loaded(all, 3), Loaded(all, 4));
        End(new LaunchLabel(), 0);

        var end = Run();

        Assert.That(end, Is.EqualTo(new LaunchEnd(0, "")));
        Assert.That(File.ReadAllText($"{_machine.Directory}/made"), Is.EqualTo("content"));
    }

    [Test]
    public void Results_are_stored_whole_and_errors_too()
    {
        var results = _program.Words(-1, -1, -1);
        _program.Call("succeed", SystemCall.write, Output, _program.Text(""), 0).StoringInto(results, 8);
        _program.Call("fail", SystemCall.write, Closed, _program.Text(""), 0).Tolerating(Errno.EBADF).StoringInto(results, 16);
        _program.Call("show", SystemCall.write, Output, results, 24);
        End(new LaunchLabel(), 0);

        Assert.That(Run().Output, Is.EqualTo(new string('ÿ', 8) + new string('\0', 8) + "÷" + new string('ÿ', 7)));
    }

    [Test]
    public void A_child_goes_another_way_than_its_parent()
    {
        var child = new LaunchLabel();
        const int childEnds = 17;
        var started = _program.Call("fork", SystemCall.clone, childEnds, 0, 0, 0, 0).OnZero(child);
        _program.Call("wait", SystemCall.wait4, started, 0, 0, 0);
        _program.Call("write", SystemCall.write, Output, _program.Text("parent"), 6);
        End(new LaunchLabel(), 1);
        _program.Mark(child);
        _program.Call("write", SystemCall.write, Output, _program.Text("child "), 6);
        End(new LaunchLabel(), 2);

        Assert.That(Run(), Is.EqualTo(new LaunchEnd(1, "child parent")));
    }

    [Test]
    public void A_failed_step_is_reported_with_its_index_and_error()
    {
        foreach (var _ in Enumerable.Range(0, 300))
        {
            _program.Call("do nothing", SystemCall.getppid);
        }

        _program.Call("fail", SystemCall.nonsense);
        End(new LaunchLabel(), 0);

        var end = Run();

        Assert.That((end.ExitCode, end.Failure), Is.EqualTo((125, (300, Errno.ENOSYS))));
    }

    [Test]
    public void A_failure_that_cannot_be_reported_is_the_end_all_the_same()
    {
        _program.Call("fail", SystemCall.nonsense);
        End(new LaunchLabel(), 0);

        Assert.That(Run(report: "3< /dev/null"), Is.EqualTo(new LaunchEnd(125, "")));
    }

    [Test]
    public void Nowhere_is_a_fault()
    {
        _program.Call("do nothing", SystemCall.getppid).Then(LaunchLabel.Nowhere);
        End(new LaunchLabel(), 0);

        Assert.That(Run().ExitCode, Is.EqualTo(128 + Tmds.Linux.LibC.SIGSEGV));
    }

    [Test]
    public void A_program_of_many_steps_makes_files_and_becomes_another_program()
    {
        var file = _program.Text($"{_machine.Directory}/written");
        var numbers = Enumerable.Range(0, 200).Select(i => $"{i} ").ToArray();
        foreach (var number in numbers)
        {
            const int writeCreateAppend = 0x441;
            var opened = _program.Call("open", SystemCall.openat, CurrentDirectory, file, writeCreateAppend, 0x1A4);
            _program.Call("write", SystemCall.write, opened, _program.Text(number), number.Length);
            _program.Call("close", SystemCall.close, opened);
        }

        var shell = _program.TextList(["sh", "-c", "echo \"$1 $A\"", "sh", "ü"]);
        _program.Call("run", SystemCall.execve, _program.Text("/bin/sh"), shell, _program.TextList(["A=b"]));
        End(new LaunchLabel(), 0);

        var end = Run();

        Assert.That(end, Is.EqualTo(new LaunchEnd(0, "Ã¼ b\n")));
        Assert.That(File.ReadAllText($"{_machine.Directory}/written"), Is.EqualTo(string.Concat(numbers)));
    }

    private static Operand Loaded(LaunchData words, int index) => Operand.ValueAt(words, 8 * index);

    private void End(LaunchLabel label, int exitCode)
    {
        _program.Mark(label);
        _program.Call("end", SystemCall.exit_group, exitCode).Then(LaunchLabel.Nowhere);
    }

    // With the tail that every launch program has: report a failure, and end.
    private LaunchEnd Run(string report = "3>&1")
    {
        var end = new LaunchLabel();
        _program.Mark(_program.Failure);
        _program.Call("report a failure", SystemCall.write, Report, _program.FailureRecord, 8).Then(end);
        End(end, 125);
        return _machine.Run(_program, report);
    }
}

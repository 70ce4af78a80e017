using ContainerKit.Launch;
using ContainerKit.Linux;
using ContainerKit.Tests.Linux.Isolation;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Tests.Linux.Launch;

/// <summary>
/// Launch programs that say what they should not: somebody inside a container may have got hold of the report. Whatever is said, the
/// launch fails with its own exception, and nothing of it stays.
/// </summary>
[NonParallelizable]
internal sealed class LauncherTests
{
    private const int Report = 3, Unused = 0x7FFFFFF0;

    private SafeFileHandle _nothing = null!;
    private LaunchProgram _program = null!;

    [SetUp]
    public void MakeProgram()
    {
        _nothing = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);

        // The first launch opens what the library keeps from then on.
        _program = new LaunchProgram();
        End();
        Assert.That(() => Launch(), Throws.TypeOf<LaunchFailedException>());
        _program = new LaunchProgram();
    }

    [TearDown]
    public void CloseNothing() => _nothing.Dispose();

    [TestCase(0, Errno.EPERM, "say it: Operation not permitted")]
    [TestCase(1000, Errno.EPERM, "what makes no sense")]
    [TestCase(LaunchMarks.Continued - 1, Errno.EPERM, "what makes no sense")]
    [TestCase(int.MinValue, Errno.EPERM, "what makes no sense")]
    [TestCase(LaunchMarks.NeedsMaps, 0, "ended without a word (exit code 0)")]
    [TestCase(LaunchMarks.NeedsNetwork, 0, "ended without a word (exit code 0)")]
    [TestCase(LaunchMarks.Continued, 0, "ended without a word (exit code 0)")]
    public void Whatever_is_said_is_told_as_a_failed_launch(int mark, int value, string message)
    {
        Say(mark, value, times: 1);
        End();

        Assert.That(() => Launch(), Throws.TypeOf<LaunchFailedException>().With.Message.Contains(message));
    }

    [TestCase(1)]
    [TestCase(0)]
    [TestCase(-1)]
    [TestCase(Unused)]
    public void A_process_that_is_not_ours_is_not_taken_for_the_container(int processId)
    {
        Say(LaunchMarks.Started, processId, times: 1);
        End();
        var before = Traces.Before();

        Assert.That(() => Launch(), Throws.TypeOf<LaunchFailedException>().Or.TypeOf<LinuxException>());
        Assert.That(Traces.Settled, Is.EqualTo(before));
    }

    [TestCase(LaunchMarks.Started, 1)]
    [TestCase(LaunchMarks.Started, Unused)]
    [TestCase(LaunchMarks.NeedsMaps, 0)]
    public void One_who_never_stops_talking_is_ended(int mark, int value)
    {
        Say(mark, value, times: 1024);
        Say(mark, value, times: 1024).Then(Label(0));
        End();
        var before = Traces.Before();

        Assert.That(() => Launch(), Throws.TypeOf<LaunchFailedException>().Or.TypeOf<LinuxException>());
        Assert.That(Traces.Settled, Is.EqualTo(before));
    }

    [Test]
    [Category("Slow")]
    public void One_who_says_nothing_and_stays_is_ended_in_time()
    {
        _program.Call("sleep", SystemCall.ppoll, 0, 0, 0, 0, 0);
        End();
        var before = Traces.Before();

        Assert.That(() => Launch(TimeSpan.FromMilliseconds(100)), Throws.TypeOf<LaunchFailedException>().With.Message.Contains("was not done"));
        Assert.That(Traces.Settled, Is.EqualTo(before));
    }

    [Test]
    public void A_record_in_pieces_is_one_record()
    {
        var record = _program.Words(unchecked((uint)LaunchMarks.Search) | (2L << 32), -Errno.ENOENT, -Errno.EACCES);
        foreach (var position in Enumerable.Range(0, 24))
        {
            _program.Call("say it", SystemCall.write, Report, Operand.AddressOf(record, position), 1);
        }

        _program.Call("run it", SystemCall.execve, 0, 0, 0).OnError(Label(_program.Steps.Count + 1));
        End();

        Assert.That(() => Launch(), Throws.TypeOf<LaunchFailedException>().With.Message.EqualTo("run it: Permission denied"));
    }

    private static LaunchLabel Label(int index) => new() { Index = index };

    private void Launch(TimeSpan? timeout = null)
    {
        var request = new LaunchRequest(_program, [_nothing, _nothing, _nothing], []) { Timeout = timeout ?? TimeSpan.FromSeconds(10) };
        Launcher.LaunchAsync(request, CancellationToken.None).GetAwaiter().GetResult().Handle.Dispose();
    }

    private LaunchStep Say(int mark, int value, int times)
    {
        var record = BitConverter.GetBytes((uint)mark | ((ulong)(uint)value << 32));
        var records = _program.Bytes(Enumerable.Repeat(record, times).SelectMany(bytes => bytes).ToArray());
        return _program.Call("say it", SystemCall.write, Report, records, record.Length * times);
    }

    private void End()
    {
        _program.Mark(_program.Failure);
        _program.Call("end", SystemCall.exit_group, 0).Then(LaunchLabel.Nowhere);
    }
}

using ContainerKit.Launch;
using ContainerKit.Linux;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>
/// What a supervisor does between the end of its container and the next start: docker's pauses (100 ms, then twice as long each time up to a minute, and from the
/// beginning after a run of 10 seconds), until it is told that somebody wants it to end.
/// </summary>
/// <remarks>
/// There is no arithmetic and no comparison, so the kernel does them. The pauses are records in a pipe, read one after the other; a timer says whether a run lasted; an
/// eventfd that cannot be read holds zero. Who wants an end makes the file <see cref="StoppedName"/> first, and sends SIGCHLD, which ends a
/// pause. Each restart is one byte in the file <see cref="CountName"/>.
/// <para>
/// When it is started again says the file <see cref="PolicyName"/>, which is read at each end, so that it may change meanwhile; without it, never. It is two 64-bit numbers (1 for only on failure, 1 for
/// a limit) and as many bytes as there may be restarts: lseek(2) adds those that were to the size of the head, and behind the last byte there is nothing to read.
/// </para>
/// </remarks>
internal sealed class RestartSteps(PlanBuilder plan, int state, int signals)
{
    public const string StoppedName = "stopped", CountName = "restarts", PolicyName = "policy";

    /// <summary>The two numbers at the beginning of the policy.</summary>
    public const int PolicyHead = 16;

    private const int Timer = 1010, PausesOut = 1011, PausesIn = 1012, Choice = 1013, Policy = 1014, Count = 1015;
    private const int TimeSize = 16, LongestPause = 60;
    private const long SecondsThatCount = 10;

    private readonly LaunchData _pauses = plan.Program.Bytes(Pauses());
    private readonly LaunchData _scratch = plan.Program.Add(LaunchData.Slot(512));

    /// <summary>Prepares, before the first start.</summary>
    public void Open()
    {
        var program = plan.Program;
        Keep(plan.Call("make a timer", SystemCall.timerfd_create, CLOCK_MONOTONIC, EFD_CLOEXEC | EFD_NONBLOCK), Timer);
        Keep(plan.Call("make a counter", SystemCall.eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK), Choice);
        Keep(plan.Call("open the count of restarts", SystemCall.openat, state, plan.Text(CountName), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0x180), Count);

        // Two 32-bit numbers, which loading takes 8 bytes at a time: the kernel looks at the lower 32 bits.
        var ends = program.Words(0, 0);
        plan.Call("make a pipe", SystemCall.pipe2, ends, O_CLOEXEC | O_NONBLOCK);
        plan.Call("keep a pipe", SystemCall.dup3, Operand.ValueAt(ends, 0), PausesOut, O_CLOEXEC);
        plan.Call("keep a pipe", SystemCall.dup3, Operand.ValueAt(ends, 4), PausesIn, O_CLOEXEC);
        plan.Call("close a pipe", SystemCall.close, Operand.ValueAt(ends, 0));
        plan.Call("close a pipe", SystemCall.close, Operand.ValueAt(ends, 4));
        plan.Call("line up the pauses", SystemCall.write, PausesIn, _pauses, _pauses.Content.Length);
    }

    /// <summary>Begins to measure a run.</summary>
    public void Begin() => plan.Call("start the timer", SystemCall.timerfd_settime, Timer, 0, plan.Program.Words(0, 0, SecondsThatCount, 0), 0);

    /// <summary>From here on there is no further start.</summary>
    public void GiveUp() => plan.Call("give up starting it again", SystemCall.openat, state, plan.Text(StoppedName), O_WRONLY | O_CREAT | O_CLOEXEC, 0x180);

    /// <summary>Decides about another start, and waits for it.</summary>
    /// <param name="status">How the run ended, as wait(2) tells it, in 8 bytes.</param>
    /// <param name="over">Where to go when there is to be none.</param>
    public void Await(Operand status, LaunchLabel over)
    {
        var program = plan.Program;
        var (wanted, beginAgain, lineUp, next, refill, sleep, woken, look, again) = (new LaunchLabel(), new LaunchLabel(), new LaunchLabel(), new LaunchLabel(), new LaunchLabel(), new LaunchLabel(), new LaunchLabel(), new LaunchLabel(), new LaunchLabel());
        var pause = program.Words(0, 0);
        LookForStop(wanted, over);
        program.Mark(wanted);
        AskPolicy(status, over);
        plan.Call("see whether it ran for long", SystemCall.read, Timer, _scratch, 8).OnPositive(beginAgain).OnZero(next).OnError(next);
        program.Mark(beginAgain);
        plan.Call("drop the pauses", SystemCall.read, PausesOut, _scratch, _scratch.Content.Length).Then(lineUp);
        program.Mark(lineUp);
        plan.Call("line up the pauses", SystemCall.write, PausesIn, _pauses, _pauses.Content.Length);
        program.Mark(next);
        plan.Call("take the next pause", SystemCall.read, PausesOut, pause, TimeSize).OnPositive(sleep).OnZero(refill).OnError(refill);
        program.Mark(refill);
        plan.Call("repeat the longest pause", SystemCall.write, PausesIn, program.Words(LongestPause, 0), TimeSize).Then(next);

        // The kernel leaves in the pause what remains of it.
        program.Mark(sleep);
        plan.Call("pause", SystemCall.ppoll, program.Words(signals + ((long)POLLIN << 32)), 1, pause, 0, 0).OnZero(again).OnPositive(woken).OnError(woken);
        program.Mark(woken);
        plan.Call("take the signal", SystemCall.read, signals, _scratch, 128).Then(look);
        program.Mark(look);
        LookForStop(sleep, over);
        program.Mark(again);
        var counted = new LaunchLabel();
        plan.Call("count the restart", SystemCall.write, Count, plan.Text("+"), 1).Then(counted);
        program.Mark(counted);
    }

    /// <summary>Removes what an earlier mount of a writable overlay without flushing left, and what forbids the next one.</summary>
    public static void ClearMarks(PlanBuilder plan, IsolationSpec spec)
    {
        foreach (var work in spec.Root.SelectMany(mount => mount.Options).Where(option => option.StartsWith("workdir=", StringComparison.Ordinal)).Select(option => option["workdir=".Length..]))
        {
            foreach (var (mark, flags) in ((string, int)[])[("work/incompat/volatile/dirty", 0), ("work/incompat/volatile", AT_REMOVEDIR), ("work/incompat", AT_REMOVEDIR)])
            {
                plan.Call($"remove '{work}/{mark}'", SystemCall.unlinkat, AT_FDCWD, plan.Text($"{work}/{mark}"), flags).Tolerating(Errno.ENOENT);
            }
        }
    }

    private void AskPolicy(Operand status, LaunchLabel over)
    {
        var program = plan.Program;
        var (failed, limited, bounded, goesOn) = (new LaunchLabel(), new LaunchLabel(), new LaunchLabel(), new LaunchLabel());
        var head = program.Words(0, 0);
        var file = plan.Call("open the policy", SystemCall.openat, state, plan.Text(PolicyName), O_CLOEXEC).OnError(over);
        Keep(file, Policy);
        plan.Call("read the policy", SystemCall.read, Policy, head, PolicyHead).OnZero(over).OnError(over);
        plan.Call("choose whether how it ended matters", SystemCall.write, Choice, head, 8);
        plan.Call("see whether how it ended matters", SystemCall.read, Choice, _scratch, 8).OnPositive(failed).OnZero(limited).OnError(limited);
        program.Mark(failed);
        plan.Call("choose by how it ended", SystemCall.write, Choice, status, 8);
        plan.Call("see whether it failed", SystemCall.read, Choice, _scratch, 8).OnPositive(limited).OnZero(over).OnError(over);
        program.Mark(limited);
        plan.Call("choose whether there is a limit", SystemCall.write, Choice, Operand.AddressOf(head, 8), 8);
        plan.Call("see whether there is a limit", SystemCall.read, Choice, _scratch, 8).OnPositive(bounded).OnZero(goesOn).OnError(goesOn);
        program.Mark(bounded);
        var count = plan.Call("see how often it was started again", SystemCall.lseek, Count, 0, SEEK_END);
        plan.Call("pass over as many", SystemCall.lseek, Policy, count, SEEK_CUR);
        plan.Call("see whether there is one more", SystemCall.read, Policy, _scratch, 1).OnPositive(goesOn).OnZero(over).OnError(over);
        program.Mark(goesOn);
    }

    private void LookForStop(LaunchLabel goesOn, LaunchLabel over) =>
        plan.Call("see whether somebody stopped it", SystemCall.openat, state, plan.Text(StoppedName), O_PATH | O_CLOEXEC).OnSuccess(over).OnError(goesOn);

    private void Keep(LaunchStep descriptor, int number)
    {
        plan.Call("keep a descriptor", SystemCall.dup3, descriptor, number, O_CLOEXEC);
        plan.Call("close a descriptor", SystemCall.close, descriptor);
    }

    // struct timespec: seconds and nanoseconds.
    private static byte[] Pauses()
    {
        List<byte> bytes = [];
        for (var milliseconds = 100L; milliseconds < LongestPause * 1000; milliseconds *= 2)
        {
            bytes.AddRange(BitConverter.GetBytes(milliseconds / 1000));
            bytes.AddRange(BitConverter.GetBytes(milliseconds % 1000 * 1_000_000));
        }

        return [.. bytes];
    }
}

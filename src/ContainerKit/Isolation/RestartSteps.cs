using ContainerKit.Launch;
using ContainerKit.Linux;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>When a supervisor starts its container again.</summary>
internal sealed record SupervisorRestart
{
    /// <summary>Whether only after an end that is not exit code 0.</summary>
    public bool OnlyOnFailure { get; init; }

    /// <summary>How often at most; null for no limit.</summary>
    public int? Most { get; init; }
}

/// <summary>
/// What a supervisor does between the end of its container and the next start: docker's pauses (100 ms, then twice as long each time up to a minute, and from the
/// beginning after a run of 10 seconds), until it is told that somebody wants it to end.
/// </summary>
/// <remarks>
/// There is no arithmetic and no comparison, so the kernel does them. The pauses are records in a pipe, read one after the other; a timer says whether a run lasted; an
/// eventfd that cannot be read holds zero, and one that cannot be written is full. Who wants an end makes the file <see cref="StoppedName"/> first, and sends SIGCHLD, which ends a
/// pause. Each restart is one byte in the file <see cref="CountName"/>.
/// </remarks>
internal sealed class RestartSteps(PlanBuilder plan, SupervisorRestart restart, int state, int signals)
{
    public const string StoppedName = "stopped", CountName = "restarts";

    private const int Timer = 1010, PausesOut = 1011, PausesIn = 1012, Failures = 1013, Attempts = 1014, Count = 1015;
    private const int TimeSize = 16, LongestPause = 60;
    private const long SecondsThatCount = 10;
    private const ulong CounterMaximum = 0xfffffffffffffffe;

    private readonly LaunchData _pauses = plan.Program.Bytes(Pauses());
    private readonly LaunchData _scratch = plan.Program.Add(LaunchData.Slot(512));

    /// <summary>Prepares, before the first start.</summary>
    public void Open()
    {
        var program = plan.Program;
        Keep(plan.Call("make a timer", SystemCall.timerfd_create, CLOCK_MONOTONIC, EFD_CLOEXEC | EFD_NONBLOCK), Timer);
        Keep(plan.Call("make a counter", SystemCall.eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK), Failures);
        Keep(plan.Call("open the count of restarts", SystemCall.openat, state, plan.Text(CountName), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0x180), Count);

        // Two 32-bit numbers, which loading takes 8 bytes at a time: the kernel looks at the lower 32 bits.
        var ends = program.Words(0, 0);
        plan.Call("make a pipe", SystemCall.pipe2, ends, O_CLOEXEC | O_NONBLOCK);
        plan.Call("keep a pipe", SystemCall.dup3, Operand.ValueAt(ends, 0), PausesOut, O_CLOEXEC);
        plan.Call("keep a pipe", SystemCall.dup3, Operand.ValueAt(ends, 4), PausesIn, O_CLOEXEC);
        plan.Call("close a pipe", SystemCall.close, Operand.ValueAt(ends, 0));
        plan.Call("close a pipe", SystemCall.close, Operand.ValueAt(ends, 4));
        plan.Call("line up the pauses", SystemCall.write, PausesIn, _pauses, _pauses.Content.Length);
        if (restart.Most is { } most)
        {
            Keep(plan.Call("make a counter", SystemCall.eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK), Attempts);
            plan.Call("start the counter", SystemCall.write, Attempts, program.Words(CounterMaximum - (ulong)most), 8);
        }
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
        if (restart.OnlyOnFailure)
        {
            plan.Call("count how it ended", SystemCall.write, Failures, status, 8);
            plan.Call("see whether it failed", SystemCall.read, Failures, _scratch, 8).OnError(over);
        }

        if (restart.Most is not null)
        {
            plan.Call("count the attempt", SystemCall.write, Attempts, program.Words(1), 8).OnError(over);
        }

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

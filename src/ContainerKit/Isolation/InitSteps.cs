using ContainerKit.Launch;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>
/// The steps of an init: the container's first process stays what it is, a list of system calls, and the program is its child. It reaps whatever is
/// left to it, passes on every signal that it gets, and ends as the program does. A process that joins can have a keeper that does the same for it: all that descends from
/// its program is found below it then, also what has lost its own parent. prctl(2), PR_SET_CHILD_SUBREAPER
/// </summary>
/// <remarks>
/// Launch programs cannot compare. close_range(2) can: it refuses a first descriptor that is greater than the last, and otherwise marks what is between
/// them to be closed by an execve(2) that never comes. Nor can they add; an eventfd(2) can.
/// </remarks>
internal static class InitSteps
{
    // struct siginfo of waitid(2).
    private const int Code = 8, Process = 16, Status = 24;
    private const int SignalOffset = 128, KilledForGood = SignalOffset + SIGKILL;

    /// <summary>The process becomes two: the init, which never leaves these steps, and its child, which goes on behind them.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="isFirst">Whether it is the container's first process; otherwise it is the keeper of one that joins.</param>
    public static void Split(PlanBuilder plan, bool isFirst = true)
    {
        var program = plan.Program;
        var (init, child) = (new LaunchLabel(), new LaunchLabel());
        if (!isFirst)
        {
            plan.Call("become the parent of orphans", SystemCall.prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        }

        var signals = program.Words(ulong.MaxValue);
        plan.Call("hold back all signals", SystemCall.rt_sigprocmask, SIG_BLOCK, signals, 0, 8);

        // Two 32-bit numbers, which loading takes 8 bytes at a time: the kernel looks at the lower 32 bits.
        var gate = program.Words(0, 0);
        if (isFirst)
        {
            plan.Call("make a pipe", SystemCall.pipe2, gate, O_CLOEXEC);
        }

        var started = plan.Call("start the program's process", SystemCall.clone, SIGCHLD, 0, 0, 0, 0).OnPositive(init).OnZero(child);
        program.Mark(init);
        Serve(plan, started, signals, isFirst);

        program.Mark(child);
        plan.Call("let signals through", SystemCall.rt_sigprocmask, SIG_UNBLOCK, signals, 0, 8);
        if (isFirst)
        {
            // What the init still has open, the program could take from it.
            plan.Call("close the pipe", SystemCall.close, Operand.ValueAt(gate, 4));
            plan.Call("wait for the init", SystemCall.read, Operand.ValueAt(gate, 0), program.Add(LaunchData.Slot()), 1);
            plan.Call("close the pipe", SystemCall.close, Operand.ValueAt(gate, 0));
        }
        else
        {
            // With pid 1 the kernel ends all; with a keeper, the program asks for it. It does not wait for that one, which has no more open than
            // it has itself, and is closed to it: on a busy machine each turn of another process costs milliseconds.
            plan.Call("tie the program to its keeper", SystemCall.prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        }

        plan.Call("begin a session", SystemCall.setsid);
    }

    private static void Serve(PlanBuilder plan, LaunchStep started, LaunchData signals, bool isFirst)
    {
        var program = plan.Program;
        var (wait, higher, forward, reap, running, orphan) = (new LaunchLabel(), new LaunchLabel(), new LaunchLabel(), new LaunchLabel(), new LaunchLabel(), new LaunchLabel());
        var (end, lost) = (new LaunchLabel(), new LaunchLabel());
        var (received, any, its) = (program.Add(LaunchData.Slot(128)), program.Add(LaunchData.Slot(128)), program.Add(LaunchData.Slot(128)));
        plan.Call("name the init", SystemCall.prctl, PR_SET_NAME, plan.Text(isFirst ? "init" : "keeper"), 0, 0, 0);
        if (isFirst)
        {
            // An ordinary user finds the container's root and its namespaces by this process, and the kernel shows them of no hidden one.
            plan.Call("show the init", SystemCall.prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
        }

        plan.Call("close everything", SystemCall.close_range, 0, uint.MaxValue, 0);
        var queue = plan.Call("watch for signals", SystemCall.signalfd4, -1, signals, 8, SFD_CLOEXEC);
        var sum = plan.Call("make a counter", SystemCall.eventfd2, SignalOffset, EFD_CLOEXEC);

        program.Mark(wait);
        plan.Call("wait for a signal", SystemCall.read, queue, received, 128);
        IsAtMost(plan, Operand.ValueAt(received, 0), SIGCHLD - 1).OnZero(forward).OnError(higher);
        program.Mark(higher);
        IsAtMost(plan, Operand.ValueAt(received, 0), SIGCHLD).OnZero(reap).OnError(forward);

        // The program may have ended, or run as somebody who takes no signals from this one.
        program.Mark(forward);
        plan.Call("pass a signal on", SystemCall.kill, started, Operand.ValueAt(received, 0)).Then(wait);

        // One that has ended is looked at first, and the program then: were it the program, it is found, and nobody else takes its status.
        program.Mark(reap);
        plan.Call("look for who has ended", SystemCall.waitid, P_ALL, 0, any, WEXITED | WNOHANG | WNOWAIT, 0).OnError(lost);
        plan.Call("look for the program's end", SystemCall.waitid, P_PID, started, its, WEXITED | WNOHANG | WNOWAIT, 0).OnError(lost);
        IsAtMost(plan, Operand.ValueAt(its, Process), 0).OnZero(running).OnError(end);
        program.Mark(running);
        IsAtMost(plan, Operand.ValueAt(any, Process), 0).OnZero(wait).OnError(orphan);
        program.Mark(orphan);
        plan.Call("reap an orphan", SystemCall.wait4, Operand.ValueAt(any, Process), 0, WNOHANG, 0).Then(reap);

        program.Mark(end);
        if (!isFirst)
        {
            // With pid 1 the kernel takes them all. Here, the container's first process would get it, and need not reap anybody.
            var reaped = new LaunchLabel();
            plan.Call("reap the program", SystemCall.wait4, started, 0, 0, 0).Then(reaped);
            program.Mark(reaped);
        }

        End(plan, its, sum, isFirst ? null : signals);
        program.Mark(lost);
        plan.Call("end as if killed", SystemCall.exit_group, KilledForGood).Then(LaunchLabel.Nowhere);
    }

    private static void End(PlanBuilder plan, LaunchData its, LaunchStep sum, LaunchData? signals)
    {
        var (exited, killed) = (new LaunchLabel(), new LaunchLabel());
        IsAtMost(plan, Operand.ValueAt(its, Code), CLD_EXITED).OnZero(exited).OnError(killed);
        plan.Program.Mark(exited);
        plan.Call("end with the program's exit code", SystemCall.exit_group, Operand.ValueAt(its, Status)).Then(LaunchLabel.Nowhere);

        plan.Program.Mark(killed);
        if (signals is not null)
        {
            // It is alone in its process group: the program has begun another.
            plan.Call("take the program's signal", SystemCall.kill, 0, Operand.ValueAt(its, Status));
            plan.Call("let it through", SystemCall.rt_sigprocmask, SIG_UNBLOCK, signals, 0, 8);
        }

        // As pid 1 it cannot end by a signal itself.
        var total = plan.Program.Add(LaunchData.Slot());
        plan.Call("add the signal's number to 128", SystemCall.write, sum, Operand.AddressOf(its, Status), 8);
        plan.Call("take the sum", SystemCall.read, sum, total, 8);
        plan.Call("end with 128 and the signal's number", SystemCall.exit_group, Operand.ValueAt(total, 0)).Then(LaunchLabel.Nowhere);
    }

    private static LaunchStep IsAtMost(PlanBuilder plan, Operand number, int most) =>
        plan.Call($"see whether it is at most {most}", SystemCall.close_range, number, most, CLOSE_RANGE_CLOEXEC);
}

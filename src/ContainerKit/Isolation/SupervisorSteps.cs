using ContainerKit.Launch;
using ContainerKit.Linux;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>What a supervisor does for a container that outlives its host.</summary>
internal sealed record SupervisorSpec
{
    /// <summary>The size in bytes at which the log is put aside, and a new one begun.</summary>
    public required long LogLimit { get; init; }

    /// <summary>What the log that is there already counts for, in bytes.</summary>
    public long LogSize { get; init; }

    /// <summary>How many descriptors of the host it holds for as long as it lives, and does nothing with: the locks.</summary>
    public int HeldDescriptors { get; init; }

    /// <summary>The file that tells whether memory ran out, whose content goes behind the exit status; null for none.</summary>
    public string? MemoryEvents { get; init; }

    /// <summary>Directories that it removes at the end, and then a file; should one not go, the rest stay for a sweep.</summary>
    public IReadOnlyList<string> Directories { get; init; } = [];

    /// <inheritdoc cref="Directories"/>
    public string? File { get; init; }

    /// <summary>Whether the container's standard input is a pipe that it holds open; otherwise it is empty.</summary>
    public bool KeepsInput { get; init; }
}

/// <summary>
/// The steps of a supervisor: a process without code of its own, which is the parent of a container's first process in its host's
/// stead. It writes what the container writes into a log, and in the end how it ended.
/// </summary>
/// <remarks>
/// The log is records of 32 bytes (seconds, nanoseconds, stream, length, as 64-bit numbers) and what was written. Counting bytes takes no arithmetic either:
/// an eventfd(2) adds up what is written to it, and refuses what would make it more than its maximum. It starts as far from that as the log may grow.
/// </remarks>
internal static class SupervisorSteps
{
    public const string LogName = "log", OlderLogName = "log.1", ExitName = "exit", UnfinishedExitName = ".exit", RunningName = "running";

    /// <summary>In the third number of a record's head, above the stream: by it a reader finds the next head behind a torn record.</summary>
    public const long RecordMark = 0x474f4c54494b43 << 8;

    public const int RecordHead = 32, ExitHead = 24;

    /// <summary>The most that one record carries.</summary>
    public const int MostContent = 16 << 10;

    // With the head they fill one block, which is taken before anything runs: on a disk that is full by the end there is room for it.
    private const int MostEvents = (4 << 10) - ExitHead;

    /// <summary>The write end of the container's standard input, by which others find it.</summary>
    public const int Input = 1006;

    // Its own descriptors have numbers that are known here. Any others are lower: a host has never that many locks.
    private const int Output = 1000, Error = 1001, Signals = 1002, Log = 1003, Counter = 1004, Exit = 1005;
    private const ulong CounterMaximum = 0xfffffffffffffffe;

    /// <summary>The program becomes two: the supervisor, which never leaves these steps, and its child, which goes on behind them.</summary>
    public static void Split(PlanBuilder plan, SupervisorSpec supervisor)
    {
        var program = plan.Program;
        var (known, state) = (plan.Need(LaunchDescriptor.SupervisorKnown), plan.Need(LaunchDescriptor.StateDirectory));
        plan.Call("close inherited descriptors", SystemCall.close_range, Operand.ValueAt(plan.FirstInherited, 0), uint.MaxValue, 0);
        plan.Call("leave the host's session", SystemCall.setsid);

        // Should the host end here, there is nothing yet that could outlive it.
        plan.Call("wait until the supervisor is known", SystemCall.read, known, program.Add(LaunchData.Slot()), 1).OnZero(plan.Exit);

        var output = OpenPipe(plan, Output);
        var error = OpenPipe(plan, Error);
        var input = supervisor.KeepsInput ? OpenInput(plan) : null;
        var childEnds = program.Words(1L << (SIGCHLD - 1));
        plan.Call("hold back the signal of a child's end", SystemCall.rt_sigprocmask, SIG_BLOCK, childEnds, 0, 8);
        Raise(plan, plan.Call("watch for a child's end", SystemCall.signalfd4, -1, childEnds, 8, SFD_CLOEXEC | SFD_NONBLOCK), Signals);
        var logger = new Logger(plan, supervisor, state);
        logger.Open();
        var ending = program.Words(0, 0, 0);
        var exit = program.Words(ending, ExitHead, program.Add(LaunchData.Slot(MostEvents)), MostEvents);
        OpenExit(plan, state);
        plan.Call("take room for the exit status", SystemCall.writev, Exit, exit, 2);
        var restart = new RestartSteps(plan, state, Signals);
        restart.Open();

        var (child, launched, none, wait, end, over) = (new LaunchLabel(), new LaunchLabel(), new LaunchLabel(), new LaunchLabel(), new LaunchLabel(), new LaunchLabel());
        var launcher = plan.Call("start the launch program", SystemCall.clone, SIGCHLD, 0, 0, 0, 0).OnZero(child).OnPositive(launched);
        program.Mark(launched);

        // The next program gets the same pipes, and reports to nobody: descriptor 0 is /dev/null.
        plan.Call("leave the report to the launch program", SystemCall.dup3, 0, PlanBuilder.Report, O_CLOEXEC);
        restart.Begin();
        plan.Call("wait for the launch program", SystemCall.wait4, launcher, program.Add(LaunchData.Slot()), 0, 0);
        AwaitHost(plan, restart, known);
        plan.Call("look for the container's first process", SystemCall.wait4, -1, Operand.AddressOf(ending, 16), WNOHANG, 0).OnPositive(end).OnError(none);
        Follow(plan, logger, ending, wait, end);
        program.Mark(end);
        Publish(plan, supervisor, logger, state, exit, ending);
        restart.Await(Operand.AddressOf(ending, 16), over);
        StartAgain(plan, restart, state, exit, ending, (child, wait, end, over));
        program.Mark(over);
        ClearAway(plan, supervisor, state);
        program.Mark(none);
        plan.Call("end", SystemCall.exit_group, 0).Then(LaunchLabel.Nowhere);

        program.Mark(child);
        plan.Call("let the signal of a child's end through", SystemCall.rt_sigprocmask, SIG_UNBLOCK, childEnds, 0, 8);
        if (input is not null)
        {
            plan.Call("give the container its input", SystemCall.dup3, Operand.ValueAt(input, 0), 0, 0);
        }

        plan.Call("give the container its output", SystemCall.dup3, Operand.ValueAt(output, 4), 1, 0);
        plan.Call("give the container its error output", SystemCall.dup3, Operand.ValueAt(error, 4), 2, 0);
        plan.Call("close the state directory", SystemCall.close, state);

        // From the second start on, it is closed.
        plan.Call("close the socket", SystemCall.close, known).Tolerating(Errno.EBADF);
    }

    // A process that is not reaped keeps its number: the host has its handle, or has given up, before anybody looks for its end.
    private static void AwaitHost(PlanBuilder plan, RestartSteps restart, int known)
    {
        var (started, given) = (new LaunchLabel(), new LaunchLabel());
        plan.Call("wait until the host knows the process", SystemCall.read, known, plan.Program.Add(LaunchData.Slot()), 1).OnPositive(started).OnZero(given).OnError(given);
        plan.Program.Mark(given);

        // What did not start is not started again, and neither is what the host had no time to see started.
        restart.GiveUp();
        plan.Program.Mark(started);
        plan.Call("close the socket", SystemCall.close, known);
    }

    private static void StartAgain(
        PlanBuilder plan, RestartSteps restart, int state, LaunchData exit, LaunchData ending, (LaunchLabel Child, LaunchLabel Wait, LaunchLabel End, LaunchLabel Over) places)
    {
        var program = plan.Program;
        var (forgotten, opened, launched, gone) = (new LaunchLabel(), new LaunchLabel(), new LaunchLabel(), new LaunchLabel());

        // How it ended is on disk until the next run has a place to write its own end to.
        OpenExit(plan, state, places.Over);
        plan.Call("take room for the exit status", SystemCall.writev, Exit, exit, 2).Then(opened);
        program.Mark(opened);
        plan.Call("forget how it ended", SystemCall.unlinkat, state, plan.Text(ExitName), 0).Then(forgotten);
        program.Mark(forgotten);
        restart.Begin();
        var launcher = plan.Call("start the launch program", SystemCall.clone, SIGCHLD, 0, 0, 0, 0).OnZero(places.Child).OnPositive(launched).OnError(places.End);
        program.Mark(launched);

        // Where it fails before there is a first process, the launch program's end is the container's.
        plan.Call("wait for the launch program", SystemCall.wait4, launcher, Operand.AddressOf(ending, 16), 0, 0).Then(gone);
        program.Mark(gone);
        plan.Call("look for the container's first process", SystemCall.wait4, -1, Operand.AddressOf(ending, 16), WNOHANG, 0).OnZero(places.Wait).OnPositive(places.End).OnError(places.End);
    }

    private static void Follow(PlanBuilder plan, Logger logger, LaunchData ending, LaunchLabel wait, LaunchLabel end)
    {
        var program = plan.Program;
        var (look, reap, output, error) = (new LaunchLabel(), new LaunchLabel(), new LaunchLabel(), new LaunchLabel());
        var polls = program.Words(Poll(Output), Poll(Error), Poll(Signals));
        program.Mark(wait);
        plan.Call("wait for output or the end", SystemCall.ppoll, polls, 3, 0, 0, 0).Then(look);
        program.Mark(look);
        plan.Call("look for a child's end", SystemCall.read, Signals, program.Add(LaunchData.Slot(128)), 128).OnPositive(reap).OnError(output);
        program.Mark(reap);
        plan.Call("look for the container's end", SystemCall.wait4, -1, Operand.AddressOf(ending, 16), WNOHANG, 0).OnPositive(end).OnError(end);
        program.Mark(output);
        logger.Move(Output, 1, next: error, whenClosed: () => Forget(0, error));
        program.Mark(error);
        logger.Move(Error, 2, next: wait, whenClosed: () => Forget(8, wait));

        // poll(2) passes over negative numbers, and the error of a call that cannot succeed is one.
        void Forget(int offset, LaunchLabel next) =>
            plan.Call("stop watching a closed pipe", SystemCall.close, -1).StoringInto(polls, offset).Then(next);
    }

    private static void Publish(PlanBuilder plan, SupervisorSpec supervisor, Logger logger, int state, LaunchData exit, LaunchData ending)
    {
        var program = plan.Program;
        foreach (var (pipe, stream) in new[] { (Output, 1), (Error, 2) })
        {
            // What has been written is in the pipe. Somebody outside may have a copy of its other end, and is not waited for.
            var (again, empty) = (new LaunchLabel(), new LaunchLabel());
            program.Mark(again);
            logger.Move(pipe, stream, next: empty, whenClosed: null, whenMoved: again);
            program.Mark(empty);
        }

        var write = new LaunchLabel();
        if (supervisor.MemoryEvents is { } events)
        {
            var file = plan.Call($"open '{events}'", SystemCall.openat, AT_FDCWD, plan.Text(events), O_CLOEXEC).OnError(write);
            plan.Call("read whether memory ran out", SystemCall.read, file, Operand.ValueAt(exit, 16), MostEvents).StoringInto(exit, 24).OnError(write);
        }

        program.Mark(write);
        plan.Call("look at the clock", SystemCall.clock_gettime, CLOCK_REALTIME, ending);
        plan.Call("write the exit status", SystemCall.pwritev, Exit, exit, 2, 0, 0);
        plan.Call("publish the exit status", SystemCall.renameat2, state, plan.Text(UnfinishedExitName), state, plan.Text(ExitName), 0);
    }

    private static void ClearAway(PlanBuilder plan, SupervisorSpec supervisor, int state)
    {
        plan.Call("forget the process", SystemCall.unlinkat, state, plan.Text(RunningName), 0).Tolerating(Errno.ENOENT);
        foreach (var directory in supervisor.Directories)
        {
            plan.Call($"remove '{directory}'", SystemCall.unlinkat, AT_FDCWD, plan.Text(directory), AT_REMOVEDIR).Tolerating(Errno.ENOENT);
        }

        if (supervisor.File is { } book)
        {
            plan.Call($"remove '{book}'", SystemCall.unlinkat, AT_FDCWD, plan.Text(book), 0).Tolerating(Errno.ENOENT);
        }

        // The group around it goes with the last one in it.
        foreach (var family in supervisor.Directories.Select(directory => Path.GetDirectoryName(directory)!).Distinct())
        {
            plan.Call($"remove '{family}'", SystemCall.unlinkat, AT_FDCWD, plan.Text(family), AT_REMOVEDIR).Tolerating(Errno.ENOENT, Errno.EBUSY, Errno.ENOTEMPTY);
        }
    }

    private static LaunchData OpenPipe(PlanBuilder plan, int number)
    {
        // Two 32-bit numbers, which loading takes 8 bytes at a time: the kernel looks at the lower 32 bits.
        var ends = plan.Program.Words(0, 0);
        plan.Call("make a pipe", SystemCall.pipe2, ends, O_CLOEXEC);
        plan.Call("keep a pipe", SystemCall.dup3, Operand.ValueAt(ends, 0), number, O_CLOEXEC);
        plan.Call("close a pipe", SystemCall.close, Operand.ValueAt(ends, 0));
        plan.Call("set up a pipe", SystemCall.fcntl, number, F_SETFL, O_NONBLOCK);
        return ends;
    }

    private static LaunchData OpenInput(PlanBuilder plan)
    {
        var ends = plan.Program.Words(0, 0);
        plan.Call("make a pipe", SystemCall.pipe2, ends, O_CLOEXEC);
        plan.Call("keep a pipe", SystemCall.dup3, Operand.ValueAt(ends, 4), Input, O_CLOEXEC);
        plan.Call("close a pipe", SystemCall.close, Operand.ValueAt(ends, 4));
        return ends;
    }

    private static void OpenExit(PlanBuilder plan, int state, LaunchLabel? whenFailed = null)
    {
        var file = plan.Call("open the exit status", SystemCall.openat, state, plan.Text(UnfinishedExitName), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0x180);
        if (whenFailed is not null)
        {
            file.OnError(whenFailed);
        }

        Raise(plan, file, Exit);
    }

    private static void Raise(PlanBuilder plan, LaunchStep descriptor, int number)
    {
        plan.Call("keep a descriptor", SystemCall.dup3, descriptor, number, O_CLOEXEC);
        plan.Call("close a descriptor", SystemCall.close, descriptor);
    }

    private static Operand Poll(int descriptor) => descriptor + ((long)POLLIN << 32);

    /// <summary>The steps that write the log.</summary>
    private sealed class Logger(PlanBuilder plan, SupervisorSpec supervisor, int state)
    {
        // Where struct iovec keeps how much was read.
        private const int ContentLength = 40;

        private readonly LaunchData _limit = plan.Program.Words(CounterMaximum - (ulong)supervisor.LogLimit);
        private readonly LaunchData _content = plan.Program.Add(LaunchData.Slot(MostContent));
        private readonly LaunchData _headSize = plan.Program.Words(RecordHead);

        public void Open()
        {
            Raise(plan, OpenFile(), Log);
            Raise(plan, plan.Call("make a counter", SystemCall.eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK), Counter);
            var used = Math.Min(supervisor.LogSize, supervisor.LogLimit);
            plan.Call("start the counter", SystemCall.write, Counter, plan.Program.Words(CounterMaximum - (ulong)(supervisor.LogLimit - used)), 8);
        }

        /// <summary>Moves what is in a pipe into the log, one record at most.</summary>
        /// <param name="pipe">The pipe.</param>
        /// <param name="stream">1 or 2.</param>
        /// <param name="next">Where to go on, as behind an empty pipe.</param>
        /// <param name="whenClosed">Adds what to do when nobody can write to it any more; null for going on.</param>
        /// <param name="whenMoved">Where to go on behind a record; null for <paramref name="next"/>.</param>
        public void Move(int pipe, int stream, LaunchLabel next, Action? whenClosed, LaunchLabel? whenMoved = null)
        {
            var program = plan.Program;
            var (moved, closed, append, full) = (new LaunchLabel(), new LaunchLabel(), new LaunchLabel(), new LaunchLabel());
            var head = program.Words(0, 0, RecordMark + stream);
            var vector = program.Words(head, 24, 0, 8, _content, 0);
            vector.Point(16, vector, ContentLength);
            plan.Call("read what the container writes", SystemCall.read, pipe, _content, MostContent)
                .StoringInto(vector, ContentLength).OnPositive(moved).OnZero(whenClosed is null ? next : closed).OnError(next);
            if (whenClosed is not null)
            {
                program.Mark(closed);
                whenClosed();
            }

            program.Mark(moved);
            plan.Call("look at the clock", SystemCall.clock_gettime, CLOCK_REALTIME, head);
            plan.Call("count a record's head", SystemCall.write, Counter, _headSize, 8).OnError(full);
            plan.Call("count a record's content", SystemCall.write, Counter, Operand.AddressOf(vector, ContentLength), 8).OnSuccess(append).OnError(full);
            program.Mark(full);
            PutAside(append);

            // On a full disk the container goes on, and what it writes is lost.
            program.Mark(append);
            plan.Call("write a record", SystemCall.writev, Log, vector, 3).Then(whenMoved ?? next);
        }

        private void PutAside(LaunchLabel next)
        {
            var log = plan.Text(LogName);
            plan.Call("put the log aside", SystemCall.renameat2, state, log, state, plan.Text(OlderLogName), 0).OnError(next);
            var file = OpenFile().OnError(next);
            Raise(plan, file, Log);
            plan.Call("read the counter", SystemCall.read, Counter, plan.Program.Add(LaunchData.Slot()), 8);
            plan.Call("start the counter", SystemCall.write, Counter, _limit, 8).OnSuccess(next);
        }

        private LaunchStep OpenFile() =>
            plan.Call("open the log", SystemCall.openat, state, plan.Text(LogName), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0x180);
    }
}

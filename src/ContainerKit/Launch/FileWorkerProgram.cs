using ContainerKit.Linux;

namespace ContainerKit.Launch;

/// <summary>
/// The launch program of a file worker: it enters a user namespace, and from then on performs whatever steps arrive by its socket.
/// A request is steps and their data, ready made for the address that they are received at, so serving them takes no code at all.
/// </summary>
internal sealed class FileWorkerProgram
{
    public const int ReportDescriptor = 3, SocketDescriptor = 4, FirstReceived = 5, MostReceived = 2;

    /// <summary>The largest request, and the room that it has for its answer: an extended attribute of 64 KiB and a few names.</summary>
    public const int BufferSize = 80 * 1024;

    private const int CloneNewUser = 0x10000000, CloneParent = 0x8000;
    private const int SetParentDeathSignal = 1, SetDumpable = 4;
    private const int CloseOnExec = 0x40000000;

    // CMSG_SPACE of two descriptors: a header of 16 bytes, two 32-bit numbers.
    private const int ControlSize = 24;

    /// <param name="setsGroups">Whether groups can be left in the user namespace, as they can where it has a range of ids.</param>
    /// <param name="joined">Which namespaces of a process it enters, whose handle is the descriptor after the socket; with none, it makes a user namespace of its own.</param>
    /// <param name="withNetwork">Whether it then makes a network namespace, too, which that user namespace's root owns.</param>
    public FileWorkerProgram(bool setsGroups, JoinedNamespaces joined = JoinedNamespaces.None, bool withNetwork = false)
    {
        var program = Program;
        var child = new LaunchLabel();
        var exit = new LaunchLabel();
        var started = program.Words(unchecked((uint)LaunchMarks.Started), 0);

        if (joined != JoinedNamespaces.None)
        {
            program.Call("join the container's namespaces", SystemCall.setns, FirstReceived, (int)joined);
            program.Call("close all other descriptors", SystemCall.close_range, FirstReceived, uint.MaxValue, 0);
        }
        else
        {
            program.Call("close all other descriptors", SystemCall.close_range, FirstReceived, uint.MaxValue, 0);
            program.Call("make a user namespace", SystemCall.unshare, CloneNewUser);
            program.Call("ask for its maps", SystemCall.write, ReportDescriptor, program.Words(unchecked((uint)LaunchMarks.NeedsMaps)), 8);
            program.Call("wait for its maps", SystemCall.read, SocketDescriptor, program.Add(LaunchData.Slot()), 8).OnZero(exit);
        }

        program.Call("become group 0", SystemCall.setresgid, 0, 0, 0);
        program.Call("become user 0", SystemCall.setresuid, 0, 0, 0);
        if (setsGroups)
        {
            program.Call("leave all other groups", SystemCall.setgroups, 0, 0);
        }

        if (withNetwork)
        {
            program.Call("make a network namespace", SystemCall.unshare, (int)JoinedNamespaces.Network);
        }

        // The worker is the host's own child, as containers are, and so the host alone waits for it.
        program.Call("start the worker", SystemCall.clone, CloneParent, 0, 0, 0, 0).OnZero(child).StoringInto(started, 4);
        program.Call("report the worker", SystemCall.write, ReportDescriptor, started, 8);
        program.Mark(exit);
        program.Call("end", SystemCall.exit_group, 0);

        program.Mark(child);
        program.Call("die with the host", SystemCall.prctl, SetParentDeathSignal, LibC.SIGKILL, 0, 0, 0);
        program.Call("keep others out", SystemCall.prctl, SetDumpable, 0, 0, 0, 0);
        // Not closed but covered: the kernel gives a received descriptor the lowest free number, and that has to be the first after these.
        program.Call("end the report", SystemCall.dup3, 0, ReportDescriptor, 0);
        Serve(program, exit);

        program.Mark(program.Failure);
        program.Call("report a failure", SystemCall.write, ReportDescriptor, program.FailureRecord, 8).Then(exit);
    }

    public LaunchProgram Program { get; } = new();

    /// <summary>Where a request is received.</summary>
    public LaunchData Buffer { get; } = new(new byte[BufferSize], "[the request]");

    /// <summary>Where a request goes on when it is done.</summary>
    public LaunchStep Next { get; private set; } = null!;

    private void Serve(LaunchProgram program, LaunchLabel exit)
    {
        program.Add(Buffer);
        var control = program.Add(LaunchData.Slot(ControlSize));
        var vector = program.Words(Buffer, BufferSize);

        // struct msghdr: name, its length, vector, its length, control, its length, flags.
        var message = program.Words(0, 0, vector, 1, control, ControlSize, 0);
        var next = new LaunchLabel();
        program.Mark(next);

        // recvmsg(2) overwrites the length of the control buffer, and the interpreter cannot store a constant; but umask(2) answers
        // with what it was last told.
        Next = program.Call("remember the length", SystemCall.umask, ControlSize);
        program.Call("restore the length", SystemCall.umask, 0).StoringInto(message, 40);
        program.Call("receive a request", SystemCall.recvmsg, SocketDescriptor, message, CloseOnExec).OnPositive(LaunchLabel.At(Buffer)).OnZero(exit).OnError(exit);
    }
}

/// <summary>The namespaces of a process that a worker can enter; the values are setns(2)'s.</summary>
[Flags]
internal enum JoinedNamespaces
{
    None = 0,
    User = 0x10000000,
    Network = 0x40000000,
}

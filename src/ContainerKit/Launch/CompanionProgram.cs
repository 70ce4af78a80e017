using ContainerKit.Linux;

namespace ContainerKit.Launch;

/// <summary>The launch program of a program of the host that works for a container: all that it does is to tie that program to this process, whatever ends it.</summary>
internal static class CompanionProgram
{
    private const int ReportDescriptor = 3;
    private const int CloneParent = 0x8000, CloseOnExec = 4, SetParentDeathSignal = 1;

    /// <param name="path">The executable's path on the host.</param>
    /// <param name="arguments">All arguments, the zeroth included.</param>
    public static LaunchProgram Make(string path, IReadOnlyList<string> arguments)
    {
        var program = new LaunchProgram();
        var (child, exit) = (new LaunchLabel(), new LaunchLabel());
        var started = program.Words(unchecked((uint)LaunchMarks.Started), 0);
        program.Call("close all other descriptors", SystemCall.close_range, ReportDescriptor + 1, uint.MaxValue, 0);
        program.Call("mark the report for closing", SystemCall.close_range, ReportDescriptor, uint.MaxValue, CloseOnExec);
        program.Call("start the process", SystemCall.clone, CloneParent | LibC.SIGCHLD, 0, 0, 0, 0).OnZero(child).StoringInto(started, 4);
        program.Call("report the process", SystemCall.write, ReportDescriptor, started, 8);
        program.Mark(exit);
        program.Call("end", SystemCall.exit_group, 0);

        program.Mark(child);
        program.Call("die with the host", SystemCall.prctl, SetParentDeathSignal, LibC.SIGKILL, 0, 0, 0);

        // Nobody reads the report any more: the host has gone before the request was made.
        program.Call("see whether the host is there", SystemCall.ppoll, program.Words(ReportDescriptor), 1, program.Words(0, 0), 0, 0).OnPositive(exit);
        program.Call($"run '{path}'", SystemCall.execve, program.Text(path), program.TextList(arguments), program.TextList([]));

        program.Mark(program.Failure);
        program.Call("report a failure", SystemCall.write, ReportDescriptor, program.FailureRecord, 8).Then(exit);
        return program;
    }
}

using System.Globalization;
using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers.Runs;

/// <summary>
/// Which process a container runs as, written down in <c>containers/ID/running</c> for other processes. Who lives is told by the
/// lock on the container's layer alone: this file outlasts a killed host.
/// </summary>
/// <param name="Program">
/// The container's program; null between the start of a supervisor and that of the program, and for good where the supervisor may start another: then its child is it.
/// </param>
/// <param name="Supervisor">Its parent, when that is not the host.</param>
[SupportedOSPlatform("linux")]
internal sealed record RunningProcess(ProcessIdentity? Program, ProcessIdentity? Supervisor = null)
{
    /// <summary>What is written down in a container's directory; null when nothing is.</summary>
    public static RunningProcess? TryRead(string directory)
    {
        var numbers = (ProcessIdentity.TryReadText(PathIn(directory)) ?? "").Split(' ')
            .Select(text => ulong.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : 0).ToArray();
        return numbers.Length is 2 or 4 ? new RunningProcess(At(0), numbers.Length == 4 ? At(2) : null) : null;

        ProcessIdentity? At(int index) => numbers[index] == 0 ? null : new ProcessIdentity((int)numbers[index], numbers[index + 1]);
    }

    /// <summary>When it was started: when that was written down, or that it was started again.</summary>
    public static DateTimeOffset StartOf(string directory)
    {
        DateTimeOffset written = File.GetLastWriteTimeUtc(PathIn(directory));
        return RestartFiles.Last(directory) is { } again && again > written ? again : written;
    }

    public static void Erase(string directory)
    {
        try
        {
            File.Delete(PathIn(directory));
        }
        catch (DirectoryNotFoundException)
        {
            // The container has been removed meanwhile.
        }
    }

    /// <summary>Writes it down.</summary>
    /// <param name="directory">The container's.</param>
    /// <param name="start">The start of the run, where it has been written down before; now when null.</param>
    public void Write(string directory, DateTimeOffset? start = null)
    {
        var aside = Path.Combine(directory, "." + SupervisorSteps.RunningName);
        File.WriteAllText(aside, Supervisor is null ? $"{Text(Program)}" : $"{Text(Program)} {Text(Supervisor)}");
        if (start is { } known)
        {
            File.SetLastWriteTimeUtc(aside, known.UtcDateTime);
        }

        File.Move(aside, PathIn(directory), overwrite: true);

        static string Text(ProcessIdentity? process) => string.Create(CultureInfo.InvariantCulture, $"{process?.ProcessId ?? 0} {process?.StartTime ?? 0}");
    }

    /// <summary>The program that a supervisor has started whose host ended before that could be written down; null while there is none.</summary>
    public ProcessIdentity? FindProgram() => Supervisor is { } supervisor && ProcessIdentity.TryFind(supervisor.ProcessId) == supervisor
        ? ProcessTree.FindChildren(supervisor.ProcessId).Select(ProcessIdentity.TryFind).FirstOrDefault(child => child?.IsFirstOfItsNamespace() == true && (child.HasOtherProgram(supervisor) || child.IsInitOfOther(supervisor)))
        : null;

    /// <summary>The program, written down or not; null while there is none.</summary>
    public ProcessIdentity? FindProgramNow() => Program is { } program && (Supervisor is null || ProcessIdentity.TryFind(program.ProcessId) == program) ? program : FindProgram();

    /// <summary>Has a supervisor look whether somebody stopped its container. Any signal that it watches for ends its pause.</summary>
    public void WakeSupervisor()
    {
        using var supervisor = Supervisor?.TryOpen();
        if (supervisor is not null)
        {
            ProcessCalls.Signal(supervisor, KernelFlags.SIGCHLD);
        }
    }

    /// <summary>Kills it, paused or not, and waits for its end as long as the token lets it. One that has ended already is no error.</summary>
    public async Task EndAsync(Cgroup? group, CancellationToken cancellationToken)
    {
        if (Program is null || (Supervisor is not null && ProcessIdentity.TryFind(Program.ProcessId) != Program))
        {
            // Its supervisor is about to start it, or has just done so, or may start it again.
            using var starting = Supervisor?.TryOpen();
            if (starting is not null)
            {
                if (FindProgram() is { } started)
                {
                    await (this with { Program = started }).EndAsync(group, cancellationToken).ConfigureAwait(false);
                    await ProcessIdentity.WaitAsync(starting, cancellationToken).ConfigureAwait(false);
                    return;
                }

                ProcessTree.Kill(Supervisor!.ProcessId);
                await ProcessIdentity.WaitAsync(starting, cancellationToken).ConfigureAwait(false);
            }

            return;
        }

        using var process = Program.TryOpen();
        if (process is not null && Program.IsFirstOfItsNamespace())
        {
            ProcessCalls.Signal(process, LibC.SIGKILL);
            group?.Thaw();
            await ProcessIdentity.WaitAsync(process, cancellationToken).ConfigureAwait(false);
        }
    }

    private static string PathIn(string directory) => Path.Combine(directory, SupervisorSteps.RunningName);
}

/// <summary>One process of all that have ever had its number.</summary>
/// <param name="ProcessId">Its number, which comes again.</param>
/// <param name="StartTime">When it started, in clock ticks since the machine did.</param>
[SupportedOSPlatform("linux")]
internal sealed record ProcessIdentity(int ProcessId, ulong StartTime)
{
    // proc(5), /proc/PID/stat: the start time is field 22, and the first that stands behind the program's name is field 3.
    private const int StartTimeBehindName = 22 - 3;

    /// <summary>What /proc says of a process; null when there is none of that number.</summary>
    public static ProcessIdentity? TryFind(int processId)
    {
        // The name, in parentheses, is the program's own choice, parentheses included.
        return TryReadText($"/proc/{processId}/stat") is { } stat
            && stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries) is { Length: > StartTimeBehindName } fields
            && ulong.TryParse(fields[StartTimeBehindName], CultureInfo.InvariantCulture, out var startTime)
            ? new ProcessIdentity(processId, startTime)
            : null;
    }

    /// <summary>A handle of it; null when it has ended. From here on the handle stands for one process, whatever becomes of its number.</summary>
    public SafeFileHandle? TryOpen()
    {
        if (TryFind(ProcessId) != this)
        {
            return null;
        }

        var process = ProcessCalls.TryOpenProcess(ProcessId);
        if (TryFind(ProcessId) == this)
        {
            return process;
        }

        process?.Dispose();
        return null;
    }

    /// <summary>Waits for a process's end.</summary>
    public static async Task WaitAsync(SafeFileHandle process, CancellationToken cancellationToken)
    {
        using var registration = EventLoop.Shared.Watch(process);
        await registration.WaitAsync(forWriting: false, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether it is number 1 of a pid namespace, as a container's program is: NSpid of /proc/PID/status has its numbers in this one and in each below.</summary>
    public bool IsFirstOfItsNamespace() => TryReadText($"/proc/{ProcessId}/status")?
        .Split('\n').FirstOrDefault(line => line.StartsWith("NSpid:", StringComparison.Ordinal))?
        .EndsWith("\t1", StringComparison.Ordinal) ?? false;

    /// <summary>Whether it runs another program than a process that it came from, and so has begun its own.</summary>
    public bool HasOtherProgram(ProcessIdentity origin) => ProgramOf(ProcessId) is { } program && program != ProgramOf(origin.ProcessId);

    /// <summary>Whether it is an init, which has no program of its own, and what it has started has begun another.</summary>
    public bool IsInitOfOther(ProcessIdentity origin) =>
        ProcessTree.FindChildren(ProcessId).Select(TryFind).Any(child => child?.HasOtherProgram(origin) == true);

    private static string? ProgramOf(int processId)
    {
        try
        {
            return new FileInfo($"/proc/{processId}/exe").LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended, or shuts itself off from others, as launch programs do.
            return null;
        }
    }

    public static string? TryReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException e) when (e is FileNotFoundException or DirectoryNotFoundException || e.HResult == Errno.ESRCH)
        {
            // "No such process" is what /proc answers when one ends while its file is read.
            return null;
        }
    }
}

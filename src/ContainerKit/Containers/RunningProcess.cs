using System.Globalization;
using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Containers;

/// <summary>
/// Which process a container runs as, written down in <c>containers/ID/running</c> for other processes that are to end it. Who
/// lives is told by the lock on the container's layer alone: this file outlasts a killed host.
/// </summary>
/// <param name="ProcessId">Its number, which comes again.</param>
/// <param name="StartTime">When it started, in clock ticks since the machine did: of all processes of one number, this tells which.</param>
[SupportedOSPlatform("linux")]
internal sealed record RunningProcess(int ProcessId, ulong StartTime)
{
    private const string FileName = "running";

    // proc(5), /proc/PID/stat: the start time is field 22, and the first that stands behind the program's name is field 3.
    private const int StartTimeBehindName = 22 - 3;

    /// <summary>What /proc says of a process; null when there is none of that number.</summary>
    public static RunningProcess? TryFind(int processId)
    {
        // The name, in parentheses, is the program's own choice, parentheses included.
        return TryReadText($"/proc/{processId}/stat") is { } stat
            && stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries) is { Length: > StartTimeBehindName } fields
            && ulong.TryParse(fields[StartTimeBehindName], CultureInfo.InvariantCulture, out var startTime)
            ? new RunningProcess(processId, startTime)
            : null;
    }

    /// <summary>What is written down in a container's directory; null when nothing is.</summary>
    public static RunningProcess? TryRead(string directory) =>
        TryReadText(Path.Combine(directory, FileName))?.Split(' ') is [var processId, var startTime]
        && int.TryParse(processId, CultureInfo.InvariantCulture, out var id)
        && ulong.TryParse(startTime, CultureInfo.InvariantCulture, out var time)
            ? new RunningProcess(id, time)
            : null;

    public static void Erase(string directory) => File.Delete(Path.Combine(directory, FileName));

    public void Write(string directory)
    {
        var aside = Path.Combine(directory, "." + FileName);
        File.WriteAllText(aside, string.Create(CultureInfo.InvariantCulture, $"{ProcessId} {StartTime}"));
        File.Move(aside, Path.Combine(directory, FileName), overwrite: true);
    }

    /// <summary>Kills it, and waits for its end as long as the token lets it. One that has ended already is no error.</summary>
    public async Task EndAsync(CancellationToken cancellationToken)
    {
        if (TryFind(ProcessId) != this)
        {
            return;
        }

        // From here on the handle stands for one process, whatever becomes of its number: that it is ours is looked up once more.
        using var process = ProcessCalls.OpenProcess(ProcessId);
        if (TryFind(ProcessId) == this && IsFirstOfItsNamespace())
        {
            ProcessCalls.Signal(process, LibC.SIGKILL);
            using var registration = EventLoop.Shared.Watch(process);
            await registration.WaitAsync(forWriting: false, cancellationToken).ConfigureAwait(false);
        }
    }

    // NSpid of /proc/PID/status: its numbers in this pid namespace and in each below. A container's program is number 1 of the last.
    private bool IsFirstOfItsNamespace() => TryReadText($"/proc/{ProcessId}/status")?
        .Split('\n').FirstOrDefault(line => line.StartsWith("NSpid:", StringComparison.Ordinal))?
        .EndsWith("\t1", StringComparison.Ordinal) ?? false;

    private static string? TryReadText(string path)
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

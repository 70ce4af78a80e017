using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using static Tmds.Linux.LibC;

namespace ContainerKit.Launch;

/// <summary>
/// Tries, in a process of its own, what settings and versions cannot tell: whether this user gets a user namespace with rights in it,
/// and can stack directories there. The process ends at once and takes everything with it.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class UserNamespaceTrial
{
    private const int ReportDescriptor = 3;
    private const int CloneNewUser = 0x10000000, CloneNewMount = 0x20000;
    private const int CloseOnExec = 1, SetFlag = 0, SetString = 1, Create = 6;
    private const string OverlayWords = "mount an overlay in a user namespace";

    private static readonly string[] Arguments = ["c"];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Enters a user namespace. Null when that works, otherwise the step that failed.</summary>
    /// <param name="userId">This process's user.</param>
    /// <param name="groupId">This process's group.</param>
    /// <param name="programDirectory">Where launch programs go on hosts that forbid them in memory.</param>
    public static Task<LaunchFailedException?> EnterAsync(uint userId, uint groupId, string programDirectory) =>
        RunAsync(Plan(userId, groupId), programDirectory);

    /// <summary>Enters a user namespace and builds an overlay, which is mounted nowhere. Null when that works, otherwise the step that failed.</summary>
    public static Task<LaunchFailedException?> StackAsync(uint userId, uint groupId, string programDirectory, string lower, string upper, string work)
    {
        var program = Plan(userId, groupId, p =>
        {
            var context = p.Call(OverlayWords, SystemCall.fsopen, p.Text("overlay"), CloseOnExec);
            foreach (var (key, path) in ((string, string)[])[("lowerdir", lower), ("upperdir", upper), ("workdir", work)])
            {
                p.Call(OverlayWords, SystemCall.fsconfig, context, SetString, p.Text(key), p.Text(path), 0);
            }

            p.Call(OverlayWords, SystemCall.fsconfig, context, SetFlag, p.Text("userxattr"), 0, 0);
            p.Call(OverlayWords, SystemCall.fsconfig, context, Create, 0, 0, 0);
            p.Call(OverlayWords, SystemCall.fsmount, context, CloseOnExec, 0);
        });
        return RunAsync(program, programDirectory);
    }

    private static LaunchProgram Plan(uint userId, uint groupId, Action<LaunchProgram>? inside = null)
    {
        var program = new LaunchProgram();
        var exit = new LaunchLabel();
        program.Call("close all other descriptors", SystemCall.close_range, ReportDescriptor + 1, uint.MaxValue, 0);
        program.Call("make a user namespace", SystemCall.unshare, CloneNewUser);

        // Some hosts give the namespace but no rights in it; only the next ones tell.
        WriteFile(program, "/proc/self/setgroups", "deny");
        WriteFile(program, "/proc/self/uid_map", UserMap.Single(userId, groupId).Users[0].ToString());
        WriteFile(program, "/proc/self/gid_map", UserMap.Single(userId, groupId).Groups[0].ToString());
        program.Call("make a mount namespace in a user namespace", SystemCall.unshare, CloneNewMount);
        inside?.Invoke(program);
        program.Mark(exit);
        program.Call("end", SystemCall.exit_group, 0).Then(LaunchLabel.Nowhere);
        program.Mark(program.Failure);
        program.Call("report a failure", SystemCall.write, ReportDescriptor, program.FailureRecord, 8).Then(exit);
        return program;
    }

    private static void WriteFile(LaunchProgram program, string path, string content)
    {
        var words = $"write '{content}' to '{path}'";
        var file = program.Call(words, SystemCall.openat, AT_FDCWD, program.Text(path), O_WRONLY);
        program.Call(words, SystemCall.write, file, program.Text(content), content.Length);
    }

    private static async Task<LaunchFailedException?> RunAsync(LaunchProgram program, string programDirectory)
    {
        using var file = ProgramFile.Create(ElfImage.Write(program, RuntimeInformation.ProcessArchitecture), programDirectory);
        using var device = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        using var empty = ProcessCalls.Raise(device);
        var (read, write) = ProcessCalls.MakePipe();
        using var report = new LaunchReport(read, program);
        int process;
        using (write)
        {
            process = await Spawner.StartAsync($"/proc/self/fd/{file.DangerousGetHandle()}", Arguments, [empty, empty, empty, write]).ConfigureAwait(false);
        }

        using var limited = new CancellationTokenSource(Patience);
        try
        {
            var record = await report.ReadAsync(limited.Token).ConfigureAwait(false);
            return record?.Failure;
        }
        catch (OperationCanceledException)
        {
            using var handle = ProcessCalls.OpenProcess(process);
            ProcessCalls.Signal(handle, SIGKILL);
            return new LaunchFailedException($"It was not done after {Patience.TotalSeconds:0} s.");
        }
        finally
        {
            ProcessCalls.Reap(process);
        }
    }
}

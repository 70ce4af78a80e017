using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Launch;

/// <summary>What to launch, and what the launch program finds as its descriptors.</summary>
/// <param name="Program">The program. It reports on descriptor 3.</param>
/// <param name="Streams">Descriptors 0, 1 and 2.</param>
/// <param name="Others">Descriptors 4, 5, …</param>
internal sealed record LaunchRequest(LaunchProgram Program, IReadOnlyList<SafeFileHandle> Streams, IReadOnlyList<SafeFileHandle> Others)
{
    /// <summary>Where launch programs go on hosts that forbid them in memory.</summary>
    public string? ProgramDirectory { get; init; }

    /// <summary>What to do when the program waits for its id maps; the number is that of the waiting process.</summary>
    public Func<int, CancellationToken, Task>? GiveMaps { get; init; }

    /// <summary>What to do when the process that was started waits for its network: its number and its handle.</summary>
    public Func<int, SafeFileHandle, Task>? GiveNetwork { get; init; }

    /// <summary>Called when the program has its descriptors: those that it must be the only one to hold can be closed here.</summary>
    public Action? Started { get; init; }

    /// <summary>
    /// Called with the number of the process that the program is, before anything else; null where that ends when the container's has
    /// begun. Where it is not null, the program stays, as the parent of the container's.
    /// </summary>
    public Action<int>? Supervise { get; init; }

    /// <summary>Called at the end of the report of a program that stays: whether the container's program has begun. Until it is called, nobody reaps that.</summary>
    public Action<bool>? Reported { get; init; }

    /// <summary>Whether the program may go on as another process: a child of this one, which is reaped like itself.</summary>
    public bool MayContinue { get; init; }

    /// <summary>Whether a process that was reported is what it should be: what has access to the program could report another.</summary>
    public Func<int, bool>? IsExpected { get; init; }

    /// <summary>How long it may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);
}

/// <summary>A process that a launch program has started. It is this process's child, or that of a supervisor, which is.</summary>
internal readonly record struct LaunchedProcess(int ProcessId, SafeFileHandle Handle)
{
    /// <summary>The launch program, where that stays as a supervisor; 0 where it does not.</summary>
    public int SupervisorId { get; init; }
}

/// <summary>
/// Runs launch programs: makes the executable, starts it, and follows its report until the container's program has taken its place.
/// </summary>
/// <remarks>
/// The report is a pipe that closes on exec, so its end means success; before that come records of 8 bytes, as
/// <see cref="LaunchReport"/> reads them. Whatever happens, the launch program and what it started are reaped.
/// </remarks>
[SupportedOSPlatform("linux")]
internal static class Launcher
{
    private static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(5);
    private static readonly string[] Arguments = ["c"];

    /// <exception cref="LaunchFailedException">A step failed.</exception>
    public static async Task<LaunchedProcess> LaunchAsync(LaunchRequest request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (ProcessCalls.LosesExitStatuses())
        {
            throw new HostCapabilityException(
                "exit-statuses",
                "The container cannot start: this process ignores SIGCHLD, and so the kernel throws the exit statuses of its children away.")
            {
                Hint = "Start this program from a parent that leaves SIGCHLD alone, or set it to its default first.",
            };
        }

        var image = ElfImage.Write(request.Program, System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture);
        using var file = ProgramFile.Create(image, request.ProgramDirectory);
        var (read, write) = ProcessCalls.MakePipe();
        using var report = new LaunchReport(read, request.Program);
        using var raised = new RaisedHandles();
        int launcher;
        using (write)
        {
            SafeFileHandle[] descriptors = [.. request.Streams.Select(raised.Get), write, .. request.Others.Select(raised.Get)];
            try
            {
                launcher = await Spawner.StartAsync($"/proc/self/fd/{file.DangerousGetHandle()}", Arguments, descriptors).ConfigureAwait(false);
            }
            catch (LinuxException exception)
            {
                throw CannotRun(exception);
            }
        }

        using (var supervisor = request.Supervise is null ? null : ProcessCalls.OpenProcess(launcher))
        {
            try
            {
                request.Supervise?.Invoke(launcher);
            }
            catch
            {
                ProcessCalls.Signal(supervisor!, LibC.SIGKILL);
                ProcessCalls.Reap(launcher);
                throw;
            }
        }

        request.Started?.Invoke();
        return await FollowAsync(request, report, launcher, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<LaunchedProcess> FollowAsync(LaunchRequest request, LaunchReport report, int launcher, CancellationToken cancellationToken)
    {
        SafeFileHandle? process = null;
        var processId = 0;
        var network = request.GiveNetwork;
        var awaitsNetwork = false;
        var hasSuccessorEnded = false;
        LaunchFailedException? failure = null;
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(request.Timeout);
        try
        {
            while (await report.ReadAsync(limited.Token).ConfigureAwait(false) is { } record)
            {
                switch (record)
                {
                    // Exactly one is taken. It must be our child: its number then stays its own until we reap it. A supervisor's may have failed and be
                    // gone by now, and what comes next says why.
                    case { Kind: LaunchRecordKind.Started } when process is null:
                        processId = record.Value;
                        process = request.Supervise is null ? ProcessCalls.OpenProcess(processId) : ProcessCalls.TryOpenProcess(processId);
                        break;
                    case { Kind: LaunchRecordKind.NeedsMaps } when request.GiveMaps is { } giveMaps:
                        await giveMaps(request.Supervise is null ? launcher : ChildOf(launcher), limited.Token).ConfigureAwait(false);
                        break;
                    case { Kind: LaunchRecordKind.NeedsNetwork }:
                        awaitsNetwork = true;
                        break;
                    case { Kind: LaunchRecordKind.Failed }:
                        failure ??= record.Failure;
                        break;
                }

                // Who started it and it itself report in no order.
                if (awaitsNetwork && process is not null && network is { } give)
                {
                    network = null;
                    await give(processId, process).ConfigureAwait(false);
                }
            }

            request.Reported?.Invoke(failure is null && process is not null);
            if (request.Supervise is not null && failure is null && process is not null)
            {
                return IsChildOf(processId, launcher)
                    ? new LaunchedProcess(processId, process) { SupervisorId = launcher }
                    : throw new LaunchFailedException("The launch program reported a process that is not its child.");
            }

            ReapLauncher(launcher, out var launcherEnd);
            launcher = 0;
            if (SuccessorOf(request, report) is > 0 and var successor)
            {
                ReapLauncher(successor, out launcherEnd);
                hasSuccessorEnded = true;
            }

            if (failure is not null)
            {
                throw failure;
            }

            if (process is null || !ProcessCalls.IsChild(process))
            {
                throw new LaunchFailedException($"The launch program ended without a word ({launcherEnd}).");
            }

            if (request.IsExpected?.Invoke(processId) == false)
            {
                throw new LaunchFailedException("The launch program reported a process that does not belong to the container.");
            }

            return new LaunchedProcess(processId, process);
        }
        catch (Exception exception)
        {
            await AbandonAsync(report, launcher, process is null ? null : new LaunchedProcess(processId, process)).ConfigureAwait(false);
            if (!hasSuccessorEnded && SuccessorOf(request, report) is > 0 and var successor)
            {
                using var handle = ProcessCalls.OpenProcess(successor);
                await KillTreeAsync(successor, handle).ConfigureAwait(false);
            }

            if (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                throw new LaunchFailedException($"The launch program was not done after {request.Timeout.TotalSeconds:0} s.");
            }

            throw;
        }
    }

    /// <summary>Ends what was begun, so that no process stays behind.</summary>
    private static async Task AbandonAsync(LaunchReport report, int launcher, LaunchedProcess? process)
    {
        if (launcher != 0)
        {
            // The launch program may be about to report what it has started. Killing it first would leave a child that nobody knows.
            process ??= await report.AwaitProcessAsync(TimeSpan.FromSeconds(5)).ConfigureAwait(false);
            using var handle = ProcessCalls.OpenProcess(launcher);
            await KillTreeAsync(launcher, handle).ConfigureAwait(false);
        }

        if (process is not var (processId, itself))
        {
            return;
        }

        using (itself)
        {
            if (ProcessCalls.IsChild(itself))
            {
                await KillTreeAsync(processId, itself).ConfigureAwait(false);
            }
        }
    }

    private static int SuccessorOf(LaunchRequest request, LaunchReport report) => request.MayContinue ? report.Successor : 0;

    // By now it may be the container's program already, and have children of its own.
    private static async Task KillTreeAsync(int processId, SafeFileHandle process)
    {
        try
        {
            ProcessTree.Kill(processId);
        }
        finally
        {
            ProcessCalls.Signal(process, LibC.SIGKILL);

            // What was frozen meanwhile (by the freezer of version 1) dies when it is thawed, and is not waited for.
            await Task.WhenAny(ReapAsync(ProcessCalls.Raise(process)), Task.Delay(LongestEnd)).ConfigureAwait(false);
        }
    }

    private static async Task ReapAsync(SafeFileHandle process)
    {
        using (process)
        {
            using var registration = EventLoop.Shared.Watch(process);
            await registration.WaitAsync(forWriting: false, CancellationToken.None).ConfigureAwait(false);
            ProcessCalls.Reap(process);
        }
    }

    // A supervisor has one child while the launch lasts.
    private static int ChildOf(int supervisor) => ProcessTree.FindChildren(supervisor) is [var child, ..]
        ? child
        : throw new LaunchFailedException("The launch program ended without a word.");

    // A container that has ended by now has been reaped by its parent.
    private static bool IsChildOf(int processId, int parent) => ProcessTree.ParentOf(processId) is var found && (found is null || found == parent);

    private static void ReapLauncher(int launcher, out string end)
    {
        var (value, isSignal) = ProcessCalls.Reap(launcher);
        end = isSignal ? $"signal {value}" : $"exit code {value}";
    }

    private static Exception CannotRun(LinuxException exception) => exception.Errno is Errno.EACCES or Errno.EPERM
        ? new HostCapabilityException("memfd-exec", "This host does not let programs run from memory.", exception)
        {
            Hint = "A security module (SELinux, AppArmor) or a noexec mount forbids it; its log names the rule.",
        }
        : new LaunchFailedException($"The launch program cannot start: {LinuxException.Describe(exception.Errno)}.", exception);

    /// <summary>Gives every handle a high number, and closes those copies that it had to make.</summary>
    private sealed class RaisedHandles : IDisposable
    {
        private readonly List<SafeFileHandle> _copies = [];

        public SafeFileHandle Get(SafeFileHandle handle)
        {
            if (ProcessCalls.IsHigh(handle))
            {
                return handle;
            }

            var copy = ProcessCalls.Raise(handle);
            _copies.Add(copy);
            return copy;
        }

        public void Dispose()
        {
            foreach (var copy in _copies)
            {
                copy.Dispose();
            }
        }
    }
}

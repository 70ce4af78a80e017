using System.Runtime.Versioning;
using ContainerKit.Launch;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Isolation;

/// <summary>
/// A process that runs isolated: a container's first, or one that joined it. When the first ends, the kernel ends all others of
/// its pid namespace.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class IsolatedProcess : IDisposable
{
    private readonly IsolationEngine _engine;
    private readonly IsolationSpec _container;
    private readonly Task<ProcessEnd> _end;
    private readonly Lock _reaping = new();
    private readonly bool _isOurs;
    private bool _isReaped;
    private int _isDisposed;

    internal IsolatedProcess(IsolationEngine engine, IsolationSpec container, LaunchedProcess process, SafeFileHandle? terminal = null)
    {
        Terminal = terminal;
        _engine = engine;
        _container = container;
        ProcessId = process.ProcessId;
        Handle = process.Handle;
        _isOurs = true;
        _end = ReapAsync();
    }

    /// <summary>One that is somebody else's child; letting go of it does not end it.</summary>
    internal IsolatedProcess(IsolationEngine engine, IsolationSpec container, int processId, SafeFileHandle handle, Task<ProcessEnd> end)
    {
        (_engine, _container, ProcessId, Handle) = (engine, container, processId, handle);
        _end = FollowAsync(end);
    }

    /// <summary>Its number on the host.</summary>
    public int ProcessId { get; }

    /// <summary>A pidfd: pidfd_open(2). It stays this object's.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>The outer side of its terminal, for whoever takes it; null where it has none.</summary>
    public SafeFileHandle? Terminal { get; }

    /// <summary>Waits for the end, as often as one likes. The process is reaped whether or not anybody waits.</summary>
    public Task<ProcessEnd> WaitAsync(CancellationToken cancellationToken = default) => _end.WaitAsync(cancellationToken);

    /// <summary>Sends a signal. One that comes after the end is ignored.</summary>
    public void Signal(int signal)
    {
        if (!_end.IsCompleted)
        {
            ProcessCalls.Signal(Handle, signal);
        }
    }

    /// <summary>
    /// Kills the process with all that descends from it. What has lost its parent before is found only where it has a keeper: elsewhere it belongs to the container's
    /// first process, and ends with that.
    /// </summary>
    public void KillTree() => SignalTree(LibC.SIGKILL);

    /// <summary>Sends a signal to the process and all that descends from it, found as <see cref="KillTree"/> finds it.</summary>
    /// <param name="signal">The signal.</param>
    /// <param name="sparesItself">Whether only those below it get it, because it would pass it on.</param>
    public void SignalTree(int signal, bool sparesItself = false)
    {
        // Not reaped meanwhile, so its number stays its own.
        lock (_reaping)
        {
            if (!_isReaped)
            {
                ProcessTree.Signal([ProcessId], signal, sparesItself ? [ProcessId] : []);
            }
        }
    }

    /// <summary>Starts a further process in the same namespaces; done when its program has begun to run.</summary>
    /// <param name="process">The process.</param>
    /// <param name="streams">What it reads and writes.</param>
    /// <param name="group">The directory of a cgroup of version 2 that is its own; null for none.</param>
    /// <param name="isKept">Whether it has a keeper: then that is the result, which ends as the program does, and <see cref="KillTree"/> finds all that descends from it.</param>
    /// <param name="cancellationToken">Gives up; nothing runs then.</param>
    /// <exception cref="IsolationException">A step failed; <see cref="IsolationException.Step"/> names it.</exception>
    public Task<IsolatedProcess> JoinAsync(ProcessSpec process, LaunchStreams streams, string? group = null, bool isKept = false, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        return _engine.JoinAsync(_container, this, process, streams, group, isKept, cancellationToken);
    }

    /// <summary>Kills the process when it still runs, and lets go of it. It is reaped all the same.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            if (_isOurs)
            {
                Signal(LibC.SIGKILL);
            }

            Terminal?.Dispose();

            _ = CloseAsync();
        }
    }

    private async Task<ProcessEnd> ReapAsync()
    {
        using var registration = EventLoop.Shared.Watch(Handle);
        await registration.WaitAsync(forWriting: false, CancellationToken.None).ConfigureAwait(false);
        (int Value, bool IsSignal) end;
        lock (_reaping)
        {
            end = ProcessCalls.Reap(Handle);
            _isReaped = true;
        }

        var (value, isSignal) = end;
        return isSignal ? new ProcessEnd(null, value) : new ProcessEnd(value, null);
    }

    private async Task<ProcessEnd> FollowAsync(Task<ProcessEnd> end)
    {
        try
        {
            return await end.ConfigureAwait(false);
        }
        finally
        {
            lock (_reaping)
            {
                _isReaped = true;
            }
        }
    }

    private async Task CloseAsync()
    {
        if (_isOurs)
        {
            // How it ended, or that nobody could learn it, is for those who wait.
            await ((Task)_end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Handle.Dispose();
    }
}

/// <summary>How a process ended: by its own exit code or by a signal.</summary>
internal readonly record struct ProcessEnd(int? ExitCode, int? Signal);

/// <summary>What a process gets as descriptors 0, 1 and 2; null means /dev/null. They stay the caller's, who closes them after the start.</summary>
internal sealed record LaunchStreams(SafeFileHandle? Input = null, SafeFileHandle? Output = null, SafeFileHandle? Error = null);

using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Launch;

/// <summary>
/// A file worker that is started by the first call that needs it: much of what a store is asked needs none, and has to work where
/// none is to be had.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class LazyFileWorker : IDisposable
{
    private readonly Func<Task<FileWorker>> _start;
    private readonly Lock _gate = new();
    private Task<FileWorker>? _starting;
    private bool _isDisposed;

    public LazyFileWorker(Func<Task<FileWorker>> start)
    {
        _start = start;
        Calls = new WorkerFileCalls(Get);
    }

    /// <summary>The calls. Each may throw a <see cref="HostCapabilityException"/>, as long as the host grants no worker.</summary>
    public FileCalls Calls { get; }

    /// <summary>
    /// Waits for the worker without keeping a thread: many who need it at once, each on a thread of the pool, would leave none to start it with. One that cannot
    /// be started is the business of those who make calls.
    /// </summary>
    public async Task PrepareAsync() => await ((Task)Begin()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    public void Dispose()
    {
        Task<FileWorker>? starting;
        lock (_gate)
        {
            _isDisposed = true;
            starting = _starting;
            _starting = null;
        }

        // One that is just being started must not be left behind. If it cannot be started, the one who needs it is told.
        if (starting is not null && Task.WhenAny(starting).GetAwaiter().GetResult().IsCompletedSuccessfully)
        {
            starting.Result.Dispose();
        }
    }

    // File calls are synchronous. Those who come while it is being started wait for a task and not for the lock: the pool then gives
    // them another thread to go on with.
    private FileWorker Get() => Begin().GetAwaiter().GetResult();

    private Task<FileWorker> Begin()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);

            // A start that failed is no verdict for ever: the next call may find the host changed.
            return _starting = _starting is { IsFaulted: false, IsCanceled: false } known ? known : Task.Run(_start);
        }
    }
}

using System.Diagnostics;
using System.Runtime.Versioning;
using ContainerKit.Containers.Runs;
using ContainerKit.Linux;

namespace ContainerKit.Containers.Health;

/// <summary>Checks the health of one run, again and again, for as long as it lasts and somebody holds it.</summary>
[SupportedOSPlatform("linux")]
internal sealed class HealthMonitor : IDisposable
{
    private readonly ContainerRun _run;
    private readonly HealthCheck _check;
    private readonly Action<ContainerHealth> _told;
    private readonly CancellationTokenSource _over = new();
    private readonly SemaphoreSlim _hurry = new(0, 1);
    private volatile ContainerHealth _health;
    private int _waiters, _restarts;
    private long _began = Stopwatch.GetTimestamp();

    /// <param name="run">The run.</param>
    /// <param name="check">How.</param>
    /// <param name="known">What is known so far.</param>
    /// <param name="told">Told of every result.</param>
    public HealthMonitor(ContainerRun run, HealthCheck check, ContainerHealth known, Action<ContainerHealth> told)
    {
        (_run, _check, _health, _told, _restarts) = (run, check, known, told, run.Restarts);
        _ = WatchAsync();
    }

    public ContainerHealth Health => _health;

    /// <summary>Checks at once, and more often, until the result is disposed of.</summary>
    public IDisposable Hurry()
    {
        Interlocked.Increment(ref _waiters);
        try
        {
            _hurry.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is about to check anyway.
        }

        return new Waiter(this);
    }

    public void Dispose() => _over.Cancel();

    private bool IsStarting => Stopwatch.GetElapsedTime(_began) < _check.StartPeriod;

    private async Task WatchAsync()
    {
        var over = _over.Token;
        _ = _run.Exit.ContinueWith(_ => _over.Cancel(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        try
        {
            while (true)
            {
                await _hurry.WaitAsync(IsStarting || Volatile.Read(ref _waiters) > 0 ? _check.StartInterval : _check.Interval, over).ConfigureAwait(false);
                await CheckAsync(over).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // It is over.
        }
    }

    private async Task CheckAsync(CancellationToken over)
    {
        if (_run.IsBetweenRuns || _run.IsPaused)
        {
            return;
        }

        if (_run.Restarts is var restarts && restarts != _restarts)
        {
            (_restarts, _began, _health) = (restarts, Stopwatch.GetTimestamp(), new ContainerHealth { Status = HealthStatus.Starting });
        }

        var isStarting = IsStarting;
        var (exitCode, output) = await TryRunAsync(over).ConfigureAwait(false);
        var health = _health.After(_check, exitCode, output, DateTimeOffset.UtcNow, isStarting);

        // Written down first: who sees it here finds it there.
        _told(health);
        _health = health;
    }

    private async Task<(int? ExitCode, string Output)> TryRunAsync(CancellationToken over)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(over);
        patience.CancelAfter(_check.Timeout);
        try
        {
            var result = await _run.ExecAsync(_check.Program, new ExecOptions(), patience.Token).ConfigureAwait(false);
            return (result.ExitStatus.ShellCode, result.StandardOutput + result.StandardError);
        }
        catch (OperationCanceledException) when (!over.IsCancellationRequested)
        {
            return (null, $"It took more than {_check.Timeout.TotalSeconds:0.###} seconds.");
        }
        catch (Exception e) when (e is ContainerKitException or IOException or LinuxException or ObjectDisposedException)
        {
            over.ThrowIfCancellationRequested();
            return (null, e.Message);
        }
    }

    private sealed class Waiter(HealthMonitor monitor) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref monitor._waiters);
    }
}

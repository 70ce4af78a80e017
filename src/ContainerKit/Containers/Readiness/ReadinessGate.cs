using System.Runtime.Versioning;
using ContainerKit.Containers.Runs;

namespace ContainerKit.Containers.Readiness;

/// <summary>Waits until a container is ready, and tells all that is known when it will not be.</summary>
[SupportedOSPlatform("linux")]
internal static class ReadinessGate
{
    private const int KillSignal = 9;
    private const int MostLines = 50, MostChanges = 200;
    private static readonly TimeSpan DefaultTime = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestInquest = TimeSpan.FromSeconds(5);

    /// <summary>Waits for a container that has just been started, and ends it when it does not become ready.</summary>
    public static async Task RequireAsync(RunningContainer running, ContainerRun run, Ready? ready, CancellationToken cancellationToken)
    {
        if (ready is null)
        {
            return;
        }

        try
        {
            await WaitAsync(running, run, ready, hasReader: false, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            run.End(KillSignal);
            await ((Task)run.Exit.WaitAsync(LongestEnd, CancellationToken.None)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await run.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Waits.</summary>
    /// <param name="running">The container.</param>
    /// <param name="run">Its run.</param>
    /// <param name="ready">The condition.</param>
    /// <param name="hasReader">Whether somebody may be reading its output, so that it makes room in time.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ContainerNotReadyException">It will not be.</exception>
    public static async Task WaitAsync(RunningContainer running, ContainerRun run, Ready ready, bool hasReader, CancellationToken cancellationToken)
    {
        using var told = run.Tell(ToldOperation.Ready);
        try
        {
            await AwaitAsync(running, run, ready, hasReader, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (ToldOperation.HasFailed(told, e))
        {
            throw;
        }
    }

    private static async Task AwaitAsync(RunningContainer running, ContainerRun run, Ready ready, bool hasReader, CancellationToken cancellationToken)
    {
        var condition = ready is LimitedCondition ? ready : ready.Within(DefaultTime);
        var output = run.BeginOutput();
        var wait = new ReadinessWait(running, run, output) { HasOutput = run.HasOutput };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var full = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var started = Environment.TickCount64;

        // First those who look on, and then what they look at.
        var waiting = condition.WaitAsync(wait, stop.Token);
        var reading = Task.Run(() => run.ReadOutputAheadAsync(output, () => full.TrySetResult(), stop.Token), CancellationToken.None);
        try
        {
            var first = await Task.WhenAny(waiting, run.Exit, hasReader ? waiting : full.Task).WaitAsync(cancellationToken).ConfigureAwait(false);
            if (first == waiting && await waiting.ConfigureAwait(false))
            {
                return;
            }

            if (run.Exit.IsCompleted)
            {
                // What it wrote last is in the pipes still; it may have been ready for its last moment.
                await Task.WhenAny(reading, full.Task, Task.Delay(LongestInquest, cancellationToken)).ConfigureAwait(false);
                if (condition.WhatIsMissing(wait) is null)
                {
                    return;
                }
            }

            var waited = TimeSpan.FromMilliseconds(Environment.TickCount64 - started);
            throw await ExplainAsync(wait, condition.WhatIsMissing(wait) ?? "it was too late", waited, isFull: first == full.Task, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            waiting.Forget();
            reading.Forget();
        }
    }

    private static async Task<ContainerNotReadyException> ExplainAsync(
        ReadinessWait wait, string missing, TimeSpan waited, bool isFull, CancellationToken cancellationToken)
    {
        var (running, run) = (wait.Running, wait.Run);
        var exit = run.Exit.IsCompleted ? await run.Exit.ConfigureAwait(false) : null;
        var lines = wait.Output.LastLines(MostLines);
        var changes = await TryDiffAsync(running.Container, cancellationToken).ConfigureAwait(false);
        var message = exit is not null
            ? $"The container '{running.Container}' {exit} before it was ready: {missing}."
            : isFull
                ? $"The container '{running.Container}' was not ready when it had written {run.MaxCapturedBytes} bytes that nobody reads: {missing}."
                : $"The container '{running.Container}' was not ready after {waited.TotalSeconds:0.#} seconds: {missing}.";
        return new ContainerNotReadyException(message, exit, exit?.OutOfMemory ?? run.Cgroup?.OutOfMemoryHappened ?? false, lines, changes)
        {
            Hint = exit is not null ? null : isFull ? "Raise WithMaxCapturedBytes, or start it without readiness and read its output while WaitUntilReadyAsync waits." : "Give it more time with Within.",
        };
    }

    private static async Task<IReadOnlyList<FileChange>?> TryDiffAsync(Container container, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(LongestInquest);
        try
        {
            var changes = new List<FileChange>();
            await foreach (var change in container.DiffAsync(patience.Token).ConfigureAwait(false))
            {
                changes.Add(change);
                if (changes.Count == MostChanges)
                {
                    break;
                }
            }

            return changes;
        }
        catch (Exception e) when (e is ContainerKitException or IOException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            // Why it was not ready is what its user has to hear, and the exception says that this is missing.
            return null;
        }
    }
}

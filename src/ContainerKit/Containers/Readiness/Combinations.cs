namespace ContainerKit.Containers.Readiness;

/// <summary>Both of two conditions.</summary>
internal sealed class BothCondition(Ready one, Ready other) : Ready
{
    internal override async Task<bool> WaitAsync(ReadinessWait wait, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<bool>[] both = [one.WaitAsync(wait, stop.Token), other.WaitAsync(wait, stop.Token)];
        var first = await Task.WhenAny(both).ConfigureAwait(false);
        if (first.IsCompletedSuccessfully && await first.ConfigureAwait(false))
        {
            return (await Task.WhenAll(both).ConfigureAwait(false)).All(met => met);
        }

        // It will not come, whatever the other says.
        await stop.CancelAsync().ConfigureAwait(false);
        both[first == both[0] ? 1 : 0].Forget();
        return await first.ConfigureAwait(false);
    }

    internal override string? WhatIsMissing(ReadinessWait wait) => (one.WhatIsMissing(wait), other.WhatIsMissing(wait)) switch
    {
        (null, var right) => right,
        (var left, null) => left,
        var (left, right) => $"{left}, and {right}",
    };
}

/// <summary>One of two conditions.</summary>
internal sealed class EitherCondition(Ready one, Ready other) : Ready
{
    internal override async Task<bool> WaitAsync(ReadinessWait wait, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<bool>[] both = [one.WaitAsync(wait, stop.Token), other.WaitAsync(wait, stop.Token)];
        var first = await Task.WhenAny(both).ConfigureAwait(false);
        var second = both[first == both[0] ? 1 : 0];
        if (first.IsCompletedSuccessfully && !await first.ConfigureAwait(false))
        {
            return await second.ConfigureAwait(false);
        }

        await stop.CancelAsync().ConfigureAwait(false);
        second.Forget();
        return await first.ConfigureAwait(false);
    }

    internal override string? WhatIsMissing(ReadinessWait wait) => (one.WhatIsMissing(wait), other.WhatIsMissing(wait)) switch
    {
        (null, _) or (_, null) => null,
        var (left, right) => $"neither: {left}; nor: {right}",
    };
}

/// <summary>A condition that has to come in time.</summary>
internal sealed class LimitedCondition(Ready condition, TimeSpan time) : Ready
{
    internal override async Task<bool> WaitAsync(ReadinessWait wait, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stop.CancelAfter(time);
        var waiting = condition.WaitAsync(wait, stop.Token);
        try
        {
            // A condition of the caller's may not listen to its token.
            return await waiting.WaitAsync(stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            waiting.Forget();
            return false;
        }
    }

    internal override string? WhatIsMissing(ReadinessWait wait) => condition.WhatIsMissing(wait);
}

/// <summary>What is left to itself.</summary>
internal static class ForgottenTasks
{
    /// <summary>Leaves a task that was told to stop to itself; what it still fails of is nobody's.</summary>
    public static void Forget(this Task task) =>
        task.ContinueWith(static stopped => stopped.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
}

using System.Net.Sockets;

namespace ContainerKit.Containers.Readiness;

/// <summary>A condition that nothing announces: it is looked at again and again.</summary>
/// <param name="whatIsMissing">The clause that says that it does not hold.</param>
internal abstract class PolledCondition(string whatIsMissing) : Ready
{
    protected static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    internal sealed override async Task<bool> WaitAsync(ReadinessWait wait, CancellationToken cancellationToken)
    {
        while (!await TryLookAsync(wait, cancellationToken).ConfigureAwait(false))
        {
            await Task.Delay(Between, cancellationToken).ConfigureAwait(false);
        }

        wait.Meet(this);
        return true;
    }

    internal sealed override string? WhatIsMissing(ReadinessWait wait) =>
        wait.IsMet(this) ? null : wait.NoteOf(this) is { } note ? $"{whatIsMissing} ({note.TrimEnd('.')})" : whatIsMissing;

    protected virtual TimeSpan Between => Pause;

    /// <summary>Looks once.</summary>
    protected abstract Task<bool> LookAsync(ReadinessWait wait, CancellationToken cancellationToken);

    private async Task<bool> TryLookAsync(ReadinessWait wait, CancellationToken cancellationToken)
    {
        try
        {
            return await LookAsync(wait, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ContainerKitException or IOException or SocketException or HttpRequestException && !cancellationToken.IsCancellationRequested)
        {
            wait.Note(this, (e.InnerException as ContainerKitException ?? e).Message);
            return false;
        }
    }
}

/// <summary>What a function has to say.</summary>
internal sealed class FunctionCondition(string whatIsMissing, Func<RunningContainer, CancellationToken, Task<bool>> look) : PolledCondition(whatIsMissing)
{
    protected override Task<bool> LookAsync(ReadinessWait wait, CancellationToken cancellationToken) => look(wait.Running, cancellationToken);
}

/// <summary>A program that has to exit with code 0.</summary>
internal sealed class CommandCondition(IReadOnlyList<string> command) : PolledCondition($"the command '{string.Join(' ', command)}' has not succeeded")
{
    private static readonly TimeSpan LongestRun = TimeSpan.FromSeconds(10);

    protected override async Task<bool> LookAsync(ReadinessWait wait, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(LongestRun);
        try
        {
            var result = await wait.Running.ExecAsync(command, patience.Token).ConfigureAwait(false);
            wait.Note(this, $"it {result.ExitStatus}");
            return result.ExitStatus.IsSuccess;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            wait.Note(this, $"it took more than {LongestRun.TotalSeconds:0} seconds");
            return false;
        }
    }
}

/// <summary>A web server that has to answer.</summary>
internal sealed class HttpCondition(int port, string path, Func<HttpResponseMessage, bool> accepts) : PolledCondition($"GET {path} on port {port} does not answer as it should")
{
    private static readonly TimeSpan LongestAnswer = TimeSpan.FromSeconds(10);

    protected override async Task<bool> LookAsync(ReadinessWait wait, CancellationToken cancellationToken)
    {
        // A connection costs a process inside the container's network; before anybody listens it is not worth that.
        if (!SocketTable.IsListening(wait.Running.ProcessId, port))
        {
            wait.Note(this, "nothing listens there");
            return false;
        }

        using var handler = wait.Running.CreateHttpHandler();
        handler.AllowAutoRedirect = false;
        using var client = new HttpClient(handler) { Timeout = LongestAnswer };
        try
        {
            using var response = await client.GetAsync(new Uri($"http://localhost:{port}{path}"), HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
            wait.Note(this, $"it answered {(int)response.StatusCode}");
            return accepts(response);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            wait.Note(this, $"its answer took more than {LongestAnswer.TotalSeconds:0} seconds");
            return false;
        }
    }
}

/// <summary>A port that somebody in the container has to listen on.</summary>
internal sealed class ListeningCondition(int port) : PolledCondition($"nothing listens on port {port}")
{
    // Two files of /proc are read, which takes a fraction of a millisecond.
    protected override TimeSpan Between => TimeSpan.FromMilliseconds(5);

    protected override Task<bool> LookAsync(ReadinessWait wait, CancellationToken cancellationToken) => Task.FromResult(SocketTable.IsListening(wait.Running.ProcessId, port));
}

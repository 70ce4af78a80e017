using System.Text.RegularExpressions;
using ContainerKit.Containers.Runs;

namespace ContainerKit.Containers.Readiness;

/// <summary>Something that the program has to write. Its output is seen as it comes.</summary>
internal sealed class LoggedCondition(string what, int times, Func<OutputWatcher> makeWatcher) : Ready
{
    internal override async Task<bool> WaitAsync(ReadinessWait wait, CancellationToken cancellationToken)
    {
        if (!wait.HasOutput)
        {
            throw new StorageException($"Cannot wait for what the container '{wait.Running}' writes: its output is the process's that runs it.");
        }

        var watcher = makeWatcher();
        wait.Keep(this, watcher);
        wait.Output.Watch(watcher);
        try
        {
            await watcher.Done.WaitAsync(cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (RegexMatchTimeoutException e)
        {
            wait.Note(this, $"a line took longer than {e.MatchTimeout.TotalSeconds:0.###} seconds to match");
            return false;
        }
        finally
        {
            wait.Output.Unwatch(watcher);
        }
    }

    internal override string? WhatIsMissing(ReadinessWait wait)
    {
        if (wait.IsMet(this))
        {
            return null;
        }

        var seen = times == 1 ? "was not logged" : $"was logged {wait.SeenBy(this)} of {times} times";
        return wait.NoteOf(this) is { } note ? $"{what} {seen} ({note})" : $"{what} {seen}";
    }
}

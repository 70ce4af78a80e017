using System.Collections.Concurrent;
using ContainerKit.Containers.Runs;

namespace ContainerKit.Containers.Readiness;

/// <summary>One wait for a container: what is waited on, and what is known about each condition so far.</summary>
internal sealed class ReadinessWait(RunningContainer running, ContainerRun run, OutputTail output)
{
    private readonly ConcurrentDictionary<Ready, bool> _met = [];
    private readonly ConcurrentDictionary<Ready, string> _notes = [];
    private readonly ConcurrentDictionary<Ready, OutputWatcher> _watchers = [];

    public RunningContainer Running => running;

    public ContainerRun Run => run;

    /// <summary>Whether what the program writes can be read here.</summary>
    public bool HasOutput { get; init; }

    /// <summary>What the program writes.</summary>
    public OutputTail Output => output;

    public void Meet(Ready condition) => _met[condition] = true;

    public bool IsMet(Ready condition) => _met.ContainsKey(condition) || (_watchers.TryGetValue(condition, out var watcher) && watcher.Done.IsCompletedSuccessfully);

    /// <summary>Remembers why a condition did not hold when it was last looked at.</summary>
    public void Note(Ready condition, string reason) => _notes[condition] = reason;

    public string? NoteOf(Ready condition) => _notes.GetValueOrDefault(condition);

    public void Keep(Ready condition, OutputWatcher watcher) => _watchers[condition] = watcher;

    public int SeenBy(Ready condition) => _watchers.TryGetValue(condition, out var watcher) ? watcher.Seen : 0;
}

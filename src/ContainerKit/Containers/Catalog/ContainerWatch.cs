using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using ContainerKit.Containers.Health;
using ContainerKit.Containers.Runs;
using ContainerKit.Isolation.Cgroups;

namespace ContainerKit.Containers.Catalog;

/// <summary>
/// Tells what happens to the containers of a store. Nobody keeps a journal: the store's own files say what each container does, the
/// kernel says that they changed (inotify), and the difference to what was there before is what happened.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class ContainerWatch : IDisposable
{
    private const int KillSignal = 9;

    // The death of a killed host changes no file.
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private readonly ContainerCatalog _catalog;
    private readonly FileSystemWatcher _watcher;
    private readonly SemaphoreSlim _changed = new(0, 1);
    private readonly Dictionary<string, Seen> _before = new(StringComparer.Ordinal);

    /// <param name="catalog">Whose containers.</param>
    /// <param name="directory">Where what is written down about them lies.</param>
    public ContainerWatch(ContainerCatalog catalog, string directory)
    {
        _catalog = catalog;
        _watcher = new FileSystemWatcher(directory) { IncludeSubdirectories = true, NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName };
        _watcher.Created += (_, _) => Wake();
        _watcher.Deleted += (_, _) => Wake();
        _watcher.Renamed += (_, _) => Wake();
        _watcher.Error += (_, _) => Wake();
        _watcher.EnableRaisingEvents = true;

        // What is there already is no news.
        foreach (var _ in Look())
        {
        }
    }

    public async IAsyncEnumerable<ContainerEvent> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            foreach (var happened in Look())
            {
                yield return happened;
            }

            await _changed.WaitAsync(LongestPause, cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        _watcher.Dispose();
        _changed.Dispose();
    }

    private void Wake()
    {
        try
        {
            _changed.Release();
        }
        catch (Exception e) when (e is SemaphoreFullException or ObjectDisposedException)
        {
            // It will look anyway, or never again.
        }
    }

    private IEnumerable<ContainerEvent> Look()
    {
        var there = _catalog.Ids().ToHashSet(StringComparer.Ordinal);
        foreach (var gone in _before.Values.Where(seen => !there.Contains(seen.Record.Id)).ToArray())
        {
            _before.Remove(gone.Record.Id);
            if (gone.Record.Name is not null)
            {
                foreach (var happened in Between(gone.Record, gone.Run, new Run.None(), hasToldMemory: true))
                {
                    yield return happened;
                }

                yield return Tell(gone.Record, ContainerEventKind.Removed, null);
            }
        }

        foreach (var id in there)
        {
            if (!_before.TryGetValue(id, out var seen))
            {
                if (_catalog.TryReadSafely(id) is not { } record)
                {
                    continue;
                }

                _before[id] = seen = new Seen(record, new Run.None());
                if (record.Name is not null)
                {
                    yield return Tell(record, ContainerEventKind.Created, record.Created);
                }
            }

            if (seen.Record.Name is null)
            {
                continue;
            }

            var now = ReadRun(seen.Record);
            if (now is Run.Ended ended && seen.Run is Run.Ended last && (ended.Time, ended.Status) == (last.Time, last.Status))
            {
                // The same end; a further start is counted a moment before it happens.
                now = last;
            }

            var health = now is Run.Running && seen.Record.FindHealthCheck() is not null ? HealthFile.TryRead(_catalog.DirectoryOf(id)) : null;
            var hits = now is Run.Running && HasLimits(seen.Record) ? _catalog.FindCgroup(id)?.ReadLimitHits() ?? default : default;

            // What was met before a program was started again has been told, and a supervisor's container keeps its group.
            var hitsBefore = now is Run.Running { IsAgain: true } && seen.Run is not Run.Running ? hits : seen.Hits;
            var isPaused = now is Run.Running && HasLimits(seen.Record) && _catalog.FindCgroup(id) is { IsFrozen: true };
            _before[id] = seen with { Run = now, Health = health?.Status, Hits = hits, IsPaused = isPaused };
            if (now != seen.Run)
            {
                foreach (var happened in Between(seen.Record, seen.Run, now, seen.Hits.Kills > 0))
                {
                    yield return happened;
                }
            }

            if (hits.Kills > hitsBefore.Kills)
            {
                yield return Tell(seen.Record, ContainerEventKind.OutOfMemory, null);
            }

            if (hits.RefusedProcesses > hitsBefore.RefusedProcesses)
            {
                yield return Tell(seen.Record, ContainerEventKind.ProcessLimitReached, null);
            }

            if (isPaused != seen.IsPaused && (isPaused || now == seen.Run))
            {
                yield return Tell(seen.Record, isPaused ? ContainerEventKind.Paused : ContainerEventKind.Resumed, null);
            }

            if (health is not null && health.Status != seen.Health && health.Checked is not null)
            {
                yield return Tell(seen.Record, ContainerEventKind.HealthChanged, health.Checked) with { Health = health.Status };
            }
        }
    }

    // A run that began and ended between two looks, and one that was followed by another, happened all the same.
    private static IEnumerable<ContainerEvent> Between(ContainerRecord record, Run before, Run now, bool hasToldMemory)
    {
        if (before is Run.Running && now is not Run.Ended)
        {
            yield return Tell(record, ContainerEventKind.Exited, null);
        }

        if (now is Run.Running running)
        {
            yield return Tell(record, running.IsAgain ? ContainerEventKind.Restarted : ContainerEventKind.Started, running.Since);
        }
        else if (now is Run.Ended ended)
        {
            if (before is not Run.Running)
            {
                // Counted anew from each start. The end before may have been read when the next start had been counted already.
                yield return Tell(record, before is Run.Ended && ended.Restarts > 0 ? ContainerEventKind.Restarted : ContainerEventKind.Started, ended.Time);
            }

            if (ended is { Status.OutOfMemory: true, Restarts: 0 } && !hasToldMemory)
            {
                // Its control group went before anybody could look.
                yield return Tell(record, ContainerEventKind.OutOfMemory, ended.Time);
            }

            yield return Tell(record, ContainerEventKind.Exited, ended.Time) with { Exit = ended.Status };
        }
    }

    private Run ReadRun(ContainerRecord record)
    {
        var directory = _catalog.DirectoryOf(record.Id);
        var before = _before.TryGetValue(record.Id, out var seen) ? seen.Run : new Run.None();
        if (RunningProcess.TryRead(directory) is not { } process)
        {
            // Neither: it has never run, or is just being started, between one look and the other.
            return ExitRecord.TryRead(directory) is { } exit ? EndOf(exit, directory) : before;
        }

        if (process.FindProgramNow() is not { } program)
        {
            // It is being started, or has ended and will be started again.
            return ExitRecord.TryRead(directory) is { } lastSoFar ? EndOf(lastSoFar, directory) : before;
        }

        if (_catalog.IsLayerHeld(record))
        {
            // The file that has its start may go while it is looked at, and it is the same run all the same.
            return before is Run.Running same && same.Program == program ? same : new Run.Running(program, RunningProcess.StartOf(directory), RestartFiles.Count(directory) > 0);
        }

        // Whoever was to write down the end was killed, unless there is one.
        return ExitRecord.TryRead(directory) is { } last ? EndOf(last, directory)
            : before is Run.Running ? new Run.Ended(new ExitStatus(null, KillSignal, outOfMemory: false), null, 0)
            : before;
    }

    private static bool HasLimits(ContainerRecord record) => record.Options is { Limits: not null } or { HasStatistics: true };

    private static Run.Ended EndOf(ExitRecord exit, string directory) => new(exit.Status, exit.Time, RestartFiles.Count(directory));

    private static ContainerEvent Tell(ContainerRecord record, ContainerEventKind kind, DateTimeOffset? time) => new()
    {
        Kind = kind,
        Time = time ?? DateTimeOffset.UtcNow,
        ContainerId = record.Id,
        Name = record.Name!,
        Image = record.ImageReference,
    };

    private sealed record Seen(ContainerRecord Record, Run Run)
    {
        public HealthStatus? Health { get; init; }

        public LimitHits Hits { get; init; }

        public bool IsPaused { get; init; }
    }

    private abstract record Run
    {
        public sealed record None : Run;

        public sealed record Running(ProcessIdentity Program, DateTimeOffset Since, bool IsAgain) : Run;

        public sealed record Ended(ExitStatus Status, DateTimeOffset? Time, int Restarts) : Run;
    }
}

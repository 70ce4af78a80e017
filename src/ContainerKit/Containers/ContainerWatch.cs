using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using ContainerKit.Containers.Runs;

namespace ContainerKit.Containers;

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
                foreach (var happened in Between(gone.Record, gone.Run, new Run.None()))
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
            if (now == seen.Run)
            {
                continue;
            }

            _before[id] = seen with { Run = now };
            foreach (var happened in Between(seen.Record, seen.Run, now))
            {
                yield return happened;
            }
        }
    }

    // A run that began and ended between two looks, and one that was followed by another, happened all the same.
    private static IEnumerable<ContainerEvent> Between(ContainerRecord record, Run before, Run now)
    {
        if (before is Run.Running && now is not Run.Ended)
        {
            yield return Tell(record, ContainerEventKind.Exited, null);
        }

        if (now is Run.Running running)
        {
            yield return Tell(record, ContainerEventKind.Started, running.Since);
        }
        else if (now is Run.Ended ended)
        {
            if (before is not Run.Running)
            {
                yield return Tell(record, ContainerEventKind.Started, ended.Time);
            }

            yield return Tell(record, ContainerEventKind.Exited, ended.Time) with { Exit = ended.Status };
        }
    }

    private Run ReadRun(ContainerRecord record)
    {
        var directory = _catalog.DirectoryOf(record.Id);
        if (RunningProcess.TryRead(directory) is not { } process)
        {
            return ExitRecord.TryRead(directory) is { } exit ? new Run.Ended(exit.Status, exit.Time) : new Run.None();
        }

        var before = _before[record.Id].Run;
        if (process.Program is not { } program)
        {
            // It is being started.
            return before;
        }

        if (_catalog.IsLayerHeld(record))
        {
            return new Run.Running(program, RunningProcess.StartOf(directory));
        }

        // Whoever was to write down the end was killed, unless there is one.
        return ExitRecord.TryRead(directory) is { } last ? new Run.Ended(last.Status, last.Time)
            : before is Run.Running ? new Run.Ended(new ExitStatus(null, KillSignal, outOfMemory: false), null)
            : before;
    }

    private static ContainerEvent Tell(ContainerRecord record, ContainerEventKind kind, DateTimeOffset? time) => new()
    {
        Kind = kind,
        Time = time ?? DateTimeOffset.UtcNow,
        ContainerId = record.Id,
        Name = record.Name!,
        Image = record.ImageReference,
    };

    private sealed record Seen(ContainerRecord Record, Run Run);

    private abstract record Run
    {
        public sealed record None : Run;

        public sealed record Running(ProcessIdentity Program, DateTimeOffset Since) : Run;

        public sealed record Ended(ExitStatus Status, DateTimeOffset? Time) : Run;
    }
}

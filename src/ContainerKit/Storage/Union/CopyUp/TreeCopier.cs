using System.Runtime.ExceptionServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union.CopyUp;

/// <summary>Copies a whole tree to another directory, on several processors. Names of one file stay names of one file.</summary>
/// <remarks>
/// The work is a stack of small pieces: directories to open, and some names of one to copy. Whoever is free takes the uppermost, so
/// that the walk goes into depth, and only the directories above what is being copied are open. A directory is described when all that
/// is in it has been copied: filling it changes its times, and its mode may forbid to.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class TreeCopier(FileCalls calls, Func<string, bool> isOwnAttribute)
{
    // More of them wait for one another: in the file system's journal, and for the directory that all of them write to.
    private const int MostThreads = 4;
    private const int NamesAtOnce = 32, PrivateDirectory = 0x1C0;

    private readonly ObjectCopier _objects = new(calls, isOwnAttribute);
    private readonly Dictionary<(ulong Device, ulong Inode), string[]> _linked = [];
    private readonly object _gate = new();
    private readonly Stack<Action> _work = new();
    private readonly HashSet<Level> _open = [];
    private SafeFileHandle _targetRoot = null!;
    private CancellationToken _cancellationToken;
    private ExceptionDispatchInfo? _failure;
    private int _busy;

    /// <summary>Copies what is in <paramref name="source"/>, and its own metadata, into the existing and empty <paramref name="target"/>.</summary>
    public void Copy(SafeFileHandle source, SafeFileHandle target, CancellationToken ct)
    {
        (_targetRoot, _cancellationToken) = (target, ct);
        Push(() => OpenLevel(null, source, target, "", calls.Stat(source)));

        // Whoever else makes the calls (a process in a user namespace) makes them one by one.
        var count = ReferenceEquals(calls, FileCalls.Local) ? Math.Min(Environment.ProcessorCount, MostThreads) : 1;
        var helpers = Enumerable.Range(1, count - 1).Select(_ => new Thread(Work) { IsBackground = true, Name = "ContainerKit copy" }).ToList();
        try
        {
            helpers.ForEach(helper => helper.Start());
            Work();
            helpers.ForEach(helper => helper.Join());
        }
        finally
        {
            foreach (var level in _open)
            {
                level.Dispose();
            }
        }

        _failure?.Throw();
    }

    private void Push(Action piece)
    {
        lock (_gate)
        {
            _work.Push(piece);
            Monitor.Pulse(_gate);
        }
    }

    private void Work()
    {
        while (Take() is { } piece)
        {
            ExceptionDispatchInfo? failure = null;
            try
            {
                _cancellationToken.ThrowIfCancellationRequested();
                piece();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }

            lock (_gate)
            {
                _failure ??= failure;
                if (--_busy == 0 || _failure is not null)
                {
                    Monitor.PulseAll(_gate);
                }
            }
        }
    }

    private Action? Take()
    {
        lock (_gate)
        {
            while (_work.Count == 0 && _busy > 0 && _failure is null)
            {
                Monitor.Wait(_gate);
            }

            if (_work.Count == 0 || _failure is not null)
            {
                return null;
            }

            _busy++;
            return _work.Pop();
        }
    }

    private void OpenLevel(Level? parent, SafeFileHandle source, SafeFileHandle target, string name, FileStat stat)
    {
        var from = calls.Open(source, name, OpenFlags.Directory | OpenFlags.NoFollow);
        Level level;
        try
        {
            level = new Level(parent, name, from, calls.Open(target, name, OpenFlags.Directory | OpenFlags.NoFollow), stat);
        }
        catch
        {
            from.Dispose();
            throw;
        }

        lock (_gate)
        {
            _open.Add(level);
        }

        var pieces = DirectoryEntries.NamesOf(from).Chunk(NamesAtOnce).ToList();

        // Before the first is copied, or it could seem to be the last. One for this method, for an empty directory is complete too.
        level.Expect(pieces.Count + 1);
        foreach (var names in pieces)
        {
            Push(() => CopyNames(level, names));
        }

        Complete(level);
    }

    private void CopyNames(Level level, string[] names)
    {
        foreach (var name in names)
        {
            _cancellationToken.ThrowIfCancellationRequested();
            var stat = calls.Stat(level.Source, name);
            if (stat.IsDirectory)
            {
                calls.MakeDirectory(level.Target, name, PrivateDirectory);
                level.Expect(1);
                Push(() => OpenLevel(level, level.Source, level.Target, name, stat));
            }
            else if (stat.LinkCount > 1)
            {
                CopyLinked(level, name, stat);
            }
            else
            {
                _objects.Copy(level.Source, name, stat, level.Target, name, withContent: true, _cancellationToken);
            }
        }

        Complete(level);
    }

    private void CopyLinked(Level level, string name, in FileStat stat)
    {
        // One at a time, because the next name needs the first one's copy. There are few of them.
        lock (_linked)
        {
            if (_linked.TryGetValue((stat.Device, stat.Inode), out var first))
            {
                using var parent = OpenDirectory(_targetRoot, first.AsSpan(..^1));
                calls.Link(parent, first[^1], level.Target, name);
                return;
            }

            _objects.Copy(level.Source, name, stat, level.Target, name, withContent: true, _cancellationToken);
            _linked.Add((stat.Device, stat.Inode), [.. level.Names(), name]);
        }
    }

    private void Complete(Level level)
    {
        for (Level? each = level; each?.IsLast() == true; each = each.Parent)
        {
            _objects.CopyMetadata(each.Source, default, each.Stat, each.Target, default);
            lock (_gate)
            {
                _open.Remove(each);
            }

            each.Dispose();
        }
    }

    // Name by name, because a path may be longer than the 4,095 bytes that one call takes.
    private SafeFileHandle OpenDirectory(SafeFileHandle root, ReadOnlySpan<string> names)
    {
        var directory = calls.Open(root, default, OpenFlags.PathOnly | OpenFlags.Directory);
        foreach (var name in names)
        {
            using var parent = directory;
            directory = calls.Open(parent, name, OpenFlags.PathOnly | OpenFlags.Directory | OpenFlags.NoFollow);
        }

        return directory;
    }

    /// <summary>A directory and its copy, open for as long as something in it is to be copied.</summary>
    private sealed class Level(Level? parent, string name, SafeFileHandle source, SafeFileHandle target, FileStat stat) : IDisposable
    {
        private int _expected;

        public Level? Parent => parent;

        public SafeFileHandle Source => source;

        public SafeFileHandle Target => target;

        public FileStat Stat => stat;

        /// <summary>Says that so many more pieces must come to their end.</summary>
        public void Expect(int pieces) => Interlocked.Add(ref _expected, pieces);

        /// <summary>Says that one has, and answers whether it was the last.</summary>
        public bool IsLast() => Interlocked.Decrement(ref _expected) == 0;

        /// <summary>The names that lead here from the root.</summary>
        public IEnumerable<string> Names() => parent is null ? [] : parent.Names().Append(name);

        public void Dispose()
        {
            source.Dispose();
            target.Dispose();
        }
    }
}

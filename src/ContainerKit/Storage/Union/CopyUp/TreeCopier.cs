using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union.CopyUp;

/// <summary>Copies a whole tree to another directory. Names of one file stay names of one file.</summary>
[SupportedOSPlatform("linux")]
internal sealed class TreeCopier(FileCalls calls, Func<string, bool> isOwnAttribute)
{
    private readonly ObjectCopier _objects = new(calls, isOwnAttribute);
    private readonly Dictionary<(ulong Device, ulong Inode), string[]> _linked = [];

    /// <summary>Copies what is in <paramref name="source"/>, and its own metadata, into the existing and empty <paramref name="target"/>.</summary>
    public void Copy(SafeFileHandle source, SafeFileHandle target, CancellationToken ct)
    {
        var open = new Stack<Level>();
        open.Push(OpenLevel(source, target, "", calls.Stat(source)));
        try
        {
            while (open.TryPeek(out var level))
            {
                ct.ThrowIfCancellationRequested();
                if (level.Remaining.TryPop(out var name))
                {
                    CopyEntry(open, level, name, target, ct);
                    continue;
                }

                // Only now: filling it changed its times, and its mode may forbid to.
                _objects.CopyMetadata(level.Source, default, level.Stat, level.Target, default);
                open.Pop().Dispose();
            }
        }
        finally
        {
            foreach (var level in open)
            {
                level.Dispose();
            }
        }
    }

    private void CopyEntry(Stack<Level> open, Level level, string name, SafeFileHandle targetRoot, CancellationToken ct)
    {
        var stat = calls.Stat(level.Source, name);
        if (stat.IsDirectory)
        {
            calls.MakeDirectory(level.Target, name, 0x1C0);
            open.Push(OpenLevel(level.Source, level.Target, name, stat));
        }
        else if (stat.LinkCount > 1 && _linked.TryGetValue((stat.Device, stat.Inode), out var first))
        {
            using var parent = OpenDirectory(targetRoot, first.AsSpan(..^1));
            calls.Link(parent, first[^1], level.Target, name);
        }
        else
        {
            _objects.Copy(level.Source, name, stat, level.Target, name, withContent: true, ct);
            if (stat.LinkCount > 1)
            {
                _linked.Add((stat.Device, stat.Inode), [.. open.Reverse().Skip(1).Select(each => each.Name), name]);
            }
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

    private Level OpenLevel(SafeFileHandle source, SafeFileHandle target, string name, in FileStat stat)
    {
        var from = calls.Open(source, name, OpenFlags.Directory | OpenFlags.NoFollow);
        try
        {
            var to = calls.Open(target, name, OpenFlags.Directory | OpenFlags.NoFollow);
            return new Level(name, from, to, new Stack<string>(DirectoryEntries.NamesOf(from)), stat);
        }
        catch
        {
            from.Dispose();
            throw;
        }
    }

    private sealed record Level(string Name, SafeFileHandle Source, SafeFileHandle Target, Stack<string> Remaining, FileStat Stat) : IDisposable
    {
        public void Dispose()
        {
            Source.Dispose();
            Target.Dispose();
        }
    }
}

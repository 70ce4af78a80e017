using System.Runtime.Versioning;
using ContainerKit.Storage.Union;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage;

/// <summary>Finds in what one tree differs from another, in path order. What a union shows from below unchanged is not looked at.</summary>
/// <param name="before">The tree as it was; null for an empty one.</param>
/// <param name="after">The tree as it is.</param>
/// <param name="unchangedUntil">Files that were last touched before this are copies of what was there: their content is not compared.</param>
[SupportedOSPlatform("linux")]
internal sealed class TreeComparison(UnionTree? before, UnionTree after, UnixTime? unchangedUntil)
{
    /// <summary>
    /// The differences. A directory is one when its own metadata differ, its time included, or when anything in it is one, as
    /// with <c>docker diff</c>; the root only when its owner, mode or attributes differ. Of what replaced a directory, or of a
    /// directory that went away, there is one difference, and none for what was in it.
    /// </summary>
    public IEnumerable<FileChange> Changes(CancellationToken ct) => Differences(forLayer: false, ct).Select(difference => difference.Change!);

    /// <summary>The same, for those who write layers.</summary>
    /// <param name="forLayer">
    /// Whether a directory that hides what lies below is told as such, with all that is in it, instead of by what is gone; and
    /// whether the root is one when only its time differs.
    /// </param>
    /// <param name="ct">Stops the walk.</param>
    public IReadOnlyList<Difference> Differences(bool forLayer, CancellationToken ct)
    {
        var found = new List<Difference>();
        if (before is null)
        {
            AddRoot(forLayer, found);
            AddAll("/", found, ct);
            return found;
        }

        AddRoot(forLayer, found);
        CompareDirectories("/", forLayer, found, ct);
        return found;
    }

    /// <summary>Whether the root directory itself is described as it was, but for its time.</summary>
    public bool IsRootTheSame()
    {
        var found = new List<Difference>();
        AddRoot(withTime: false, found);
        return found.Count == 0;
    }

    private void AddRoot(bool withTime, List<Difference> found)
    {
        var now = after.ReadMetadata("/");
        if (before is null && withTime)
        {
            found.Add(new(new FileChange(FileChangeKind.Added, "/", null, now)));
        }
        else if (before?.ReadMetadata("/") is { } then && !Same(withTime ? then : then with { ModifiedTime = now.ModifiedTime }, now))
        {
            found.Add(new(new FileChange(FileChangeKind.Changed, "/", then, now)));
        }
    }

    private void CompareDirectories(string path, bool forLayer, List<Difference> found, CancellationToken ct)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        ct.ThrowIfCancellationRequested();
        var (old, current) = (before!.List(path, readsRecords: false), after.List(path, readsRecords: false));
        var (i, j) = (0, 0);
        while (i < old.Count || j < current.Count)
        {
            var order = i == old.Count ? 1 : j == current.Count ? -1 : string.CompareOrdinal(old[i].Name, current[j].Name);
            var child = Join(path, (order <= 0 ? old[i] : current[j]).Name);
            switch (order)
            {
                case < 0:
                    found.Add(new(new FileChange(FileChangeKind.Deleted, child, before.ReadMetadata(child), null)));
                    break;
                case > 0:
                    Add(child, null, found, ct);
                    break;
                default:
                    CompareObjects(child, forLayer, found, ct);
                    break;
            }

            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }
    }

    private void CompareObjects(string path, bool forLayer, List<Difference> found, CancellationToken ct)
    {
        var entry = after.Stat(path, followSymlink: false);
        if (!entry.IsOwn)
        {
            return;
        }

        var then = before!.ReadMetadata(path);
        var now = after.ReadMetadata(path);
        if (now.Kind != FileKind.Directory || then.Kind != FileKind.Directory)
        {
            if (now.Kind == FileKind.Directory)
            {
                Add(path, then, found, ct);
            }
            else if (!Same(then, now) || (now.Kind == FileKind.File && !SameContent(path, entry.Stat.ChangeTime)))
            {
                found.Add(new(new FileChange(FileChangeKind.Changed, path, then, now)));
            }

            return;
        }

        // Whether it is one itself is known only when all in it has been seen, and yet it comes first.
        var place = found.Count;
        if (forLayer && after.IsOpaque(path))
        {
            found.Add(new(null, path));
            AddAll(path, found, ct);
        }
        else
        {
            CompareDirectories(path, forLayer, found, ct);
        }

        if (found.Count > place || !Same(then, now))
        {
            found.Insert(place, new(new FileChange(FileChangeKind.Changed, path, then, now)));
        }
    }

    private void AddAll(string path, List<Difference> found, CancellationToken ct)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        foreach (var name in after.List(path, readsRecords: false))
        {
            ct.ThrowIfCancellationRequested();
            Add(Join(path, name.Name), null, found, ct);
        }
    }

    private void Add(string path, FileMetadata? then, List<Difference> found, CancellationToken ct)
    {
        var now = after.ReadMetadata(path);
        found.Add(new(new FileChange(then is null ? FileChangeKind.Added : FileChangeKind.Changed, path, then, now)));
        if (now.Kind == FileKind.Directory)
        {
            AddAll(path, found, ct);
        }
    }

    private static bool Same(FileMetadata then, FileMetadata now) =>
        then with { ExtendedAttributes = now.ExtendedAttributes } == now
        && then.ExtendedAttributes.Count == now.ExtendedAttributes.Count
        && then.ExtendedAttributes.All(each => now.ExtendedAttributes.TryGetValue(each.Key, out var value) && value.Span.SequenceEqual(each.Value.Span));

    // Size and time agree. Whoever writes a file and then turns its time back has still written it.
    private bool SameContent(string path, UnixTime changeTime)
    {
        if (unchangedUntil is { } mark && changeTime < mark)
        {
            return true;
        }

        using var then = before!.OpenRead(path);
        using var now = after.OpenRead(path);
        return SameBytes(then, now);
    }

    private static bool SameBytes(SafeFileHandle left, SafeFileHandle right)
    {
        var (first, second) = (new byte[64 * 1024], new byte[64 * 1024]);
        for (var offset = 0L; ;)
        {
            var count = RandomAccess.Read(left, first, offset);
            var other = ReadFully(right, second.AsSpan(0, Math.Max(count, 1)), offset);
            if (count != other || !first.AsSpan(0, count).SequenceEqual(second.AsSpan(0, count)))
            {
                return false;
            }

            if (count == 0)
            {
                return true;
            }

            offset += count;
        }
    }

    private static int ReadFully(SafeFileHandle file, Span<byte> buffer, long offset)
    {
        var total = 0;
        int count;
        while (total < buffer.Length && (count = RandomAccess.Read(file, buffer[total..], offset + total)) > 0)
        {
            total += count;
        }

        return total;
    }

    private static string Join(string path, string name) => path.Length == 1 ? "/" + name : $"{path}/{name}";
}

/// <summary>One difference: a change, or that a directory hides what lies below.</summary>
internal readonly record struct Difference(FileChange? Change, string? OpaqueDirectory = null);

using System.Runtime.Versioning;
using ContainerKit.Storage.Union;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage;

/// <summary>
/// What a snapshot adds to another, in the shape of a layer archive and in path order: for the writer of one. Names of one
/// file come all or not at all, the first as the file and the others as hard links to it. Sockets, which an archive cannot hold,
/// are left out.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class LayerSource : IDisposable
{
    private static readonly FileMetadata Marker = new() { Kind = FileKind.File, Mode = 0, UserId = 0, GroupId = 0 };

    private readonly UnionTree _tree;

    private LayerSource(UnionTree tree, IReadOnlyList<LayerEntry> entries)
    {
        _tree = tree;
        Entries = entries;
    }

    /// <summary>The entries, in path order.</summary>
    public IReadOnlyList<LayerEntry> Entries { get; }

    /// <summary>Compares a snapshot, which must not change meanwhile, with another.</summary>
    public static LayerSource Open(IStorageDriver driver, Snapshot snapshot, Baseline baseline, CancellationToken ct)
    {
        var (before, after) = SnapshotTrees.OpenBoth(driver, snapshot, baseline);
        using var closesBefore = before;
        try
        {
            var differences = new TreeComparison(before, after, baseline.UnchangedUntil).Differences(forLayer: true, ct);
            return new LayerSource(after, EntriesOf(differences, after, ct));
        }
        catch
        {
            after.Dispose();
            throw;
        }
    }

    /// <summary>Opens the content of a regular file of <see cref="Entries"/>.</summary>
    public SafeFileHandle OpenContent(LayerEntry entry) => _tree.OpenRead(entry.Path);

    public void Dispose() => _tree.Dispose();

    private static List<LayerEntry> EntriesOf(IReadOnlyList<Difference> differences, UnionTree tree, CancellationToken ct)
    {
        var entries = new List<LayerEntry>(differences.Count);
        foreach (var (change, opaque) in differences)
        {
            switch (change)
            {
                case null:
                    entries.Add(new LayerEntry { Kind = LayerEntryKind.Opaque, Path = opaque!, Metadata = Marker });
                    break;
                case { Kind: FileChangeKind.Deleted }:
                    entries.Add(new LayerEntry { Kind = LayerEntryKind.Whiteout, Path = change.Path, Metadata = Marker });
                    break;
                case { After.Kind: not FileKind.Socket }:
                    entries.Add(new LayerEntry { Path = change.Path, Metadata = change.After! });
                    break;
            }
        }

        return WithHardLinks(entries, tree, ct);
    }

    private static List<LayerEntry> WithHardLinks(List<LayerEntry> entries, UnionTree tree, CancellationToken ct)
    {
        var files = entries.Where(entry => entry is { Kind: LayerEntryKind.Object, Metadata.Kind: FileKind.File }).Select(entry => entry.Path).ToHashSet(StringComparer.Ordinal);
        if (!files.Any(path => tree.Stat(path, followSymlink: false).Stat.LinkCount > 1))
        {
            return entries;
        }

        var linked = new List<UnionEntry>();
        FindLinkedFiles(tree, "/", linked, ct);
        var groups = linked
            .GroupBy(file => (file.Stat.Device, file.Stat.Inode), file => file.Path)
            .Where(group => group.Any(files.Contains));
        var linkTargets = new Dictionary<string, string>(StringComparer.Ordinal);
        var added = false;
        foreach (var group in groups)
        {
            var paths = group.Order(PathOrder.Instance).ToList();
            foreach (var path in paths.Where(path => !files.Contains(path)))
            {
                entries.Add(new LayerEntry { Path = path, Metadata = tree.ReadMetadata(path) });
                added = true;
            }

            paths.Skip(1).ToList().ForEach(path => linkTargets.Add(path, paths[0]));
        }

        // An opaque mark has its directory's path, and belongs right behind the directory: so the order must be a stable one.
        var inOrder = added ? entries.OrderBy(entry => entry.Path, PathOrder.Instance) : entries.AsEnumerable();
        return [.. inOrder.Select(entry => entry.Kind == LayerEntryKind.Object && linkTargets.TryGetValue(entry.Path, out var target)
            ? entry with { Kind = LayerEntryKind.HardLink, HardLinkTarget = target, Metadata = entry.Metadata with { Size = 0 } }
            : entry)];
    }

    /// <summary>The regular files of the snapshot's own layers that have further names, one item for each name.</summary>
    private static void FindLinkedFiles(UnionTree tree, string directory, List<UnionEntry> found, CancellationToken ct)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        foreach (var name in tree.List(directory, readsRecords: false).Where(name => name.Kind is FileKind.File or FileKind.Directory))
        {
            ct.ThrowIfCancellationRequested();
            var path = directory.Length == 1 ? "/" + name.Name : $"{directory}/{name.Name}";
            var entry = tree.Stat(path, followSymlink: false);
            if (entry is { IsOwn: true, Kind: FileKind.Directory })
            {
                FindLinkedFiles(tree, path, found, ct);
            }
            else if (entry is { IsOwn: true, Stat: { IsRegular: true, LinkCount: > 1 } })
            {
                found.Add(entry);
            }
        }
    }
}

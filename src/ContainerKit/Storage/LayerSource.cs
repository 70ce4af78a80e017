using System.Runtime.Versioning;
using ContainerKit.Storage.Union;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage;

/// <summary>
/// What a snapshot adds to its parent, in the shape of a layer archive and in path order: for the writer of one. Names of one
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

    /// <summary>Compares a snapshot, which must not change meanwhile, with its parent.</summary>
    public static LayerSource Open(IStorageDriver driver, Snapshot snapshot, CancellationToken ct)
    {
        var (before, after) = SnapshotTrees.OpenBoth(driver, snapshot);
        using var closesBefore = before;
        try
        {
            var differences = new TreeComparison(before, after, SnapshotTrees.CreationTime(snapshot)).Differences(forLayer: true, ct);
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

        var groups = tree.FindLinkedFiles(ct)
            .GroupBy(file => (file.Device, file.Inode), file => file.Path)
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
}

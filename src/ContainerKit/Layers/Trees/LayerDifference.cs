using System.Runtime.CompilerServices;

namespace ContainerKit.Layers.Trees;

/// <summary>An entry of a layer, and where its content comes from.</summary>
internal readonly record struct SourcedEntry(LayerEntry Entry, FileContent? Content);

/// <summary>
/// Makes the layer that turns one tree into another: what is new or differs, with the directories above it (or those who unpack
/// would touch their times), and whiteouts for what is gone. Names of one file come all or not at all, the first as the file and
/// the others as hard links to it. In path order: the same trees give the same layer.
/// </summary>
internal sealed class LayerDifference
{
    private static readonly FileMetadata Marker = new() { Kind = FileKind.File, Mode = 0, UserId = 0, GroupId = 0 };

    private readonly LayerTree? _before;
    private readonly Dictionary<TreeNode, List<string>> _linksBefore = [];
    private readonly Dictionary<TreeNode, List<string>> _linksAfter = [];
    private readonly HashSet<TreeNode> _wantedLinks = [];
    private readonly List<SourcedEntry> _entries = [];
    private readonly CancellationToken _cancellationToken;

    private LayerDifference(LayerTree? before, LayerTree after, CancellationToken cancellationToken)
    {
        _before = before;
        _cancellationToken = cancellationToken;
        FindLinks("/", after.Root, _linksAfter);
        if (before is not null)
        {
            FindLinks("/", before.Root, _linksBefore);
        }

        foreach (var (node, paths) in _linksAfter)
        {
            if (paths.Exists(path => before?.Find(path) is not { } then || !TreeChanges.Same(then, node) || !IsLinkedAlike(path, then, node, after)))
            {
                _wantedLinks.Add(node);
            }
        }

        After = after;
    }

    private LayerTree After { get; }

    /// <summary>The layer's entries.</summary>
    /// <param name="before">The tree that it will lie on; null for nothing.</param>
    /// <param name="after">The tree that it makes of that.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static IReadOnlyList<SourcedEntry> Entries(LayerTree? before, LayerTree after, CancellationToken cancellationToken)
    {
        var difference = new LayerDifference(before, after, cancellationToken);
        difference.AddDirectory("/", before?.Root, after.Root);
        return difference._entries;
    }

    private void AddDirectory(string path, TreeNode? then, TreeNode now)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        _cancellationToken.ThrowIfCancellationRequested();
        var place = _entries.Count;
        foreach (var (name, before, after) in then is null ? now.InOrder.Select(child => (child.Key, (TreeNode?)null, (TreeNode?)child.Value)) : TreeChanges.Pairs(then, now))
        {
            var child = LayerPath.Combine(path, name);
            switch (after)
            {
                case null:
                    _entries.Add(new(new LayerEntry { Kind = LayerEntryKind.Whiteout, Path = child, Metadata = Marker }, null));
                    break;
                case { IsDirectory: true }:
                    AddDirectory(child, before is { IsDirectory: true } ? before : null, after);
                    break;
                case { HasLinks: true } when _linksAfter.TryGetValue(after, out var names):
                    AddLinked(child, after, names);
                    break;
                default:
                    if (before is null || !TreeChanges.Same(before, after) || !IsLinkedAlike(child, before, after, After))
                    {
                        AddObject(child, after);
                    }

                    break;
            }
        }

        var isChanged = _entries.Count > place || then is null || !TreeChanges.Same(then, now);
        // A root that no layer has ever described is left to those who unpack.
        if (isChanged && !(path == "/" && now.IsImplied))
        {
            _entries.Insert(place, new(new LayerEntry { Path = path, Metadata = now.Metadata }, null));
        }
    }

    private void AddLinked(string path, TreeNode node, List<string> names)
    {
        if (!_wantedLinks.Contains(node))
        {
            return;
        }

        if (path == names[0])
        {
            AddObject(path, node);
            return;
        }

        var entry = new LayerEntry { Kind = LayerEntryKind.HardLink, Path = path, HardLinkTarget = names[0], Metadata = node.Metadata with { Size = 0, Digest = null } };
        _entries.Add(new(entry, null));
    }

    // A socket is what no archive can hold; no layer makes one.
    private void AddObject(string path, TreeNode node) => _entries.Add(new(new LayerEntry { Path = path, Metadata = node.Metadata }, node.Content));

    /// <summary>Whether a file that stays as it is also shares its names as it did, apart from names that are taken away or replaced anyway.</summary>
    private bool IsLinkedAlike(string path, TreeNode then, TreeNode now, LayerTree after)
    {
        var before = NamesOf(path, then, _linksBefore).Where(name => name == path || (after.Find(name) is { } there && TreeChanges.Same(then, there)));
        return before.SequenceEqual(NamesOf(path, now, _linksAfter));
    }

    private static List<string> NamesOf(string path, TreeNode node, Dictionary<TreeNode, List<string>> links) =>
        links.TryGetValue(node, out var names) ? names : [path];

    private static void FindLinks(string path, TreeNode directory, Dictionary<TreeNode, List<string>> found)
    {
        var all = new Dictionary<TreeNode, List<string>>();
        Collect(path, directory, all);
        foreach (var (node, names) in all.Where(each => each.Value.Count > 1))
        {
            found.Add(node, names);
        }
    }

    private static void Collect(string path, TreeNode directory, Dictionary<TreeNode, List<string>> found)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        foreach (var (name, child) in directory.InOrder)
        {
            var full = LayerPath.Combine(path, name);
            if (child.IsDirectory)
            {
                Collect(full, child, found);
            }
            else if (child.HasLinks)
            {
                if (!found.TryGetValue(child, out var names))
                {
                    found.Add(child, names = []);
                }

                names.Add(full);
            }
        }
    }
}

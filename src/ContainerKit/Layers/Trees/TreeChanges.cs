using System.Runtime.CompilerServices;

namespace ContainerKit.Layers.Trees;

/// <summary>Finds in what one tree differs from another, in path order and told as <c>docker diff</c> tells it.</summary>
internal static class TreeChanges
{
    /// <summary>
    /// The differences. A directory is one when its own metadata differ, its time included, or when anything in it is one; the root
    /// only when its owner, mode or attributes differ. Of what replaced a directory, or of a directory that went away, there is one
    /// difference, and none for what was in it.
    /// </summary>
    public static IReadOnlyList<FileChange> Between(LayerTree before, LayerTree after, CancellationToken cancellationToken)
    {
        var found = new List<FileChange>();
        var (then, now) = (before.Root.Metadata, after.Root.Metadata);
        if (!Same(then with { ModifiedTime = now.ModifiedTime }, now))
        {
            found.Add(new FileChange(FileChangeKind.Changed, "/", then, now));
        }

        CompareDirectories("/", before.Root, after.Root, found, cancellationToken);
        return found;
    }

    /// <summary>Whether both describe one object, content included as far as the digests tell.</summary>
    public static bool Same(TreeNode then, TreeNode now) => ReferenceEquals(then, now)
        || (Same(then.Metadata, now.Metadata) && (then.Metadata.Size == 0 || FileContent.AreSame(then.Content, now.Content)));

    /// <summary>The two trees' names in a directory, side by side and in order.</summary>
    public static IEnumerable<(string Name, TreeNode? Before, TreeNode? After)> Pairs(TreeNode before, TreeNode after) =>
        before.Children!.Keys.Union(after.Children!.Keys).Order(StringComparer.Ordinal)
            .Select(name => (name, before.Children.GetValueOrDefault(name), after.Children.GetValueOrDefault(name)));

    private static void CompareDirectories(string path, TreeNode before, TreeNode after, List<FileChange> found, CancellationToken cancellationToken)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        cancellationToken.ThrowIfCancellationRequested();
        foreach (var (name, then, now) in Pairs(before, after))
        {
            var child = LayerPath.Combine(path, name);
            if (then is { IsDirectory: true } && now is { IsDirectory: true })
            {
                // Whether it is one itself is known only when all in it has been seen, and yet it comes first.
                var place = found.Count;
                CompareDirectories(child, then, now, found, cancellationToken);
                if (found.Count > place || !Same(then.Metadata, now.Metadata))
                {
                    found.Insert(place, Change(child, then, now));
                }
            }
            else if (then is null || now is null || !Same(then, now))
            {
                found.Add(Change(child, then, now));
                AddContent(child, now, found, cancellationToken);
            }
        }
    }

    private static void AddContent(string path, TreeNode? node, List<FileChange> found, CancellationToken cancellationToken)
    {
        if (node is not { IsDirectory: true })
        {
            return;
        }

        RuntimeHelpers.EnsureSufficientExecutionStack();
        cancellationToken.ThrowIfCancellationRequested();
        foreach (var (name, child) in node.InOrder)
        {
            var childPath = LayerPath.Combine(path, name);
            found.Add(Change(childPath, null, child));
            AddContent(childPath, child, found, cancellationToken);
        }
    }

    private static FileChange Change(string path, TreeNode? then, TreeNode? now) => new(
        (then, now) switch
        {
            (null, _) => FileChangeKind.Added,
            (_, null) => FileChangeKind.Deleted,
            _ => FileChangeKind.Changed,
        },
        path,
        then?.Metadata,
        now?.Metadata)
    {
        BeforeContent = then?.Content,
        AfterContent = now?.Content,
    };

    private static bool Same(FileMetadata then, FileMetadata now) =>
        then with { ExtendedAttributes = now.ExtendedAttributes } == now
        && then.ExtendedAttributes.Count == now.ExtendedAttributes.Count
        && then.ExtendedAttributes.All(each => now.ExtendedAttributes.TryGetValue(each.Key, out var value) && value.Span.SequenceEqual(each.Value.Span));
}

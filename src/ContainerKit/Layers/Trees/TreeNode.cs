namespace ContainerKit.Layers.Trees;

/// <summary>
/// One object of a <see cref="LayerTree"/>. Two names of one file lead to the same node. Only directories ever change: everything
/// else is replaced, so that trees may share it.
/// </summary>
internal sealed class TreeNode
{
    public required FileMetadata Metadata { get; set; }

    /// <summary>What is in a directory, by name; null for everything else.</summary>
    public Dictionary<string, TreeNode>? Children { get; init; }

    /// <summary>What is in a regular file that has content; null for everything else.</summary>
    public FileContent? Content { get; init; }

    /// <summary>Whether no archive has ever described it: a directory that is there because something is in it.</summary>
    public bool IsImplied { get; set; }

    /// <summary>Whether it has ever had a second name; it may have lost it since.</summary>
    public bool HasLinks { get; set; }

    public bool IsDirectory => Children is not null;

    /// <summary>The names in a directory in the order in which trees are walked.</summary>
    public IEnumerable<KeyValuePair<string, TreeNode>> InOrder => Children!.OrderBy(child => child.Key, StringComparer.Ordinal);

    public static TreeNode Directory(FileMetadata metadata, bool isImplied = false) =>
        new() { Metadata = metadata, Children = new(StringComparer.Ordinal), IsImplied = isImplied };

    /// <summary>A copy whose directories are its own.</summary>
    public TreeNode Clone()
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        return Children is null
            ? this
            : new TreeNode
            {
                Metadata = Metadata,
                IsImplied = IsImplied,
                Children = new(Children.Select(child => KeyValuePair.Create(child.Key, child.Value.Clone())), StringComparer.Ordinal),
            };
    }
}

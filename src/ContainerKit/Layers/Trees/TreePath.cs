namespace ContainerKit.Layers.Trees;

/// <summary>
/// Follows paths through a <see cref="LayerTree"/> as the kernel would with the tree as its root: symlinks lead on inside the tree, and
/// above the root is the root. What fails does so as in <see cref="System.IO.File"/>.
/// </summary>
internal static class TreePath
{
    private const int MaxLinks = 40;

    /// <summary>What a path leads to.</summary>
    /// <param name="root">The tree's root directory.</param>
    /// <param name="path">The path; it begins at the root whether or not it says so.</param>
    /// <param name="followsLast">Whether a symlink at its end leads on, too.</param>
    /// <exception cref="FileNotFoundException">There is nothing.</exception>
    /// <exception cref="DirectoryNotFoundException">Something on the way is missing, or is no directory.</exception>
    /// <exception cref="IOException">The symlinks on the way never end.</exception>
    public static TreeNode Follow(TreeNode root, string path, bool followsLast)
    {
        var names = new Stack<string>();
        Push(names, path);

        // A slash at the end asks for what a symlink leads to, as it does everywhere on Linux.
        var isDirectory = path.EndsWith('/') || path.EndsWith("/.", StringComparison.Ordinal);
        var way = new Stack<TreeNode>([root]);
        for (var links = 0; names.TryPop(out var name);)
        {
            var here = way.Peek();
            if (name is "." or "..")
            {
                RequireDirectory(here, path);
                _ = name == ".." && way.Count > 1 ? way.Pop() : null;
                continue;
            }

            RequireDirectory(here, path);
            if (!here.Children!.TryGetValue(name, out var node))
            {
                throw names.Count == 0
                    ? new FileNotFoundException($"There is no '{path}' in the image.", path)
                    : new DirectoryNotFoundException($"There is no '{path}' in the image: a directory on the way is missing.");
            }

            if (node.Metadata is { Kind: FileKind.Symlink, LinkTarget: { } target } && (followsLast || isDirectory || names.Count > 0))
            {
                if (++links > MaxLinks)
                {
                    throw new IOException($"The symlinks on the way to '{path}' in the image never end.");
                }

                if (target.StartsWith('/'))
                {
                    way = new Stack<TreeNode>([root]);
                }

                Push(names, target);
                continue;
            }

            way.Push(node);
        }

        if (isDirectory)
        {
            RequireDirectory(way.Peek(), path);
        }

        return way.Peek();
    }

    private static void Push(Stack<string> names, string path)
    {
        foreach (var name in path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
        {
            names.Push(name);
        }
    }

    private static void RequireDirectory(TreeNode node, string path)
    {
        if (!node.IsDirectory)
        {
            throw new DirectoryNotFoundException($"There is no '{path}' in the image: something on the way is no directory.");
        }
    }
}

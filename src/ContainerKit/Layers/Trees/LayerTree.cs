namespace ContainerKit.Layers.Trees;

/// <summary>
/// What layers show when they lie on top of each other, in memory: names, metadata, and where each content is. It is what unpacking
/// them would make on disk, by the same rules, on any system. OCI image specification, layer.md, "Applying Changesets".
/// </summary>
/// <param name="limits">How large it may become: <see cref="LayerLimits.MaxEntries"/> holds for all layers together.</param>
internal sealed class LayerTree(LayerLimits limits)
{
    // Names, link targets and attributes of all objects together. A Debian root file system has half a megabyte.
    private const long MaxBytes = 1L << 30;
    private const int MaxLinks = 40;
    private const int AnyMode = 0x1FF;

    private static readonly FileMetadata Implied = new() { Kind = FileKind.Directory, Mode = 0x1ED, UserId = 0, GroupId = 0 };

    private HashSet<string> _written = new(StringComparer.Ordinal);
    private long _entries;
    private long _bytes;

    /// <summary>The root directory.</summary>
    public TreeNode Root { get; private init; } = TreeNode.Directory(Implied, isImplied: true);

    /// <summary>Whether it is a piece of a stack, so that a hard link may lead to what lies below.</summary>
    public bool IsPiece { get; init; }

    /// <summary>A copy that goes its own way.</summary>
    public LayerTree Clone(bool isPiece = false) => new(limits) { Root = Root.Clone(), IsPiece = isPiece, _entries = _entries, _bytes = _bytes };

    /// <summary>Says that what is applied from now on belongs to another layer: its whiteouts act on what is there now.</summary>
    public void BeginLayer() => _written = new(StringComparer.Ordinal);

    /// <summary>Applies one entry of the current layer.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="content">The content, if it is a regular file that has one.</param>
    /// <exception cref="ImageException">No tree can hold it, or the tree becomes too large.</exception>
    public void Apply(LayerEntry entry, FileContent? content)
    {
        Count(entry);
        switch (entry.Kind)
        {
            case LayerEntryKind.Whiteout when entry.Path != "/":
                Whiteout(entry);
                break;
            case LayerEntryKind.Opaque:
                if (Locate(entry, entry.Path, makesParents: false) is { Node: { IsDirectory: true } directory, Path: var hidden })
                {
                    Prune(directory, hidden);
                }

                break;
            case LayerEntryKind.HardLink or LayerEntryKind.Object:
                Put(entry, content);
                break;
        }
    }

    /// <summary>What is at a path of real directories; null when there is nothing.</summary>
    public TreeNode? Find(string path)
    {
        var node = Root;
        foreach (var name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (node.Children is null || !node.Children.TryGetValue(name, out node))
            {
                return null;
            }
        }

        return node;
    }

    private void Put(LayerEntry entry, FileContent? content)
    {
        if (entry.Path == "/")
        {
            Require(entry is { Kind: LayerEntryKind.Object, Metadata.Kind: FileKind.Directory }, "/", "it would replace the root directory by something else");
            Describe(Root, entry);
            _written.Add("/");
            return;
        }

        var place = Locate(entry, entry.Path, makesParents: true)!;
        switch (entry.Kind, entry.Metadata.Kind)
        {
            case (LayerEntryKind.HardLink, _):
                var target = Locate(entry, entry.HardLinkTarget!, makesParents: false)?.Node;
                if (target is null && IsPiece)
                {
                    // Of its content nothing is known here; the entry says the rest.
                    place.Set(new TreeNode { Metadata = Normalise(entry.Metadata), HasLinks = true });
                    break;
                }

                Require(target is not null, entry.Path, $"it is a hard link to '{entry.HardLinkTarget}', which is not there");
                Require(!target!.IsDirectory, entry.Path, $"it is a hard link to '{entry.HardLinkTarget}', which is a directory");
                target.HasLinks |= place.Node != target;
                place.Set(target);
                break;
            case (_, FileKind.Directory) when place.Node is { IsDirectory: true } there:
                Describe(there, entry);
                break;
            case (_, FileKind.Directory):
                place.Set(TreeNode.Directory(Normalise(entry.Metadata)));
                break;
            default:
                place.Set(new TreeNode { Metadata = Normalise(entry.Metadata) with { Digest = content?.Digest }, Content = content });
                break;
        }

        MarkWritten(place.Path);
    }

    private static void Describe(TreeNode directory, LayerEntry entry) => (directory.Metadata, directory.IsImplied) = (Normalise(entry.Metadata), false);

    private void Whiteout(LayerEntry entry)
    {
        if (Locate(entry, entry.Path, makesParents: false) is not { Node: { } node } place)
        {
            return;
        }

        // What the layer itself has there stays, and hides what was below it.
        if (!_written.Contains(place.Path))
        {
            place.Remove();
        }
        else if (node.IsDirectory)
        {
            Prune(node, place.Path);
        }
    }

    private void Prune(TreeNode directory, string path)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        foreach (var (name, child) in directory.Children!.ToList())
        {
            var full = LayerPath.Combine(path, name);
            if (!_written.Contains(full))
            {
                directory.Children!.Remove(name);
            }
            else if (child.IsDirectory)
            {
                Prune(child, full);
            }
        }
    }

    private void MarkWritten(string path)
    {
        while (_written.Add(path) && path.Length > 1)
        {
            path = LayerPath.Parent(path);
        }
    }

    /// <summary>The place that a path means: symlinks on the way lead on, as they would below a root, and the last name is what it is.</summary>
    /// <returns>Null when a directory on the way is missing and is not to be made.</returns>
    private Place? Locate(LayerEntry entry, string path, bool makesParents)
    {
        var names = new Stack<string>(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        var way = new Stack<Place>([new Place(null, "", "/", Root)]);
        for (var links = 0; names.TryPop(out var name);)
        {
            if (name is "." or "..")
            {
                // Only a symlink's target has them; above the root is the root.
                _ = name == ".." && way.Count > 1 ? way.Pop() : null;
                continue;
            }

            var directory = way.Peek();
            var place = new Place(directory.Node, name, LayerPath.Combine(directory.Path, name), directory.Node!.Children!.GetValueOrDefault(name));
            Require(place.Path.Length <= limits.MaxPathBytes, entry.Path, $"symlinks lead it to a path of more than {limits.MaxPathBytes} bytes ({nameof(LayerLimits.MaxPathBytes)})");
            if (names.Count == 0)
            {
                return place;
            }

            if (place.Node is { Metadata.LinkTarget: { } target })
            {
                Require(++links <= MaxLinks, entry.Path, "the symlinks on the way to it never end");
                if (target.StartsWith('/'))
                {
                    way = new Stack<Place>([new Place(null, "", "/", Root)]);
                }

                foreach (var part in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
                {
                    names.Push(part);
                }

                continue;
            }

            if (place.Node is null && makesParents)
            {
                place.Set(TreeNode.Directory(Implied, isImplied: true));
                Charge(1, name.Length);
            }

            if (place.Node is not { IsDirectory: true })
            {
                Require(!makesParents, entry.Path, $"'{place.Path}' is not a directory");
                return null;
            }

            way.Push(place);
        }

        return way.Peek();
    }

    private void Count(LayerEntry entry) => Charge(
        1, entry.Path.Length - entry.Path.LastIndexOf('/') + (entry.Metadata.LinkTarget?.Length ?? 0) + entry.Metadata.ExtendedAttributes.Sum(each => each.Key.Length + (long)each.Value.Length));

    private void Charge(int entries, long bytes)
    {
        if ((_entries += entries) > limits.MaxEntries)
        {
            throw new ImageException($"The layers have more than {limits.MaxEntries} entries together ({nameof(LayerLimits.MaxEntries)}).");
        }

        if ((_bytes += bytes) > MaxBytes)
        {
            throw new ImageException($"The names and attributes in the layers have more than {MaxBytes} bytes together.");
        }
    }

    private static void Require(bool condition, string path, string otherwise)
    {
        if (!condition)
        {
            throw new ImageException($"The layer's entry '{path}' cannot be unpacked: {otherwise}.");
        }
    }

    // What a file system would make of it: a symlink has no mode of its own, and only devices have numbers. A storage driver's
    // books in an archive mean nothing to others, and are not unpacked either.
    private static FileMetadata Normalise(FileMetadata metadata)
    {
        if (metadata.ExtendedAttributes.Keys.Any(IsBook))
        {
            metadata = metadata with { ExtendedAttributes = metadata.ExtendedAttributes.Where(each => !IsBook(each.Key)).ToDictionary().AsReadOnly() };
        }

        return metadata.Kind switch
        {
            FileKind.CharacterDevice or FileKind.BlockDevice => metadata,
            FileKind.Symlink => metadata with { Mode = AnyMode, DeviceMajor = 0, DeviceMinor = 0 },
            _ when metadata is { DeviceMajor: 0, DeviceMinor: 0 } => metadata,
            _ => metadata with { DeviceMajor = 0, DeviceMinor = 0 },
        };
    }

    private static bool IsBook(string attribute) => attribute.StartsWith("trusted.overlay.", StringComparison.Ordinal) || attribute.StartsWith("user.overlay.", StringComparison.Ordinal);

    private sealed record Place(TreeNode? Directory, string Name, string Path, TreeNode? Node)
    {
        public TreeNode? Node { get; private set; } = Node;

        public void Set(TreeNode node) => Directory!.Children![Name] = Node = node;

        public void Remove() => Directory!.Children!.Remove(Name);
    }
}

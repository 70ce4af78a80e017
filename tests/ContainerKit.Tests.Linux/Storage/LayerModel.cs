using System.Globalization;

namespace ContainerKit.Tests.Linux.Storage;

/// <summary>
/// What layers mean, in memory and as short as can be said (OCI image specification, layer.md): first everything goes that the layer
/// takes away from those below, then its entries are put in place, one after another. Makes random layers, and the lines that a tree
/// must show after them.
/// </summary>
internal sealed class LayerModel(int seed)
{
    private static readonly string[] Names = ["a", "b", "c.d", "e f"];

    private readonly Random _random = new(seed);
    private readonly SortedDictionary<string, Node> _tree = new(StringComparer.Ordinal) { ["/"] = new("Directory", 0x1ED, 0, "", LayerArchive.Time) };

    private sealed record Node(string Kind, int Mode, uint Owner, string Content, UnixTime Time);

    /// <summary>A random layer over what there is; the model is then what there is with it.</summary>
    public LayerArchive NextLayer()
    {
        var (gone, opaque) = TakeAway();
        var steps = new List<Action<LayerArchive>>();
        steps.AddRange(gone.Select(path => (Action<LayerArchive>)(layer => layer.Whiteout(path))));
        steps.AddRange(opaque.Select(path => (Action<LayerArchive>)(layer => layer.Opaque(path))));
        var own = new HashSet<string>(StringComparer.Ordinal);
        var puts = Enumerable.Range(0, _random.Next(4, 16)).Select(_ => Put(own, [.. gone, .. opaque])).ToList();

        // The marks may stand anywhere among the entries, which keep their order among themselves.
        foreach (var mark in steps)
        {
            puts.Insert(_random.Next(puts.Count + 1), mark);
        }

        var layer = new LayerArchive().Directory("/");
        puts.ForEach(put => put(layer));
        return layer;
    }

    /// <summary>A line for each path: kind, mode, owner, time, content.</summary>
    public IEnumerable<string> Lines() => _tree
        .Select(each => Line(each.Key, each.Value.Kind, each.Value.Mode, each.Value.Owner, each.Value.Time, each.Value.Content))
        .Order(StringComparer.Ordinal);

    public static string Line(string path, string kind, int mode, uint owner, UnixTime time, string content) => string.Create(
        CultureInfo.InvariantCulture, $"{path}|{kind}|{Convert.ToString(mode, 8)}|{owner}|{time.Seconds}.{time.Nanoseconds:D9}|{content}");

    private (List<string> Gone, List<string> Opaque) TakeAway()
    {
        var lower = _tree.Keys.Where(path => path != "/").ToList();
        var gone = lower.Where(_ => _random.Next(8) == 0).ToList();
        var opaque = lower.Where(path => _tree[path].Kind == "Directory" && _random.Next(6) == 0).ToList();
        gone.ForEach(Remove);
        opaque.ForEach(RemoveBelow);

        // A mark below something that goes anyway has nothing left to mean.
        return (gone, [.. opaque.Where(_tree.ContainsKey)]);
    }

    private Action<LayerArchive> Put(HashSet<string> own, IReadOnlyList<string> marked)
    {
        var path = NewPath(marked);
        var (mode, owner) = (_random.Next(0x200) | 0x100, (uint)_random.Next(3));
        var time = new UnixTime(_random.Next(-1_000_000_000, 2_000_000_000), _random.Next(1_000_000_000));
        var content = _random.Next(100_000).ToString(CultureInfo.InvariantCulture);
        var files = own.Where(each => _tree.TryGetValue(each, out var node) && node.Kind == "File" && each != path && !path.StartsWith(each + "/", StringComparison.Ordinal)).ToList();
        MakeParents(path);
        switch (_random.Next(files.Count > 0 ? 5 : 4))
        {
            case 0 or 1:
                if (_tree.TryGetValue(path, out var there) && there.Kind != "Directory")
                {
                    Remove(path);
                }

                _tree[path] = new("Directory", mode | 0x1C0, owner, "", time);
                own.Add(path);
                return layer => layer.Directory(path, mode | 0x1C0, owner, owner, time);
            case 2:
                Replace(path, new("Symlink", 0x1FF, 0, content, LayerArchive.Time));
                return layer => layer.Symlink(path, content);
            case 4:
                var target = files[_random.Next(files.Count)];
                if (target.StartsWith(path + "/", StringComparison.Ordinal))
                {
                    goto default;
                }

                Replace(path, _tree[target]);
                own.Add(path);
                return layer => layer.Link(path, target);
            default:
                Replace(path, new("File", mode, owner, content, time));
                own.Add(path);
                return layer => layer.FileOf(path, content, mode, owner, time);
        }
    }

    // Below a directory that there is, or below nothing yet. What a mark names is left alone: what becomes of directories that a
    // layer takes away, and then fills without describing them, the specification does not say.
    private string NewPath(IReadOnlyList<string> marked)
    {
        while (true)
        {
            var path = string.Concat(Enumerable.Range(0, _random.Next(1, 4)).Select(_ => "/" + Names[_random.Next(Names.Length)]));
            var parents = ParentsOf(path).ToList();
            if (parents.TrueForAll(parent => !_tree.TryGetValue(parent, out var node) || node.Kind == "Directory") && !parents.Exists(marked.Contains))
            {
                return path;
            }
        }
    }

    private void MakeParents(string path)
    {
        foreach (var parent in ParentsOf(path))
        {
            _tree.TryAdd(parent, new("Directory", 0x1ED, 0, "", new UnixTime(0, 0)));
        }
    }

    private void Replace(string path, Node node)
    {
        Remove(path);
        _tree[path] = node;
    }

    private void Remove(string path)
    {
        RemoveBelow(path);
        _tree.Remove(path);
    }

    private void RemoveBelow(string path) => _tree.Keys.Where(each => each.StartsWith(path + "/", StringComparison.Ordinal)).ToList().ForEach(each => _tree.Remove(each));

    private static IEnumerable<string> ParentsOf(string path)
    {
        for (var slash = path.IndexOf('/', 1); slash > 0; slash = path.IndexOf('/', slash + 1))
        {
            yield return path[..slash];
        }
    }
}

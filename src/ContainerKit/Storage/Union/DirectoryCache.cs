using System.Runtime.Versioning;

namespace ContainerKit.Storage.Union;

/// <summary>
/// Open directories of a union by path, the most recently used of them. It is what makes a walk cost nothing when many files of
/// one directory follow one another, as they do in every archive.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class DirectoryCache(int maxDescriptors) : IDisposable
{
    private readonly Dictionary<string, LinkedListNode<UnionDirectory>> _byPath = new(StringComparer.Ordinal);
    private readonly LinkedList<UnionDirectory> _byUse = [];
    private int _descriptors;

    public UnionDirectory? TryGet(ReadOnlySpan<char> path)
    {
        if (!_byPath.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(path, out var node))
        {
            return null;
        }

        if (!ReferenceEquals(_byUse.First, node))
        {
            _byUse.Remove(node);
            _byUse.AddFirst(node);
        }

        return node.Value;
    }

    public void Add(UnionDirectory directory)
    {
        _byPath.Add(directory.Path, _byUse.AddFirst(directory));
        _descriptors += directory.Parts.Count;
    }

    /// <summary>Notes that a directory got one part more.</summary>
    public void Grew() => _descriptors++;

    /// <summary>Closes what was not used for longest. Only between operations: nobody may still hold one of them.</summary>
    public void Trim()
    {
        while (_descriptors > maxDescriptors && _byUse.Last is { } oldest)
        {
            Forget(oldest);
        }
    }

    /// <summary>Closes a directory and everything below it, because it is about to move or to vanish.</summary>
    public void Forget(string path)
    {
        if (_byPath.TryGetValue(path, out var itself))
        {
            Forget(itself);
        }

        var below = path.Length == 1 ? path : path + "/";
        for (var node = _byUse.First; node is not null;)
        {
            var next = node.Next;
            if (node.Value.Path.StartsWith(below, StringComparison.Ordinal))
            {
                Forget(node);
            }

            node = next;
        }
    }

    public void Dispose()
    {
        foreach (var directory in _byUse)
        {
            directory.Dispose();
        }

        _byUse.Clear();
        _byPath.Clear();
    }

    private void Forget(LinkedListNode<UnionDirectory> node)
    {
        _byUse.Remove(node);
        _byPath.Remove(node.Value.Path);
        _descriptors -= node.Value.Parts.Count;
        node.Value.Dispose();
    }
}

using System.Collections.Concurrent;

namespace ContainerKit.Containers;

/// <summary>
/// Remembers which snapshot the containers of an image stand on, by the digest of its config, which names all layers: a start then
/// computes no chain IDs, and needs no cryptographic library, which takes longer to load than a container to start.
/// </summary>
/// <remarks>
/// <code>
/// DIRECTORY/CONFIG   a symlink whose target is the snapshot's name: it is made in one step, and never followed
/// </code>
/// It is written when the layers have been verified, and it is no reference: a snapshot that is gone is unpacked again.
/// </remarks>
internal sealed class ImageBases(string directory)
{
    private readonly ConcurrentDictionary<Digest, string> _known = new();

    /// <summary>The snapshot's name, which may be that of one that is no more; null when nothing is remembered.</summary>
    public string? Find(Digest config)
    {
        if (_known.TryGetValue(config, out var known))
        {
            return known;
        }

        return new FileInfo(PathOf(config)).LinkTarget is { } name ? _known[config] = name : null;
    }

    public void Remember(Digest config, string snapshot)
    {
        _known[config] = snapshot;
        try
        {
            Directory.CreateDirectory(directory);
            File.Delete(PathOf(config));
            File.CreateSymbolicLink(PathOf(config), snapshot);
        }
        catch (IOException)
        {
            // Another process has just remembered the same, or the disk is full: it is only a short cut.
        }
    }

    /// <summary>Drops what leads nowhere any more.</summary>
    public void Forget(Func<string, bool> isGone)
    {
        _known.Clear();
        if (!Directory.Exists(directory))
        {
            return;
        }

        foreach (var link in new DirectoryInfo(directory).EnumerateFiles().Where(link => link.LinkTarget is { } name && isGone(name)))
        {
            link.Delete();
        }
    }

    private string PathOf(Digest config) => Path.Combine(directory, config.Hex);
}

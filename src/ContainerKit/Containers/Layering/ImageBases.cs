using System.Collections.Concurrent;

namespace ContainerKit.Containers.Layering;

/// <summary>
/// Remembers which snapshot the containers of an image stand on, by the digest of its config, which names all layers: a start then
/// computes no chain IDs, and needs no cryptographic library, which takes longer to load than a container to start.
/// </summary>
/// <remarks>
/// <code>
/// DIRECTORY/CONFIG        a symlink whose target is the snapshot's name: it is made in one step, and never followed
/// DIRECTORY/CONFIG-FORM   the same for containers that stand on something more than the image and its mount points
/// </code>
/// It is written when the layers have been verified, and it is no reference: a snapshot that is gone is unpacked again.
/// </remarks>
internal sealed class ImageBases(string directory)
{
    private readonly ConcurrentDictionary<(Digest Config, string Form), string> _known = new();

    /// <summary>The snapshot's name, which may be that of one that is no more; null when nothing is remembered.</summary>
    /// <param name="config">The digest of the image's config.</param>
    /// <param name="form">What the containers stand on besides; empty for nothing.</param>
    public string? Find(Digest config, string form)
    {
        if (_known.TryGetValue((config, form), out var known))
        {
            return known;
        }

        return new FileInfo(PathOf(config, form)).LinkTarget is { } name ? _known[(config, form)] = name : null;
    }

    public void Remember(Digest config, string form, string snapshot)
    {
        _known[(config, form)] = snapshot;
        try
        {
            Directory.CreateDirectory(directory);
            File.Delete(PathOf(config, form));
            File.CreateSymbolicLink(PathOf(config, form), snapshot);
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

    private string PathOf(Digest config, string form) => Path.Combine(directory, form.Length == 0 ? config.Hex : $"{config.Hex}-{form}");
}

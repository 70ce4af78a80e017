using System.Runtime.Versioning;
using ContainerKit.Containers.Layering;
using ContainerKit.Images;
using ContainerKit.Images.Editing;
using ContainerKit.Layers.Trees;
using ContainerKit.Storage;

namespace ContainerKit.Containers.Inspection;

/// <summary>Compares the snapshots that images were unpacked to with the images' layers, file by file.</summary>
/// <param name="unpacker">Knows how the snapshots are called.</param>
/// <param name="snapshots">Where they lie.</param>
/// <param name="images">Where the layers lie.</param>
/// <param name="verified">The names of those that were found to be right, which are not read again.</param>
/// <param name="cancellationToken">Gives up.</param>
[SupportedOSPlatform("linux")]
internal sealed class SnapshotContents(Unpacker unpacker, SnapshotStore snapshots, ImageCatalog images, ISet<string> verified, CancellationToken cancellationToken)
{
    // Several images may stand on one damaged snapshot.
    private readonly HashSet<string> _damaged = new(StringComparer.Ordinal);

    /// <summary>Looks at the snapshots of an image whose blobs are all right. One that is known to be damaged is left alone, with what stands on it.</summary>
    public void Check(Image image, ICollection<SnapshotDamage> damages)
    {
        _damaged.UnionWith(damages.Select(damage => damage.Id).OfType<string>());
        var names = unpacker.LayerNamesOf(image).TakeWhile(name => !_damaged.Contains(name)).ToList();
        if (image.Layers.Any(layer => !images.Blobs.Contains(layer.Descriptor.Digest)))
        {
            // A foreign layer that was never here: nothing of the image can have been unpacked.
            return;
        }

        var last = names.FindLastIndex(name => !verified.Contains(name) && snapshots.TryFind(name) is not null);
        var tree = new LayerTree(images.Limits);
        for (var i = 0; i <= last; i++)
        {
            TreeReader.Apply(tree, [image.Layers[i]], hashes: true, cancellationToken);
            if (verified.Contains(names[i]))
            {
                continue;
            }

            if (snapshots.FindDamage(names[i], tree, cancellationToken) is { } damage)
            {
                damages.Add(damage);
                return;
            }

            verified.Add(names[i]);
        }
    }
}

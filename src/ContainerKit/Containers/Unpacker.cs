using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;
using ContainerKit.Content;
using ContainerKit.Images;
using ContainerKit.Storage;

namespace ContainerKit.Containers;

/// <summary>
/// Turns an image's layers into snapshots, each once: a layer over the same layers below is the same snapshot, whatever image it
/// comes with. That key is the chain ID (OCI image specification, config.md, "Layer ChainID").
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class Unpacker(SnapshotStore snapshots, StoreLayout store, string variant)
{
    /// <summary>Unpacks what is not there yet.</summary>
    /// <returns>The name of the topmost layer's snapshot; null for an image without layers.</returns>
    /// <exception cref="ImageException">A layer is damaged, is refused, or is not what its diff ID says.</exception>
    /// <exception cref="StorageException">The store cannot hold it.</exception>
    public string? Unpack(Image image, IProgress<ImageProgress>? progress, CancellationToken cancellationToken)
    {
        var names = ChainId.All(image.Layers.Select(layer => layer.DiffId)).Select(NameOf).ToArray();
        if (names.Length == 0 || snapshots.TryFind(names[^1]) is not null)
        {
            return names.LastOrDefault();
        }

        // One unpacks, the others wait and find it done: two would do the work twice and throw one half away.
        using var turn = FileLock.Acquire(Path.Combine(store.Snapshots, $".unpack-{image.Layers[^1].DiffId.Hex[..16]}.lock"), exclusive: true, cancellationToken);
        for (var i = 0; i < names.Length; i++)
        {
            if (snapshots.TryFind(names[i]) is null)
            {
                progress?.Report(new ImageProgress(ImagePhase.Unpacking, image.Layers[i].DiffId.ToString(), i, names.Length));
                UnpackLayer(image.Layers[i], i == 0 ? null : names[i - 1], names[i], cancellationToken);
            }
        }

        return names[^1];
    }

    /// <summary>
    /// A snapshot's name: the chain ID, and what else decides how the files lie on disk (attribute dialect and id map), so that one
    /// store can hold both forms of the same layer.
    /// </summary>
    public string NameOf(Digest chainId) => variant.Length == 0 ? chainId.Hex : $"{chainId.Hex}-{variant}";

    /// <summary>A short, stable text for an attribute dialect and an id map.</summary>
    public static string VariantOf(bool userAttributes, string? idMap) => (userAttributes, idMap) switch
    {
        (false, null) => "",
        (true, null) => "user",
        _ => (userAttributes ? "user-" : "") + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(idMap)))[..8],
    };

    private void UnpackLayer(Layer layer, string? parent, string name, CancellationToken cancellationToken)
    {
        var lease = snapshots.Prepare($"unpacking-{ContainerName.NewId()[..16]}", parent, cancellationToken);
        try
        {
            using (var tree = snapshots.OpenTree(lease, isPrivate: true))
            using (var reader = layer.OpenReader())
            {
                LayerApplier.Apply(reader, tree, cancellationToken);
            }

            snapshots.Commit(lease, name);
        }
        catch
        {
            snapshots.Remove(lease);
            throw;
        }
    }
}

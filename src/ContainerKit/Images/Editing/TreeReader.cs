using System.Buffers;
using System.Security.Cryptography;
using ContainerKit.Layers;
using ContainerKit.Layers.Trees;

namespace ContainerKit.Images.Editing;

/// <summary>Reads layers into a <see cref="LayerTree"/>, one after another and without unpacking anything.</summary>
internal static class TreeReader
{
    private const int BufferBytes = 128 << 10;

    /// <summary>Two trees; layers that both stand on are read once.</summary>
    public static (LayerTree Before, LayerTree After) ReadBoth(IFileTree before, IFileTree after, LayerLimits limits, CancellationToken cancellationToken)
    {
        var (lower, upper) = (before.FindLayers(), after.FindLayers());
        var shared = lower.Zip(upper).TakeWhile(pair => pair.First.DiffId == pair.Second.DiffId).Count();
        var first = new LayerTree(limits) { IsPiece = before is Layer };
        if (shared == lower.Count && shared == upper.Count && !before.HasOwnFiles && !after.HasOwnFiles)
        {
            // The same layers show the same tree, whatever is in them.
            return (first, first);
        }

        Apply(first, lower.Take(shared), hashes: true, cancellationToken);
        var second = first.Clone(isPiece: after is Layer);
        Apply(first, lower.Skip(shared), hashes: true, cancellationToken);
        Apply(second, upper.Skip(shared), hashes: true, cancellationToken);
        before.ApplyOwnFiles(first, cancellationToken);
        after.ApplyOwnFiles(second, cancellationToken);
        return (first, second);
    }

    /// <summary>Applies layers, the lowest first, each verified to its end.</summary>
    /// <param name="tree">The tree, worthless if this fails.</param>
    /// <param name="layers">The layers.</param>
    /// <param name="hashes">Whether contents are hashed: without that, only files of one and the same layer can be found to be the same.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static void Apply(LayerTree tree, IEnumerable<Layer> layers, bool hashes, CancellationToken cancellationToken)
    {
        foreach (var layer in layers)
        {
            tree.BeginLayer();
            layer.Read(reader => Apply(tree, layer, reader, hashes, cancellationToken), cancellationToken);
        }
    }

    /// <summary>
    /// What a further layer is going to lie on: whether that can be unpacked depends on it. Reading the layers verifies their diff IDs by the
    /// way. Where one of them is elsewhere nobody knows what they show; the tree is then an empty piece.
    /// </summary>
    /// <exception cref="ImageException">A layer is missing or damaged, or is not what its diff ID names.</exception>
    public static LayerTree TreeOf(ImageCatalog catalog, IReadOnlyList<StoredLayer> layers, CancellationToken cancellationToken)
    {
        var tree = new LayerTree(catalog.Limits) { IsPiece = layers.Any(layer => MediaTypes.IsForeign(layer.Descriptor.MediaType) && !catalog.Blobs.Contains(layer.Descriptor.Digest)) };
        var read = tree.IsPiece ? [] : layers.Select(layer => new Layer(layer.DiffId, layer.Descriptor, catalog.Blobs, catalog.Limits));
        Apply(tree, read, hashes: false, cancellationToken);
        return tree;
    }

    /// <summary>The SHA-256 of what a stream has left.</summary>
    public static Digest Hash(Stream content, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            for (int read; (read = content.Read(buffer, 0, buffer.Length)) > 0;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, read);
            }

            return Digest.FromHash(hash.GetHashAndReset());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void Apply(LayerTree tree, Layer layer, LayerReader reader, bool hashes, CancellationToken cancellationToken)
    {
        for (var i = 0L; reader.MoveNext(cancellationToken); i++)
        {
            var entry = reader.Current;
            var content = entry is { Kind: LayerEntryKind.Object, Metadata: { Kind: FileKind.File, Size: > 0 } }
                ? new LayerContent(layer, i, entry.Path) { Digest = hashes ? Hash(reader.Content, cancellationToken) : null }
                : null;
            tree.Apply(entry, content);
        }
    }
}

namespace ContainerKit;

/// <summary>An image in the store: what it is called, how it wants to be run, and the layers that it is made of.</summary>
/// <remarks>It is a value as of when it was looked up; a name may have moved since.</remarks>
public sealed class Image : IFileTree
{
    internal Image(ImageReference reference, Descriptor manifest, Descriptor configDescriptor, ImageConfig config, IReadOnlyList<Layer> layers)
    {
        Reference = reference;
        Manifest = manifest;
        ConfigDescriptor = configDescriptor;
        Config = config;
        Layers = layers;
    }

    /// <summary>The name that the image was found by; one without a name has only a digest.</summary>
    public ImageReference Reference { get; }

    /// <summary>The manifest's digest, which names the image whatever it is called.</summary>
    public Digest Digest => Manifest.Digest;

    /// <summary>The digest of the index that the store keeps it in, with its like for other platforms; null when it stands alone.</summary>
    public Digest? IndexDigest => Index?.Digest;

    /// <summary>How it wants to be run.</summary>
    public ImageConfig Config { get; }

    /// <summary>The layers, the lowest first.</summary>
    public IReadOnlyList<Layer> Layers { get; }

    /// <summary>What the manifest says about the image, by key. OCI image specification, annotations.md.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; internal init; } = new Dictionary<string, string>().AsReadOnly();

    IReadOnlyList<Layer> IFileTree.FindLayers() => Layers;

    /// <summary>Bytes in the store: the manifest, the config and the (compressed) layers.</summary>
    public long Size => Manifest.Size + ConfigDescriptor.Size + Layers.Sum(layer => layer.Descriptor.Size);

    internal Descriptor Manifest { get; }

    /// <summary>The index, when the store has it whole.</summary>
    internal Descriptor? Index { get; init; }

    /// <summary>The config's blob; its digest is what docker calls the image ID.</summary>
    internal Descriptor ConfigDescriptor { get; }

    /// <summary>The name, and the digest's beginning.</summary>
    public override string ToString() => $"{Reference} ({Digest.Hex[..12]})";
}

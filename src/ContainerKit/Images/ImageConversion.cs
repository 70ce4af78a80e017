namespace ContainerKit;

/// <summary>Whose words an image's documents are in. They mean the same.</summary>
public enum ManifestFormat
{
    /// <summary>OCI's image specification.</summary>
    Oci,

    /// <summary>Docker's image manifest, version 2, schema 2.</summary>
    Docker,
}

/// <summary>How an image is told to others.</summary>
public sealed record ImageConversion
{
    /// <summary>Whose words the manifest is in; null keeps those that it is in.</summary>
    public ManifestFormat? Manifest { get; init; }

    /// <summary>With what every layer is compressed; null keeps each as it is. A layer that is compressed so already stays byte for byte.</summary>
    public LayerCompression? Compression { get; init; }
}

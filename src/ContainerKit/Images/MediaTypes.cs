namespace ContainerKit.Images;

/// <summary>The media types of images: OCI's, and Docker's (schema 2), which mean the same. OCI image specification, media-types.md.</summary>
internal static class MediaTypes
{
    public const string Manifest = "application/vnd.oci.image.manifest.v1+json";
    public const string Index = "application/vnd.oci.image.index.v1+json";
    public const string Config = "application/vnd.oci.image.config.v1+json";
    public const string Layer = "application/vnd.oci.image.layer.v1.tar";
    public const string LayerGzip = Layer + "+gzip";
    public const string LayerZstd = Layer + "+zstd";

    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
    public const string DockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json";
    public const string DockerConfig = "application/vnd.docker.container.image.v1+json";
    public const string DockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
    public const string DockerLayerGzip = DockerLayer + ".gzip";

    public static bool IsManifest(string mediaType) => mediaType is Manifest or DockerManifest;

    public static bool IsIndex(string mediaType) => mediaType is Index or DockerManifestList;

    public static bool IsConfig(string mediaType) => mediaType is Config or DockerConfig;

    /// <summary>Whether it is a layer, however compressed: what its bytes are is seen from the bytes.</summary>
    public static bool IsLayer(string mediaType) => mediaType is Layer or LayerGzip or LayerZstd or DockerLayer or DockerLayerGzip
        or DockerLayer + ".zstd"
        or "application/vnd.oci.image.layer.nondistributable.v1.tar"
        or "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        or "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
        or "application/vnd.docker.image.rootfs.foreign.diff.tar"
        or "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

    /// <summary>The type of an OCI layer that is compressed so.</summary>
    public static string LayerOf(Layers.CompressionKind compression) => compression switch
    {
        Layers.CompressionKind.None => Layer,
        Layers.CompressionKind.Gzip => LayerGzip,
        Layers.CompressionKind.Zstd => LayerZstd,
        _ => throw new ArgumentOutOfRangeException(nameof(compression), compression, "OCI layers are plain, gzip or zstd."),
    };
}

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

    private const string ForeignLayer = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    private const string DockerForeignLayer = "application/vnd.docker.image.rootfs.foreign.diff.tar";

    // What means the same in OCI's words and in Docker's.
    private static readonly (string Oci, string Docker)[] Pairs =
    [
        (Manifest, DockerManifest),
        (Index, DockerManifestList),
        (Config, DockerConfig),
        (Layer, DockerLayer),
        (LayerGzip, DockerLayerGzip),
        (LayerZstd, DockerLayer + ".zstd"),
        (ForeignLayer, DockerForeignLayer),
        (ForeignLayer + "+gzip", DockerForeignLayer + ".gzip"),
        (ForeignLayer + "+zstd", DockerForeignLayer + ".zstd"),
    ];

    /// <summary>Whether it is a layer, however compressed: what its bytes are is seen from the bytes.</summary>
    public static bool IsLayer(string mediaType) => Pairs.Any(pair => pair.Oci.StartsWith("application/vnd.oci.image.layer.", StringComparison.Ordinal)
        && (pair.Oci == mediaType || pair.Docker == mediaType));

    /// <summary>Whether it is a layer that may not be passed on, which images only point at. OCI image specification, layer.md, "Non-Distributable Layers".</summary>
    public static bool IsForeign(string mediaType) =>
        mediaType.StartsWith(ForeignLayer, StringComparison.Ordinal) || mediaType.StartsWith(DockerForeignLayer, StringComparison.Ordinal);

    /// <summary>The same in OCI's words.</summary>
    public static string ToOci(string mediaType) => Array.Find(Pairs, pair => pair.Docker == mediaType).Oci ?? mediaType;

    /// <summary>The same in Docker's words.</summary>
    /// <exception cref="ImageException">Docker's schema 2 has no word for it: layers compressed with zstd.</exception>
    public static string ToDocker(string mediaType)
    {
        var docker = Array.Find(Pairs, pair => pair.Oci == mediaType).Docker ?? mediaType;
        return !docker.EndsWith(".zstd", StringComparison.Ordinal)
            ? docker
            : throw new ImageException("Docker's schema 2 knows no layers that are compressed with zstd.") { Hint = "Convert them to gzip at the same time." };
    }

    /// <summary>The type of an OCI layer that is compressed so.</summary>
    public static string LayerOf(Layers.CompressionKind compression) => compression switch
    {
        Layers.CompressionKind.None => Layer,
        Layers.CompressionKind.Gzip => LayerGzip,
        Layers.CompressionKind.Zstd => LayerZstd,
        _ => throw new ArgumentOutOfRangeException(nameof(compression), compression, "OCI layers are plain, gzip or zstd."),
    };
}

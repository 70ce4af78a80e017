using System.Text.Json.Nodes;

namespace ContainerKit.Images;

/// <summary>What an image is made of: a config and layers. OCI image specification, manifest.md; Docker's schema 2 has the same form.</summary>
/// <remarks>Fields that this type does not know are kept when it is written again.</remarks>
internal sealed record Manifest(Descriptor Config, IReadOnlyList<Descriptor> Layers)
{
    private const int MaxLayers = 4096;

    // What this manifest was read from; never changed, and the ground on which a changed one is written.
    private JsonObject? _source;

    /// <summary>OCI's type, or Docker's.</summary>
    public string MediaType { get; private init; } = MediaTypes.Manifest;

    /// <summary>What it says about the image.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; private init; } = new Dictionary<string, string>().AsReadOnly();

    /// <summary>Reads a manifest that has been verified.</summary>
    /// <exception cref="ImageException">It is not one, or could be read as an index as well (CVE-2021-41190).</exception>
    public static Manifest Parse(ReadOnlySpan<byte> json, Descriptor descriptor)
    {
        var what = $"manifest {descriptor.Digest}";
        var document = JsonDocuments.Parse(json, what);
        DocumentKind.Check(document, descriptor.MediaType, what);
        var config = Descriptors.Parse(document.FindObject("config", what) ?? throw new ImageException($"The {what} has no config."), what);
        var layers = document.Objects("layers", what).Select(layer => Descriptors.Parse(layer, what)).Take(MaxLayers + 1).ToList();
        if (!MediaTypes.IsConfig(config.MediaType))
        {
            throw new ImageException($"The {what} is not that of a container image: its config is of the type '{config.MediaType}'.");
        }

        if (layers.Find(layer => !MediaTypes.IsLayer(layer.MediaType)) is { } odd)
        {
            throw new ImageException($"The {what} has a layer of the type '{odd.MediaType}', which is not a file system.");
        }

        return layers.Count <= MaxLayers
            ? new Manifest(config, layers) { _source = document, MediaType = descriptor.MediaType, Annotations = document.Map("annotations", what) }
            : throw new ImageException($"The {what} has more than {MaxLayers} layers.");
    }

    /// <summary>
    /// What a verified manifest consists of, its config first: also one that is no container image's (what builders say about an image is
    /// listed beside it, in manifests with layers of other kinds).
    /// </summary>
    /// <exception cref="ImageException">It is no manifest.</exception>
    public static IReadOnlyList<Descriptor> PartsOf(ReadOnlySpan<byte> json, Descriptor descriptor)
    {
        var what = $"manifest {descriptor.Digest}";
        var document = JsonDocuments.Parse(json, what);
        DocumentKind.Check(document, descriptor.MediaType, what);
        var config = document.FindObject("config", what) ?? throw new ImageException($"The {what} has no config.");
        var parts = document.Objects("layers", what).Prepend(config).Take(MaxLayers + 2).Select(part => Descriptors.Parse(part, what)).ToList();
        return parts.Count <= MaxLayers + 1 ? parts : throw new ImageException($"The {what} has more than {MaxLayers} layers.");
    }

    /// <summary>The same image in OCI's words. Digests and sizes stay: the documents and layers are the same bytes.</summary>
    public Manifest ToOci() => As(MediaTypes.ToOci);

    /// <summary>The same image in Docker's words.</summary>
    /// <exception cref="ImageException">Docker's schema 2 has no word for a layer.</exception>
    public Manifest ToDocker() => As(MediaTypes.ToDocker);

    /// <summary>The manifest as a document of its type.</summary>
    public byte[] ToJson()
    {
        var document = (JsonObject)(_source?.DeepClone() ?? new JsonObject());
        document["schemaVersion"] = 2;
        document["mediaType"] = MediaType;
        document["config"] = Descriptors.ToJson(Config);
        document["layers"] = new JsonArray([.. Layers.Select(Descriptors.ToJson)]);
        return JsonDocuments.Write(document);
    }

    private Manifest As(Func<string, string> translate) => this with
    {
        MediaType = translate(MediaType),
        Config = Config with { MediaType = translate(Config.MediaType) },
        Layers = [.. Layers.Select(layer => layer with { MediaType = translate(layer.MediaType) })],
    };
}

/// <summary>Tells manifests from indexes, and refuses what could be taken for both.</summary>
internal static class DocumentKind
{
    /// <summary>Refuses a document whose fields or type contradict the type by which it was asked for.</summary>
    public static void Check(JsonObject document, string mediaType, string what)
    {
        var isManifest = document.ContainsKey("config") || document.ContainsKey("layers") || document.ContainsKey("fsLayers");
        var isIndex = document.ContainsKey("manifests");
        if (isManifest && isIndex)
        {
            throw new ImageException($"The {what} can be read both as a manifest and as an index, and is refused.");
        }

        if (document.GetInt64("schemaVersion", what) is not 2 and var version)
        {
            throw new ImageException($"The {what} has the schema version {version}; only 2 is read.");
        }

        var own = document.FindString("mediaType", what);
        if (own is { Length: > 0 } && own != mediaType)
        {
            throw new ImageException($"The {what} says that it is '{own}', and what points at it says '{mediaType}'.");
        }

        if (MediaTypes.IsIndex(mediaType) ? isManifest : isIndex)
        {
            throw new ImageException($"The {what} is not what its type '{mediaType}' says.");
        }
    }
}

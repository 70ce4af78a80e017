using System.Text.Json.Nodes;
using ContainerKit.Content;
using ContainerKit.Layers;

namespace ContainerKit.Images.Archives;

/// <summary>
/// Reads what <c>docker save</c> writes (1.10 and later): <c>manifest.json</c> names a config and layers, which are plain tars that
/// only the config's diff IDs identify.
/// </summary>
internal sealed class DockerArchive(IArchiveFiles files)
{
    public const string Marker = "manifest.json";

    private const int MaxLayers = 4096;

    /// <summary>The images that it holds.</summary>
    /// <param name="wanted">Only the image of this name is looked for, and gets no other; null for all.</param>
    public IReadOnlyList<ArchivedImage> Images(ImageReference? wanted)
    {
        var what = $"manifest.json in '{files.Path}'";
        var json = files.TryReadDocument(Marker) ?? throw new ImageException($"'{files.Path}' has no manifest.json: it is not a docker archive.");
        var images = JsonDocuments.ParseArray(json, what)
            .Select(item => item as JsonObject ?? throw new ImageException($"The {what} is not a list of images."))
            .Select(item => ToImage(item, what))
            .ToList();
        return images.Find(image => wanted is not null && image.Names.Contains(wanted)) is { } found ? [found with { Names = [wanted!], RefusedNames = [] }] : images;
    }

    private ArchivedImage ToImage(JsonObject item, string what)
    {
        var config = item.GetString("Config", what);
        var layers = item.Strings("Layers", what);
        var tags = item.Strings("RepoTags", what).ToLookup(tag => ImageReference.TryParse(tag, out var name) && name.HasName);
        return new ArchivedImage
        {
            Names = [.. tags[true].Select(ImageReference.Parse)],
            RefusedNames = [.. tags[false]],
            Id = config,
            CopyTo = context => Copy(config, layers, context),
        };
    }

    private Descriptor Copy(string configName, IReadOnlyList<string> layerNames, CopyContext context)
    {
        var json = files.TryReadDocument(Clean(configName)) ?? throw new ImageException($"'{files.Path}' has no config '{configName}'.");
        CheckName(configName, json);
        var config = ImageConfig.Parse(json, $"config '{configName}'");
        if (config.DiffIds.Count != layerNames.Count || layerNames.Count > MaxLayers)
        {
            throw new ImageException($"'{files.Path}' has an image with {layerNames.Count} layers, and its config names {config.DiffIds.Count}.");
        }

        var layers = new Descriptor[layerNames.Count];
        context.Layers.CopyAll([.. Enumerable.Range(0, layers.Length)], (i, token) => layers[i] = CopyLayer(layerNames[i], config.DiffIds[i], context, token));
        var blobs = context.Catalog.Blobs;
        return blobs.Add(new Manifest(blobs.Add(json, MediaTypes.Config), layers).ToJson(), MediaTypes.Manifest);
    }

    // Docker has called the config's file by its digest always, first as HEX.json and then as blobs/sha256/HEX.
    private void CheckName(string configName, byte[] json)
    {
        var stem = System.IO.Path.GetFileNameWithoutExtension(configName);
        if (Digest.TryParseHex(stem, out var promised) && Digest.Of(json, like: promised) is var digest && promised != digest)
        {
            throw new ImageException($"The config '{configName}' in '{files.Path}' is damaged: its content has the digest {digest}.");
        }
    }

    // A layer is kept as it lies there: plain, its digest is the diff ID that it must have anyway, and it costs no compression.
    private Descriptor CopyLayer(string name, Digest diffId, CopyContext context, CancellationToken cancellationToken)
    {
        using var file = files.TryOpen(Clean(name)) ?? throw new ImageException($"'{files.Path}' has no layer '{name}'.");
        var plain = new Descriptor(MediaTypes.Layer, diffId, file.Length);
        if (Compression.Detect(file).Kind != CompressionKind.None)
        {
            return context.Layers.Copy(file, file.Length, diffId, cancellationToken);
        }

        context.Layers.Copy(new OpenFile(file), plain, diffId, cancellationToken);
        return plain;
    }

    // Names in manifest.json are paths in the archive; they cannot lead out of it, but they may be spelled with dots.
    private static string Clean(string name) => name.StartsWith("./", StringComparison.Ordinal) ? name[2..] : name.TrimStart('/');

    private sealed class OpenFile(Stream file) : IBlobSource
    {
        public Stream OpenBlob(Descriptor blob) => file;
    }
}

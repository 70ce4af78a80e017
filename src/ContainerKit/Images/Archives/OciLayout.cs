using ContainerKit.Content;

namespace ContainerKit.Images.Archives;

/// <summary>Reads an OCI image layout of others: a directory, or an archive of one. OCI image specification, image-layout.md.</summary>
/// <param name="files">The layout's files.</param>
/// <param name="allPlatforms">Whether images for several platforms stay together, with their index.</param>
internal sealed class OciLayout(IArchiveFiles files, bool allPlatforms = false) : IBlobSource
{
    public const string Marker = "oci-layout";

    private const int MaxDepth = 4;

    // Indexes that were made for images that the layout lists side by side.
    private readonly Dictionary<Digest, byte[]> _made = [];

    /// <summary>The images that its index lists; one with manifests for several platforms counts once.</summary>
    /// <param name="wanted">Only the image of this name is looked for; null for all.</param>
    public IReadOnlyList<ArchivedImage> Images(ImageReference? wanted)
    {
        CheckVersion();
        var what = $"index.json in '{files.Path}'";
        var json = files.TryReadDocument("index.json") ?? throw new ImageException($"'{files.Path}' has no index.json.");
        var entries = ImageIndex.Parse(json, MediaTypes.Index, what).Entries.Where(PlatformChoice.IsImage).ToList();

        var groups = entries.Where(entry => entry.Reference.HasName).GroupBy(entry => entry.Reference)
            .Select(group => (Name: (ImageReference?)group.Key, Entries: group.ToList()))
            .ToList();
        if (wanted is not null && groups.Exists(group => group.Name == wanted))
        {
            groups.RemoveAll(group => group.Name != wanted);
        }
        else
        {
            var nameless = entries.Where(entry => !entry.Reference.HasName).ToList();
            // Several without a name, told apart by their platforms alone, are one image for several platforms.
            groups.AddRange(nameless.Count > 1 && nameless.TrueForAll(entry => entry.Platform is not null)
                ? [(null, nameless)]
                : nameless.Select(entry => ((ImageReference?)null, new List<IndexEntry> { entry })));
        }

        return
        [
            .. groups.Select(group => (group.Name, Manifest: allPlatforms ? Together(group.Entries) : Pick(group.Entries, what, MaxDepth), Refused: group.Entries.Where(entry => !entry.Reference.HasName).Select(entry => entry.Name).OfType<string>()))
                .GroupBy(image => image.Manifest)
                .Select(image => new ArchivedImage
                {
                    Names = [.. image.Select(each => each.Name).OfType<ImageReference>()],
                    RefusedNames = [.. image.SelectMany(each => each.Refused)],
                    Id = image.Key.Digest.ToString(),
                    CopyTo = context => MediaTypes.IsIndex(image.Key.MediaType) ? new IndexIntake(this, context).Copy(image.Key) : Copy(image.Key, context),
                }),
        ];
    }

    /// <inheritdoc/>
    public Stream OpenBlob(Descriptor blob) => TryOpenMade(blob) ?? files.TryOpen(PathOf(blob.Digest))
        ?? throw new ImageException($"'{files.Path}' has no blob {blob.Digest} ({blob.MediaType}).");

    /// <summary>Whether the layout has a blob.</summary>
    public bool Has(Descriptor blob)
    {
        using var here = TryOpenMade(blob) ?? files.TryOpen(PathOf(blob.Digest));
        return here is not null;
    }

    private static string PathOf(Digest digest) => $"blobs/{digest.Algorithm}/{digest.Hex}";

    private MemoryStream? TryOpenMade(Descriptor blob) => _made.TryGetValue(blob.Digest, out var made) ? new MemoryStream(made, writable: false) : null;

    private Descriptor Together(List<IndexEntry> entries)
    {
        if (entries is [var only])
        {
            return only.Target;
        }

        var (index, json) = ImageIndex.Of(entries);
        _made[index.Digest] = json;
        return index;
    }

    // One manifest is taken whatever it is for: there is nothing to choose.
    private Descriptor Pick(List<IndexEntry> entries, string what, int depth)
    {
        var picked = (entries switch
        {
            [] => throw new ImageException($"The {what} lists no image."),
            [var only] => only,
            _ => PlatformChoice.Find(entries, Platform.Host)
                ?? throw new ImageException($"The {what} has no image for {Platform.Host}; it has some for {PlatformChoice.Describe(entries)}."),
        }).Target;
        if (!MediaTypes.IsIndex(picked.MediaType))
        {
            return picked;
        }

        if (depth == 0)
        {
            throw new ImageException($"The {what} is the last of more than {MaxDepth} nested indexes.");
        }

        var name = $"index {picked.Digest}";
        var nested = ImageIndex.Parse(BlobStore.Read(this, picked, JsonDocuments.MaxBytes), picked.MediaType, name);
        return Pick([.. nested.Entries.Where(PlatformChoice.IsImage)], name, depth - 1);
    }

    /// <summary>Copies an image with everything that it is made of.</summary>
    public Descriptor Copy(Descriptor manifestBlob, CopyContext context)
    {
        var blobs = context.Catalog.Blobs;
        var json = BlobStore.Read(this, manifestBlob, JsonDocuments.MaxBytes);
        var manifest = Manifest.Parse(json, manifestBlob);
        // A config that cannot be read is better found before gigabytes of layers have been copied.
        var config = ImageConfig.Parse(BlobStore.Read(this, manifest.Config, JsonDocuments.MaxBytes), $"config {manifest.Config.Digest}");
        if (config.DiffIds.Count != manifest.Layers.Count)
        {
            throw new ImageException($"The image {manifestBlob.Digest} has {manifest.Layers.Count} layers, and its config names {config.DiffIds.Count}.");
        }

        context.Layers.CopyAll(
            [.. manifest.Layers.Zip(config.DiffIds).Where(layer => !IsElsewhere(layer.First))],
            (layer, token) => context.Layers.Copy(this, layer.First, layer.Second, token));

        blobs.Copy(this, manifest.Config, null, context.CancellationToken);
        blobs.Add(json, manifestBlob);
        return manifestBlob;
    }

    // A foreign layer may lie elsewhere. It is taken along where it is here, and never fetched.
    private bool IsElsewhere(Descriptor layer) => MediaTypes.IsForeign(layer.MediaType) && !Has(layer);

    private void CheckVersion()
    {
        var what = $"oci-layout in '{files.Path}'";
        var json = files.TryReadDocument(Marker) ?? throw new ImageException($"'{files.Path}' has no oci-layout: it is not an OCI image layout.");
        var version = JsonDocuments.Parse(json, what).GetString("imageLayoutVersion", what);
        if (!version.StartsWith("1.", StringComparison.Ordinal))
        {
            throw new ImageException($"'{files.Path}' is an OCI image layout of the version '{version}'; 1.0.0 is read.");
        }
    }
}

using System.Text.Json.Nodes;

namespace ContainerKit.Images;

/// <summary>One image (or nested index) that an index lists.</summary>
internal sealed record IndexEntry(Descriptor Descriptor, Platform? Platform)
{
    public const string RefName = "org.opencontainers.image.ref.name";
    public const string ContainerdName = "io.containerd.image.name";

    /// <summary>The image's name in a layout: containerd's full one where there is one, since it keeps only the tag in OCI's.</summary>
    public string? Name => Descriptor.Annotations.GetValueOrDefault(ContainerdName) ?? Descriptor.Annotations.GetValueOrDefault(RefName);

    /// <summary>The name, normalised, or else the digest: names in layouts of others may be anything.</summary>
    public ImageReference Reference => Name is { } name && ImageReference.TryParse(name, out var reference) ? reference : ImageReference.Nameless(Descriptor.Digest);

    /// <summary>What it points at, without what the index says about it.</summary>
    public Descriptor Target => new(Descriptor.MediaType, Descriptor.Digest, Descriptor.Size);
}

/// <summary>A list of images, by platform or by name. OCI image specification, image-index.md. Immutable; unknown fields are kept.</summary>
internal sealed class ImageIndex
{
    private readonly JsonObject _document;

    private ImageIndex(JsonObject document, IReadOnlyList<IndexEntry> entries)
    {
        _document = document;
        Entries = entries;
    }

    public static ImageIndex Empty { get; } = Read(
        new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = MediaTypes.Index, ["manifests"] = new JsonArray() }, "index");

    public IReadOnlyList<IndexEntry> Entries { get; }

    /// <summary>Reads an index that has been verified.</summary>
    /// <exception cref="ImageException">It is not one, or could be read as a manifest as well (CVE-2021-41190).</exception>
    public static ImageIndex Parse(ReadOnlySpan<byte> json, string mediaType, string what, int maxBytes = JsonDocuments.MaxBytes)
    {
        var document = JsonDocuments.Parse(json, what, maxBytes);
        DocumentKind.Check(document, mediaType, what);
        return Read(document, what);
    }

    /// <summary>An index of images that a layout lists side by side, without the names that they have there. The same entries give the same bytes.</summary>
    public static (Descriptor Index, byte[] Json) Of(IEnumerable<IndexEntry> entries)
    {
        var manifests = entries.Select(entry => (JsonNode)Descriptors.ToJson(entry.Descriptor with
        {
            Annotations = entry.Descriptor.Annotations.Where(each => each.Key is not (IndexEntry.RefName or IndexEntry.ContainerdName)).ToDictionary().AsReadOnly(),
        }));
        var json = JsonDocuments.Write(new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = MediaTypes.Index, ["manifests"] = new JsonArray([.. manifests]) });
        return (new Descriptor(MediaTypes.Index, Digest.Of(json), json.Length), json);
    }

    /// <summary>The entry whose name, normalised, is this.</summary>
    public IndexEntry? Find(ImageReference reference) => Entries.FirstOrDefault(entry => entry.Reference == reference);

    /// <summary>
    /// The index with a name for an image. Another image that had the name stays in the index without one; an image that was there
    /// without a name gets this.
    /// </summary>
    public ImageIndex With(Descriptor manifest, Platform? platform, ImageReference? reference)
    {
        var holder = reference is { HasName: true } ? Find(reference) : null;
        if (holder?.Descriptor.Digest == manifest.Digest || (reference is not { HasName: true } && Entries.Any(entry => entry.Descriptor.Digest == manifest.Digest)))
        {
            return this;
        }

        var without = holder is null ? this : WithoutNameOf(holder);
        var added = Descriptors.ToJson(manifest);
        if (reference is { HasName: true })
        {
            added["annotations"] = new JsonObject { [IndexEntry.RefName] = reference.ToString() };
        }

        if (platform is not null)
        {
            added["platform"] = Descriptors.ToJson(platform);
        }

        return without.Change(manifests =>
        {
            RemoveWhere(manifests, entry => entry.Name is null && entry.Descriptor.Digest == manifest.Digest);
            manifests.Add((JsonNode)added);
        });
    }

    /// <summary>The index without some entries.</summary>
    public ImageIndex Without(Func<IndexEntry, bool> unwanted) => Change(manifests => RemoveWhere(manifests, unwanted));

    /// <summary>The index with an image that has lost a name, and stays.</summary>
    public ImageIndex WithoutName(IndexEntry holder) => WithoutNameOf(holder);

    public byte[] ToJson() => JsonDocuments.Write(_document, indented: true);

    private static ImageIndex Read(JsonObject document, string what)
    {
        var manifests = document.FindArray("manifests", what) ?? throw new ImageException($"The {what} has no list of manifests.");
        return new ImageIndex(document, [.. manifests.Select(item => item is JsonObject entry
            ? new IndexEntry(Descriptors.Parse(entry, what), Descriptors.ParsePlatform(entry, what))
            : throw new ImageException($"The {what} has a manifest that is not an object."))]);
    }

    // An image that has lost its last name is still an image, which containers may stand on: it stays until it is removed.
    private ImageIndex WithoutNameOf(IndexEntry holder)
    {
        var hasOtherEntry = Entries.Any(entry => entry != holder && entry.Descriptor.Digest == holder.Descriptor.Digest);
        return Change(manifests =>
        {
            var at = Entries.ToList().IndexOf(holder);
            if (hasOtherEntry)
            {
                manifests.RemoveAt(at);
                return;
            }

            (manifests[at]!["annotations"] as JsonObject)?.Remove(IndexEntry.RefName);
            (manifests[at]!["annotations"] as JsonObject)?.Remove(IndexEntry.ContainerdName);
        });
    }

    private ImageIndex Change(Action<JsonArray> change)
    {
        var document = (JsonObject)_document.DeepClone();
        change((JsonArray)document["manifests"]!);
        return Read(document, "index");
    }

    private static void RemoveWhere(JsonArray manifests, Func<IndexEntry, bool> unwanted)
    {
        // The array is a changed copy of this index's: read it again, so that both count alike.
        var entries = Read(new JsonObject { ["manifests"] = manifests.DeepClone() }, "index").Entries;
        for (var i = entries.Count - 1; i >= 0; i--)
        {
            if (unwanted(entries[i]))
            {
                manifests.RemoveAt(i);
            }
        }
    }
}

using ContainerKit.Content;

namespace ContainerKit.Images;

/// <summary>Walks through an index that lies in a store, with the indexes that it may hold.</summary>
internal static class StoredIndex
{
    /// <summary>How deep indexes may lie in indexes.</summary>
    public const int MaxDepth = 4;

    /// <summary>How many documents one index may come to.</summary>
    public const int MaxParts = 2000;

    /// <summary>The manifests and further indexes that it comes to, each once, not itself; those that the store lacks are left out.</summary>
    /// <exception cref="ImageException">An index among them is damaged, or they are too many.</exception>
    public static IReadOnlyList<Descriptor> Parts(BlobStore blobs, Descriptor index)
    {
        var parts = new Dictionary<Digest, Descriptor>();
        Collect(blobs, index, MaxDepth, parts);
        return [.. parts.Values];
    }

    /// <summary>The manifests of images that it comes to.</summary>
    /// <inheritdoc cref="Parts"/>
    public static IReadOnlyList<Descriptor> Manifests(BlobStore blobs, Descriptor index) =>
        [.. Parts(blobs, index).Where(part => MediaTypes.IsManifest(part.MediaType))];

    /// <summary>The manifest for a platform; where there is none for it, the first that the store has.</summary>
    /// <exception cref="ImageException">It lists no image that the store has.</exception>
    public static Descriptor Choose(BlobStore blobs, Descriptor index, Platform platform)
    {
        for (var depth = 0; depth <= MaxDepth; depth++)
        {
            var entries = Read(blobs, index).Entries.Where(entry => PlatformChoice.IsImage(entry) && blobs.Contains(entry.Descriptor.Digest)).ToList();
            index = (PlatformChoice.Find(entries, platform) ?? entries.FirstOrDefault() ?? throw new ImageException($"The index {index.Digest} lists no image that the store has.")).Target;
            if (MediaTypes.IsManifest(index.MediaType))
            {
                return index;
            }
        }

        throw TooDeep(index);
    }

    private static void Collect(BlobStore blobs, Descriptor index, int depth, Dictionary<Digest, Descriptor> parts)
    {
        foreach (var part in Read(blobs, index).Entries.Select(entry => entry.Target).Where(part => blobs.Contains(part.Digest) && parts.TryAdd(part.Digest, part)))
        {
            if (parts.Count > MaxParts)
            {
                throw new ImageException($"The index {index.Digest} is one of more than {MaxParts} documents.");
            }

            if (MediaTypes.IsIndex(part.MediaType))
            {
                Collect(blobs, part, depth > 0 ? depth - 1 : throw TooDeep(part), parts);
            }
        }
    }

    private static ImageIndex Read(BlobStore blobs, Descriptor index) =>
        ImageIndex.Parse(blobs.Read(index, JsonDocuments.MaxBytes), index.MediaType, $"index {index.Digest}");

    private static ImageException TooDeep(Descriptor index) => new($"The index {index.Digest} is the last of more than {MaxDepth} nested indexes.");
}

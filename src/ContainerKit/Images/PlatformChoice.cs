namespace ContainerKit.Images;

/// <summary>Chooses among the images that an index lists. OCI image specification, image-index.md.</summary>
internal static class PlatformChoice
{
    // A newer processor runs what an older one does; the best that it runs comes first.
    private static readonly string[] ArmVariants = ["v8", "v7", "v6", "v5"];

    /// <summary>
    /// Whether an entry is an image: what builders add about one (provenance, signatures) is listed beside it, for a platform that no
    /// machine has.
    /// </summary>
    public static bool IsImage(IndexEntry entry) => entry.Platform?.OperatingSystem != "unknown"
        && (MediaTypes.IsManifest(entry.Descriptor.MediaType) || MediaTypes.IsIndex(entry.Descriptor.MediaType));

    /// <summary>The entry for a platform, or null: the one that says exactly that, then one that means the same, then an older variant's.</summary>
    public static IndexEntry? Find(IEnumerable<IndexEntry> entries, Platform wanted)
    {
        var images = entries.Where(IsImage).ToList();
        return images.Find(entry => entry.Platform == wanted)
            ?? images.Find(entry => entry.Platform is { } platform && wanted.Accepts(platform))
            ?? Older(wanted).Select(older => images.Find(entry => entry.Platform is { } platform && older.Accepts(platform))).FirstOrDefault(entry => entry is not null);
    }

    /// <summary>The platforms that there are, for an error.</summary>
    public static string Describe(IEnumerable<IndexEntry> entries) =>
        string.Join(", ", entries.Where(IsImage).Take(20).Select(entry => entry.Platform?.ToString() ?? "an unnamed platform"));

    private static IEnumerable<Platform> Older(Platform wanted) => wanted is { Architecture: "arm", Variant: { } variant }
        ? ArmVariants.SkipWhile(known => known != variant).Skip(1).Select(older => wanted with { Variant = older })
        : [];
}

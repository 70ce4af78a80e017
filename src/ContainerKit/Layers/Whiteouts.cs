namespace ContainerKit.Layers;

/// <summary>
/// The names by which a layer archive takes things away: <c>.wh.NAME</c> and <c>.wh..wh..opq</c>. OCI image specification,
/// layer.md, "Whiteouts"; they are AUFS's own.
/// </summary>
internal static class Whiteouts
{
    public const string Prefix = ".wh.";
    public const string Opaque = ".wh..wh..opq";

    private const string AufsPrefix = ".wh..wh.";

    /// <summary>What the entry at an (absolute, normalised) path means, by its name alone: AUFS made whiteouts as hard links, too.</summary>
    /// <returns>The kind and the path that is meant, or null for AUFS's own books, which mean nothing to others.</returns>
    /// <exception cref="ImageException">It takes away nothing that can exist, or lies below a whiteout.</exception>
    public static (LayerEntryKind Kind, string Path)? Classify(string path)
    {
        if (!path.Contains("/" + Prefix, StringComparison.Ordinal))
        {
            return (LayerEntryKind.Object, path);
        }

        if (path.Replace("/" + Opaque, "", StringComparison.Ordinal).Contains("/" + AufsPrefix, StringComparison.Ordinal))
        {
            return null;
        }

        var (directory, name) = (LayerPath.Parent(path), LayerPath.Name(path));
        if (directory.Contains("/" + Prefix, StringComparison.Ordinal))
        {
            throw new ImageException($"The archive's path '{path}' lies below a whiteout.");
        }

        if (!name.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return (LayerEntryKind.Object, path);
        }

        if (name == Opaque)
        {
            return (LayerEntryKind.Opaque, directory);
        }

        return name[Prefix.Length..] is not ("" or "." or "..") and var hidden
            ? (LayerEntryKind.Whiteout, LayerPath.Combine(directory, hidden))
            : throw new ImageException($"The archive's path '{path}' is a whiteout of nothing.");
    }

    /// <summary>The name under which an entry stands in an archive.</summary>
    public static string ArchivePath(LayerEntry entry) => entry.Kind switch
    {
        LayerEntryKind.Whiteout => LayerPath.Combine(LayerPath.Parent(entry.Path), Prefix + LayerPath.Name(entry.Path)),
        LayerEntryKind.Opaque => LayerPath.Combine(entry.Path, Opaque),
        _ => entry.Path,
    };
}

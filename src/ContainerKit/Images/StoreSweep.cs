using ContainerKit.Content;

namespace ContainerKit.Images;

/// <summary>Removes the blobs that no image refers to, and what dead processes left half-written. The caller holds the store alone.</summary>
internal static class StoreSweep
{
    private const int MaxDepth = 8;

    /// <summary>Sweeps.</summary>
    /// <param name="blobs">The store's blobs.</param>
    /// <param name="index">The store's index.</param>
    /// <param name="pinned">Manifests that containers stand on.</param>
    /// <param name="freshParts">Whether beginnings of blobs go, too, that somebody may yet go on with.</param>
    /// <returns>How many bytes became free.</returns>
    public static long Run(BlobStore blobs, StoreIndex index, IEnumerable<Digest> pinned, bool freshParts)
    {
        var freed = 0L;
        foreach (var leftOver in blobs.LeftOvers(freshParts).ToList())
        {
            if (Directory.Exists(leftOver))
            {
                Directory.Delete(leftOver, recursive: true);
            }
            else
            {
                freed += Delete(leftOver);
            }
        }

        // Where an index or manifest cannot be read, nobody knows what it refers to: then no blob is thrown away.
        if (!TryFindReferred(blobs, index, pinned, out var referred))
        {
            return freed;
        }

        blobs.Sources.Forget(referred.Contains);
        blobs.Contents.Forget(referred.Contains);
        return freed + blobs.List().Where(blob => !referred.Contains(blob)).ToList().Sum(blob => Delete(blobs.PathOf(blob)));
    }

    /// <summary>The blobs that an image consists of, itself included; what of it cannot be read is left out.</summary>
    public static IReadOnlySet<Digest> ReferredBy(BlobStore blobs, Descriptor image)
    {
        var referred = new HashSet<Digest>();
        try
        {
            AddReferred(blobs, image, MaxDepth, referred);
        }
        catch (ImageException)
        {
            // A damaged document names nothing; a check says so.
        }

        return referred;
    }

    private static long Delete(string path)
    {
        var length = new FileInfo(path).Length;
        File.Delete(path);
        return length;
    }

    private static bool TryFindReferred(BlobStore blobs, StoreIndex index, IEnumerable<Digest> pinned, out HashSet<Digest> referred)
    {
        referred = [];
        try
        {
            foreach (var entry in index.Read().Entries)
            {
                AddReferred(blobs, entry.Target, MaxDepth, referred);
            }

            foreach (var manifest in pinned.Where(blobs.Contains))
            {
                AddReferred(blobs, new Descriptor(MediaTypes.Manifest, manifest, new FileInfo(blobs.PathOf(manifest)).Length), MaxDepth, referred);
            }

            return true;
        }
        catch (ImageException)
        {
            return false;
        }
    }

    private static void AddReferred(BlobStore blobs, Descriptor blob, int depth, HashSet<Digest> referred)
    {
        // A part of a nested index that was not taken along is no damage; only its index says that it exists somewhere.
        if (!referred.Add(blob.Digest) || depth == 0 || (depth < MaxDepth && !blobs.Contains(blob.Digest)))
        {
            return;
        }

        if (MediaTypes.IsManifest(blob.MediaType))
        {
            referred.UnionWith(Manifest.PartsOf(blobs.Read(blob, JsonDocuments.MaxBytes), blob).Select(part => part.Digest));
        }
        else if (MediaTypes.IsIndex(blob.MediaType))
        {
            foreach (var entry in ImageIndex.Parse(blobs.Read(blob, JsonDocuments.MaxBytes), blob.MediaType, $"index {blob.Digest}").Entries)
            {
                AddReferred(blobs, entry.Target, depth - 1, referred);
            }
        }
    }
}

using ContainerKit.Content;

namespace ContainerKit.Images.Archives;

/// <summary>
/// Copies an index of a layout into a store with all that it lists and the layout has: images, further indexes, what builders say about the
/// images, and entries of types that nobody here knows, which are carried as they are.
/// </summary>
internal sealed class IndexIntake(OciLayout layout, CopyContext context)
{
    private readonly HashSet<Digest> _copied = [];

    private BlobStore Blobs => context.Catalog.Blobs;

    /// <summary>Copies it.</summary>
    /// <returns>The index.</returns>
    /// <exception cref="ImageException">A part is damaged or refused, there are too many, or there is no image among them.</exception>
    public Descriptor Copy(Descriptor index)
    {
        Copy(index, StoredIndex.MaxDepth);
        return index;
    }

    private void Copy(Descriptor index, int depth)
    {
        var json = BlobStore.Read(layout, index, JsonDocuments.MaxBytes);
        foreach (var entry in ImageIndex.Parse(json, index.MediaType, $"index {index.Digest}").Entries.Where(entry => layout.Has(entry.Target) && _copied.Add(entry.Target.Digest)))
        {
            if (_copied.Count > StoredIndex.MaxParts)
            {
                throw new ImageException($"The index {index.Digest} comes to more than {StoredIndex.MaxParts} documents.");
            }

            if (MediaTypes.IsIndex(entry.Target.MediaType))
            {
                Copy(entry.Target, depth > 0 ? depth - 1 : throw new ImageException($"The index {entry.Target.Digest} is the last of more than {StoredIndex.MaxDepth} nested indexes."));
            }
            else if (PlatformChoice.IsImage(entry))
            {
                layout.Copy(entry.Target, context);
            }
            else
            {
                CopyOpaque(entry.Target);
            }
        }

        Blobs.Add(json, index);
    }

    // Of what is no image nobody here knows what it means; a manifest's parts can be told all the same.
    private void CopyOpaque(Descriptor document)
    {
        if (MediaTypes.IsManifest(document.MediaType))
        {
            foreach (var part in Manifest.PartsOf(BlobStore.Read(layout, document, JsonDocuments.MaxBytes), document).Where(layout.Has))
            {
                Blobs.Copy(layout, part, context.ReporterFor(part), context.CancellationToken);
            }
        }

        Blobs.Copy(layout, document, null, context.CancellationToken);
    }
}

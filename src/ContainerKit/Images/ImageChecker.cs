using ContainerKit.Content;

namespace ContainerKit.Images;

/// <summary>Reads everything that the images of a store are made of, and compares it with what it should be.</summary>
internal sealed class ImageChecker(ImageCatalog catalog, CancellationToken cancellationToken)
{
    // A blob that several images share is read once.
    private readonly Dictionary<Digest, string?> _blobs = [];
    private readonly HashSet<(Digest Blob, Digest DiffId)> _layers = [];
    private readonly List<string> _problems = [];

    public IReadOnlyList<string> Problems => _problems;

    public int Images { get; private set; }

    public int Blobs => _blobs.Count;

    public long Bytes { get; private set; }

    public void Run()
    {
        using var lease = catalog.Lease(cancellationToken);
        foreach (var entry in Entries().DistinctBy(entry => entry.Descriptor.Digest))
        {
            Images++;
            Check(entry);
        }
    }

    private IReadOnlyList<IndexEntry> Entries()
    {
        try
        {
            return catalog.Entries();
        }
        catch (ImageException e)
        {
            _problems.Add(e.Message);
            return [];
        }
    }

    private void Check(IndexEntry entry)
    {
        if (!IsWhole(entry.Target, entry.Reference))
        {
            return;
        }

        try
        {
            var before = _problems.Count;
            var parts = MediaTypes.IsIndex(entry.Target.MediaType) ? StoredIndex.Parts(catalog.Blobs, entry.Target) : [entry.Target];
            foreach (var part in parts.Where(part => IsWhole(part, entry.Reference) && MediaTypes.IsManifest(part.MediaType)))
            {
                foreach (var blob in Manifest.PartsOf(catalog.Blobs.Read(part, JsonDocuments.MaxBytes), part)
                    .Where(blob => !MediaTypes.IsForeign(blob.MediaType) || catalog.Blobs.Contains(blob.Digest)))
                {
                    IsWhole(blob, entry.Reference);
                }
            }

            var image = catalog.Read(entry.Target, entry.Reference);
            if (_problems.Count == before)
            {
                CheckDiffIds(image);
            }
        }
        catch (ImageException e)
        {
            _problems.Add($"The image '{entry.Reference}' cannot be read: {e.Message}");
        }
    }

    // A blob that is what its digest says may yet be another layer than the config does.
    private void CheckDiffIds(Image image)
    {
        foreach (var layer in image.Layers.Where(layer => catalog.Blobs.Contains(layer.Descriptor.Digest) && _layers.Add((layer.Descriptor.Digest, layer.DiffId))))
        {
            using var tar = layer.OpenTar();
            tar.ReadToEnd(cancellationToken);
        }
    }

    private bool IsWhole(Descriptor blob, ImageReference image)
    {
        if (!_blobs.TryGetValue(blob.Digest, out var problem))
        {
            problem = FindProblem(blob);
            _blobs.Add(blob.Digest, problem);
            Bytes += blob.Size;
        }

        if (problem is not null)
        {
            _problems.Add($"The image '{image}' is damaged: {problem}");
        }

        return problem is null;
    }

    private string? FindProblem(Descriptor blob)
    {
        try
        {
            using var content = new VerifyingStream(catalog.Blobs.OpenBlob(blob), blob.Digest, "The blob");
            content.ReadToEnd(cancellationToken);
            return null;
        }
        catch (Exception e) when (e is ImageException or IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }
}

namespace ContainerKit.Images;

/// <summary>Something in the images of a store that is not as it should be.</summary>
/// <param name="Sentence">What, for the reader.</param>
/// <param name="Blob">The blob that has to be had again to put it right; null when no single one is to blame.</param>
internal sealed record ImageProblem(string Sentence, Descriptor? Blob);

/// <summary>Reads everything that the images of a store are made of, and compares it with what it should be.</summary>
internal sealed class ImageChecker(ImageCatalog catalog, CancellationToken cancellationToken)
{
    // A blob that several images share is read once.
    private readonly Dictionary<Digest, (Descriptor Blob, string? Problem)> _blobs = [];
    private readonly HashSet<(Digest Blob, Digest DiffId)> _layers = [];
    private readonly List<ImageProblem> _problems = [];
    private readonly List<Image> _sound = [];

    public IReadOnlyList<ImageProblem> Problems => _problems;

    /// <summary>The images of which everything is as it should be; of several for one index, the one for this machine.</summary>
    public IReadOnlyList<Image> Sound => _sound;

    /// <summary>Whether the list of the images itself cannot be read.</summary>
    public bool HasNoIndex { get; private set; }

    public int Images { get; private set; }

    public int Blobs => _blobs.Count;

    public long Bytes => _blobs.Values.Sum(blob => blob.Blob.Size);

    /// <summary>Looks at everything. Once more, it looks only at what is new and at what was forgotten.</summary>
    public void Run()
    {
        using var lease = catalog.Lease(cancellationToken);
        _problems.Clear();
        _sound.Clear();
        Images = 0;
        if (!catalog.Index.HasLayout)
        {
            _problems.Add(new("The store's file 'oci-layout' is damaged, so that other tools do not know it for an image layout.", null));
        }

        foreach (var entry in Entries().DistinctBy(entry => entry.Descriptor.Digest))
        {
            Images++;
            Check(entry);
        }
    }

    /// <summary>Has a blob be read again the next time.</summary>
    public void Forget(Digest blob) => _blobs.Remove(blob);

    private IReadOnlyList<IndexEntry> Entries()
    {
        try
        {
            HasNoIndex = false;
            return catalog.Entries();
        }
        catch (Exception e) when (e is ImageException or IOException or UnauthorizedAccessException)
        {
            HasNoIndex = true;
            _problems.Add(new(e.Message, null));
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
            foreach (var part in PartsOf(entry).Where(part => !MediaTypes.IsIndex(part.MediaType) && IsWhole(part, entry.Reference) && MediaTypes.IsManifest(part.MediaType)))
            {
                foreach (var blob in Manifest.PartsOf(catalog.Blobs.Read(part, JsonDocuments.MaxBytes), part)
                    .Where(blob => !MediaTypes.IsForeign(blob.MediaType) || catalog.Blobs.Contains(blob.Digest)))
                {
                    IsWhole(blob, entry.Reference);
                }
            }

            if (_problems.Count == before)
            {
                var image = catalog.Read(entry.Target, entry.Reference);
                CheckDiffIds(image);
                _sound.Add(image);
            }
        }
        catch (ImageException e)
        {
            _problems.Add(new($"The image '{entry.Reference}' cannot be read: {e.Message}", null));
        }
    }

    private List<Descriptor> PartsOf(IndexEntry entry)
    {
        if (!MediaTypes.IsIndex(entry.Target.MediaType))
        {
            return [entry.Target];
        }

        var parts = new Dictionary<Digest, Descriptor>();
        Collect(entry.Target, entry.Reference, StoredIndex.MaxDepth, parts);
        return [.. parts.Values];
    }

    private void Collect(Descriptor index, ImageReference image, int depth, Dictionary<Digest, Descriptor> parts)
    {
        var entries = ImageIndex.Parse(catalog.Blobs.Read(index, JsonDocuments.MaxBytes), index.MediaType, $"index {index.Digest}").Entries;
        foreach (var part in entries.Select(entry => entry.Target).Where(part => IsExpected(part) && parts.TryAdd(part.Digest, part)))
        {
            if (depth == 0 || parts.Count > StoredIndex.MaxParts)
            {
                throw new ImageException($"The index {index.Digest} comes to too many documents, or lies too deep in others.");
            }

            if (MediaTypes.IsIndex(part.MediaType) && IsWhole(part, image))
            {
                Collect(part, image, depth - 1, parts);
            }
        }
    }

    // A part of an index that was never taken along is no damage. One that was fetched once, and is not here, is.
    private bool IsExpected(Descriptor part) => catalog.Blobs.Contains(part.Digest) || catalog.Blobs.Sources.Of(part.Digest).Count > 0;

    // A blob that is what its digest says may yet be another layer than the config does.
    private void CheckDiffIds(Image image)
    {
        foreach (var layer in image.Layers.Where(layer => catalog.Blobs.Contains(layer.Descriptor.Digest) && !_layers.Contains((layer.Descriptor.Digest, layer.DiffId))))
        {
            using var tar = layer.OpenTar();
            tar.ReadToEnd(cancellationToken);
            _layers.Add((layer.Descriptor.Digest, layer.DiffId));
        }
    }

    private bool IsWhole(Descriptor blob, ImageReference image)
    {
        var isWhole = IsWhole(blob);
        if (!isWhole)
        {
            _problems.Add(new($"The image '{image}' is damaged: {_blobs[blob.Digest].Problem}", blob));
        }

        return isWhole;
    }

    private bool IsWhole(Descriptor blob)
    {
        if (!_blobs.TryGetValue(blob.Digest, out var known))
        {
            _blobs.Add(blob.Digest, known = (blob, catalog.Blobs.FindProblem(blob, cancellationToken)));
        }

        return known.Problem is null;
    }
}

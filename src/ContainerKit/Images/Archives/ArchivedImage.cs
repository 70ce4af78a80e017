namespace ContainerKit.Images.Archives;

/// <summary>An image that lies outside the store, with its names there.</summary>
internal sealed record ArchivedImage
{
    /// <summary>The names, normalised; none when it has none, or none that is an image name.</summary>
    public required IReadOnlyList<ImageReference> Names { get; init; }

    /// <summary>What it is called there besides, and is no image name: as it stands there.</summary>
    public IReadOnlyList<string> RefusedNames { get; init; } = [];

    /// <summary>What tells it from the others: a digest, or a file's name.</summary>
    public required string Id { get; init; }

    /// <summary>Copies it into a store, verified, and answers with the manifest's descriptor. The image is not published by this.</summary>
    public required Func<CopyContext, Descriptor> CopyTo { get; init; }
}

/// <summary>Where an image is copied to.</summary>
internal sealed record CopyContext(ImageCatalog Catalog, IProgress<ImageProgress>? Progress, CancellationToken CancellationToken)
{
    private LayerIntake? _layers;

    /// <summary>How layers get in.</summary>
    public LayerIntake Layers => _layers ??= new LayerIntake(this);

    public Action<long> ReporterFor(Descriptor blob) => new ProgressReporter(Progress, ImagePhase.Reading, blob.Digest.ToString(), blob.Size).Report;
}

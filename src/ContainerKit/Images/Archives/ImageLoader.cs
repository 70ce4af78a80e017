namespace ContainerKit.Images.Archives;

/// <summary>Takes images from an OCI archive, an OCI layout directory or a docker-archive into the store; the content tells which it is.</summary>
internal static class ImageLoader
{
    /// <summary>Loads one image, with all its names (or with the one that was asked for).</summary>
    public static Image LoadOne(ImageCatalog catalog, string path, ImageReference? wanted, LoadOptions options, IProgress<ImageProgress>? progress, CancellationToken cancellationToken)
    {
        using var lease = catalog.Lease(cancellationToken);
        using var files = Open(catalog, path, progress, cancellationToken);
        var context = new CopyContext(catalog, progress, cancellationToken);
        var images = Images(files, wanted, options);
        var image = images switch
        {
            [var only] when wanted is null || only.Names.Count == 0 || only.Names.Contains(wanted) => only,
            [] => throw new ImageException("It holds no image."),
            _ => throw new ImageException(wanted is null
                ? $"It holds several images ({Describe(images)}); say which."
                : $"It holds no image '{wanted}'; it has {Describe(images)}."),
        };
        return Publish(context, lease, wanted is null ? image : image with { Names = [wanted], RefusedNames = [] }, options)[0];
    }

    /// <summary>Loads all images, with all their names: one result for each name (or for each image without one).</summary>
    public static IReadOnlyList<Image> LoadAll(ImageCatalog catalog, string path, LoadOptions options, IProgress<ImageProgress>? progress, CancellationToken cancellationToken)
    {
        using var lease = catalog.Lease(cancellationToken);
        using var files = Open(catalog, path, progress, cancellationToken);
        var context = new CopyContext(catalog, progress, cancellationToken);
        return Images(files, null, options) is { Count: > 0 } images
            ? [.. images.SelectMany(image => Publish(context, lease, image, options))]
            : throw new ImageException("It holds no image.");
    }

    private static IArchiveFiles Open(ImageCatalog catalog, string path, IProgress<ImageProgress>? progress, CancellationToken cancellationToken)
    {
        if (Directory.Exists(path))
        {
            return new DirectoryFiles(path);
        }

        var reporter = new ProgressReporter(progress, ImagePhase.Reading, Path.GetFileName(path), new FileInfo(path) is { Exists: true } file ? file.Length : null);
        return TarFiles.Open(path, catalog.Blobs, catalog.Limits, reporter.Report, cancellationToken);
    }

    // Docker since version 25 writes both at once; the layout is the one whose every byte has a digest.
    private static IReadOnlyList<ArchivedImage> Images(IArchiveFiles files, ImageReference? wanted, LoadOptions options)
    {
        if (Has(files, OciLayout.Marker))
        {
            return new OciLayout(files, options.AllPlatforms).Images(wanted);
        }

        if (Has(files, DockerArchive.Marker))
        {
            return new DockerArchive(files).Images(wanted);
        }

        throw new ImageException("It is neither an OCI image layout (it has no oci-layout) nor a docker archive (it has no manifest.json).")
        {
            Hint = "A bare root file system is imported, not loaded.",
        };
    }

    private static bool Has(IArchiveFiles files, string name)
    {
        using var found = files.TryOpen(name);
        return found is not null;
    }

    private static string Describe(IReadOnlyList<ArchivedImage> images) =>
        string.Join(", ", images.Take(20).Select(image => image.Names.Count > 0 ? string.Join(" = ", image.Names) : image.Id));

    private static List<Image> Publish(CopyContext context, StoreLease lease, ArchivedImage image, LoadOptions options)
    {
        var manifest = image.CopyTo(context);
        var names = image.Names.Count > 0 ? image.Names : (IReadOnlyList<ImageReference?>)[null];
        var published = names.Select(name => context.Catalog.Publish(lease, manifest, name, context.CancellationToken)).ToList();
        foreach (var refused in image.RefusedNames)
        {
            options.OnRefusedName?.Invoke(refused);
        }

        context.Catalog.Logger.TellRefused(published[0], image.RefusedNames);
        return published;
    }
}

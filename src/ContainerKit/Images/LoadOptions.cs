namespace ContainerKit;

/// <summary>What is taken of the images in an archive or layout.</summary>
public sealed record LoadOptions
{
    /// <summary>
    /// Takes the images for all platforms, with the index that lists them; where a layout lists them side by side, an index is made. What an
    /// index lists and the archive lacks is left out, as long as one image is there.
    /// </summary>
    public bool AllPlatforms { get; init; }
}

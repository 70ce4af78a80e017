namespace ContainerKit;

/// <summary>What is taken of the images in an archive or layout.</summary>
public sealed record LoadOptions
{
    /// <summary>
    /// Takes the images for all platforms, with the index that lists them; where a layout lists them side by side, an index is made. What an
    /// index lists and the archive lacks is left out, as long as one image is there.
    /// </summary>
    public bool AllPlatforms { get; init; }

    /// <summary>
    /// Told of every name in the archive, as it stands there, that is no image name: the image is loaded without it. Such names are logged, too. They are
    /// whatever somebody wrote, and may hold control characters. Null: told to nobody.
    /// </summary>
    public Action<string>? OnRefusedName { get; init; }
}

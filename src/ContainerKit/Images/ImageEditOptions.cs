namespace ContainerKit;

/// <summary>How an image is made of another.</summary>
public sealed record ImageEditOptions
{
    internal static ImageEditOptions Default { get; } = new();

    /// <summary>
    /// When the image counts as made; null keeps what its origin says (a commit: now). Files in layers that are written anew count as
    /// last changed no later than that, as <c>SOURCE_DATE_EPOCH</c> asks for: https://reproducible-builds.org/specs/source-date-epoch.
    /// </summary>
    public DateTimeOffset? Timestamp { get; init; }

    /// <summary>With what layers that are written anew are compressed.</summary>
    public LayerCompression Compression { get; init; } = LayerCompression.Gzip;
}

namespace ContainerKit.Containers;

/// <summary>The image that a container is made of: one in hand, or a name that is looked up when the time comes.</summary>
internal abstract record ImageSource
{
    public sealed record Known(Image Image) : ImageSource;

    public sealed record Named(string Reference) : ImageSource;

    public static implicit operator ImageSource(Image image) => new Known(image);

    /// <summary>The image itself.</summary>
    /// <exception cref="ImageException">The store has none of that name.</exception>
    public async Task<Image> ResolveAsync(ImageStore images, CancellationToken cancellationToken) => this switch
    {
        Known known => known.Image,
        Named named => await images.FindAsync(named.Reference, cancellationToken).ConfigureAwait(false)
            ?? throw new ImageException($"There is no image '{named.Reference}' in the store.") { Hint = "Import, load or build it first." },
        _ => throw new InvalidOperationException("An image source of no known kind."),
    };
}

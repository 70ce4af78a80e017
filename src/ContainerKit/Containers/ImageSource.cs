namespace ContainerKit.Containers;

/// <summary>The image that a container is made of: one in hand, or a name that is looked up when the time comes.</summary>
internal abstract record ImageSource
{
    public sealed record Known(Image Image) : ImageSource;

    public sealed record Named(string Reference) : ImageSource;

    public static implicit operator ImageSource(Image image) => new Known(image);

    /// <summary>The image itself.</summary>
    /// <exception cref="ImageException">The store has none of that name, and it is not to be pulled.</exception>
    /// <exception cref="RegistryException">It cannot be pulled.</exception>
    public async Task<Image> ResolveAsync(ImageStore images, PullPolicy policy, CancellationToken cancellationToken) => this switch
    {
        Known known => known.Image,
        Named named when policy == PullPolicy.Always => await images.PullAsync(named.Reference, cancellationToken: cancellationToken).ConfigureAwait(false),
        Named named => await images.FindAsync(named.Reference, cancellationToken).ConfigureAwait(false)
            ?? (policy == PullPolicy.Missing
                ? await images.PullAsync(named.Reference, cancellationToken: cancellationToken).ConfigureAwait(false)
                : throw new ImageException($"There is no image '{named.Reference}' in the store.") { Hint = "Import, load, build or pull it first, or let it be pulled (WithPull)." }),
        _ => throw new InvalidOperationException("An image source of no known kind."),
    };
}

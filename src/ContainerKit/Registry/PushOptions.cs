namespace ContainerKit;

/// <summary>What is given of an image to a registry.</summary>
public sealed record PushOptions
{
    /// <summary>Gives the whole index that the image was pulled with (<see cref="PullOptions.AllPlatforms"/>), and not only the image for one platform.</summary>
    public bool AllPlatforms { get; init; }

    /// <summary>
    /// Repositories of the same registry that may have some of the layers: the registry is asked to take them from there. Those under whose
    /// names the store knows a layer are asked in any case.
    /// </summary>
    public IReadOnlyList<string> MountFrom { get; init; } = [];
}

namespace ContainerKit;

/// <summary>What is taken of an image that a registry has.</summary>
public sealed record PullOptions
{
    /// <summary>For which platform, where there are several. Null: this machine's; an image that is for one platform only is then taken whatever that is.</summary>
    public Platform? Platform { get; init; }

    /// <summary>Takes the images for all platforms, with the index that lists them. <see cref="Platform"/> then only says which one is answered.</summary>
    public bool AllPlatforms { get; init; }
}

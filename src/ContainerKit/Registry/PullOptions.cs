namespace ContainerKit;

/// <summary>What is taken of an image that a registry has.</summary>
public sealed record PullOptions
{
    /// <summary>For which platform, where there are several. Null: this machine's; an image that is for one platform only is then taken whatever that is.</summary>
    public Platform? Platform { get; init; }

    /// <summary>Takes the images for all platforms, with the index that lists them. <see cref="Platform"/> then only says which one is answered.</summary>
    public bool AllPlatforms { get; init; }

    /// <summary>
    /// Fetches foreign layers, too, from the addresses that the image says: whoever made it decides who is asked. They are asked over HTTPS (but for those in
    /// <see cref="RegistryOptions.PlainHttp"/>), without any credentials, and what they give is verified. Otherwise such layers stay where they are.
    /// </summary>
    public bool ForeignLayers { get; init; }
}

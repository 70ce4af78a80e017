namespace ContainerKit;

/// <summary>What is written of an image.</summary>
public sealed record SaveOptions
{
    /// <summary>Writes the whole index that the image came with (<see cref="PullOptions.AllPlatforms"/>, <see cref="LoadOptions.AllPlatforms"/>), and not only the image for one platform.</summary>
    public bool AllPlatforms { get; init; }
}

namespace ContainerKit;

/// <summary>What <see cref="ContainerHost.CheckAsync"/> found when it looked at everything in a store.</summary>
public sealed record StoreCheck
{
    /// <summary>How many images there are; one with several names counts once.</summary>
    public required int Images { get; init; }

    /// <summary>How many blobs (manifests, configs and layers) the images are made of, each read to its end.</summary>
    public required int Blobs { get; init; }

    /// <summary>How many bytes these blobs have.</summary>
    public required long Bytes { get; init; }

    /// <summary>How many snapshots there are.</summary>
    public required int Snapshots { get; init; }

    /// <summary>How many containers there are.</summary>
    public required int Containers { get; init; }

    /// <summary>How many volumes there are. What is in them nobody can say to be right or wrong; only that it is there.</summary>
    public required int Volumes { get; init; }

    /// <summary>What is not as it should be, each as a sentence; empty when all is well.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>Whether all is well.</summary>
    public bool IsSound => Problems.Count == 0;
}

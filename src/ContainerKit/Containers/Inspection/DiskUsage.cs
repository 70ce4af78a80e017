namespace ContainerKit;

/// <summary>
/// What a store takes on its disk, and for what: <see cref="ContainerHost.GetDiskUsageAsync"/>. Bytes are those of the disk's blocks, as du(1) counts
/// them, and a file with several names counts once. A snapshot of something that others change meanwhile is as exact as that allows.
/// </summary>
public sealed record DiskUsage
{
    /// <summary>Everything below the store's directory.</summary>
    public required long TotalBytes { get; init; }

    /// <summary>What <see cref="ImageStore.PruneAsync"/> and <see cref="ContainerHost.PruneAsync"/> would free, if nobody uses more of it than now.</summary>
    public required long ReclaimableBytes { get; init; }

    /// <summary>The images, each once, whatever names it has.</summary>
    public required IReadOnlyList<ImageUsage> Images { get; init; }

    /// <summary>The blobs that no image refers to.</summary>
    public required BytesUsage UnreferencedBlobs { get; init; }

    /// <summary>The beginnings of blobs that are being fetched or may yet be gone on with, and what else is on its way in.</summary>
    public required BytesUsage PartialDownloads { get; init; }

    /// <summary>The layers that were unpacked, by the storage driver that keeps them.</summary>
    public required IReadOnlyList<SnapshotsUsage> Snapshots { get; init; }

    /// <summary>The containers' own layers. Those of other drivers than this host's are among their <see cref="Snapshots"/>.</summary>
    public required IReadOnlyList<ContainerUsage> Containers { get; init; }

    /// <summary>The volumes, by name. Pruning images and layers leaves them alone.</summary>
    public required IReadOnlyList<VolumeUsage> Volumes { get; init; }

    /// <summary>All blobs together, of which <see cref="Images"/> count those that several share more than once.</summary>
    public required long BlobBytes { get; init; }

    /// <summary>The rest: lists, records, locks, and the directories that hold all this.</summary>
    public required long OtherBytes { get; init; }
}

/// <summary>A number of things, and what they take.</summary>
/// <param name="Count">How many.</param>
/// <param name="Bytes">The bytes of their blocks.</param>
public readonly record struct BytesUsage(int Count, long Bytes);

/// <summary>What an image takes, as blobs.</summary>
public sealed record ImageUsage
{
    /// <summary>The digest of its manifest, or of its index where the store has that.</summary>
    public required Digest Digest { get; init; }

    /// <summary>Its names; empty for an image without one.</summary>
    public required IReadOnlyList<ImageReference> Names { get; init; }

    /// <summary>What would be free without it.</summary>
    public required long UniqueBytes { get; init; }

    /// <summary>What other images have as well.</summary>
    public required long SharedBytes { get; init; }

    /// <summary>How many containers stand on it.</summary>
    public required int Containers { get; init; }

    /// <summary>Whether pruning would remove it: it has no name, no container stands on it, and nobody holds it.</summary>
    public required bool IsReclaimable { get; init; }
}

/// <summary>What the layers take that one storage driver has unpacked.</summary>
public sealed record SnapshotsUsage
{
    /// <summary>The driver's name.</summary>
    public required string Driver { get; init; }

    /// <summary>How many snapshots there are, without the containers' own.</summary>
    public required int Count { get; init; }

    /// <summary>The bytes of their blocks.</summary>
    public required long Bytes { get; init; }

    /// <summary>Those of the snapshots that neither an image nor a container needs; 0 for another driver than this host's, which leaves them alone.</summary>
    public required long ReclaimableBytes { get; init; }
}

/// <summary>What a volume takes.</summary>
public sealed record VolumeUsage
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>The bytes of the blocks of its files.</summary>
    public required long Bytes { get; init; }

    /// <summary>How many containers have it, running or not.</summary>
    public required int Containers { get; init; }
}

/// <summary>What a container takes.</summary>
public sealed record ContainerUsage
{
    /// <summary>Its id.</summary>
    public required string Id { get; init; }

    /// <summary>Its name; null for one without.</summary>
    public required string? Name { get; init; }

    /// <summary>The name of the image that it stands on.</summary>
    public required string Image { get; init; }

    /// <summary>What it has of its own: the bytes of the blocks of its layer. Layers that it has frozen for a fork count among the snapshots.</summary>
    public required long Bytes { get; init; }
}

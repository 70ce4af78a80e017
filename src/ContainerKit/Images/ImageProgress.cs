namespace ContainerKit;

/// <summary>What a long operation on images is doing.</summary>
public enum ImagePhase
{
    /// <summary>Bytes come from elsewhere into the store, and are verified.</summary>
    Reading,

    /// <summary>Bytes go from the store to a file or a registry.</summary>
    Writing,

    /// <summary>A step of a build is made into a layer.</summary>
    Building,

    /// <summary>A layer is unpacked into a snapshot.</summary>
    Unpacking,
}

/// <summary>How it stands with one blob that a pull or push moves.</summary>
public enum ImageProgressState
{
    /// <summary>It is on its way: bytes move.</summary>
    Running,

    /// <summary>It is to be moved, and its turn has not come: others are moved first, or another process moves the same.</summary>
    Waiting,

    /// <summary>What an earlier attempt left of it is read and hashed before the rest is fetched; the bytes are those.</summary>
    Verifying,

    /// <summary>It has arrived, and what arrived is what its digest says.</summary>
    Done,

    /// <summary>Nothing needed to move: the store, or the registry, had it, or took it from another of its repositories.</summary>
    AlreadyThere,
}

/// <summary>How far a long operation on images is.</summary>
/// <param name="Phase">What is being done.</param>
/// <param name="Item">What it is done to: a digest, or a file's name.</param>
/// <param name="BytesDone">Bytes that have passed so far.</param>
/// <param name="BytesTotal">Bytes there are, or null when nobody knows.</param>
/// <remarks>
/// Of a pull or push each blob is told of by its digest: <see cref="ImageProgressState.Waiting"/> first, where it may have to be moved; then what moves; and in the end, once,
/// <see cref="ImageProgressState.Done"/> or <see cref="ImageProgressState.AlreadyThere"/>. Reports of several blobs come from several threads.
/// </remarks>
public sealed record ImageProgress(ImagePhase Phase, string Item, long BytesDone, long? BytesTotal)
{
    /// <summary>How it stands with the blob. What is no pull or push is always <see cref="ImageProgressState.Running"/>.</summary>
    public ImageProgressState State { get; init; }
}

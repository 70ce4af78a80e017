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

/// <summary>How far a long operation on images is.</summary>
/// <param name="Phase">What is being done.</param>
/// <param name="Item">What it is done to: a digest, or a file's name.</param>
/// <param name="BytesDone">Bytes that have passed so far.</param>
/// <param name="BytesTotal">Bytes there are, or null when nobody knows.</param>
public sealed record ImageProgress(ImagePhase Phase, string Item, long BytesDone, long? BytesTotal);

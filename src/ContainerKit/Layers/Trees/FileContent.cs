namespace ContainerKit.Layers.Trees;

/// <summary>The content of a regular file of a tree: where it is, and what it is, but not the bytes.</summary>
internal abstract class FileContent
{
    /// <summary>The SHA-256 of the bytes; null when the tree was read without hashing.</summary>
    public Digest? Digest { get; init; }

    /// <summary>Whether both are known to hold the same bytes.</summary>
    public static bool AreSame(FileContent? left, FileContent? right) =>
        ReferenceEquals(left, right) || (left?.Digest is { } digest && digest == right?.Digest);

    /// <summary>Opens it from its beginning.</summary>
    public abstract Task<Stream> OpenAsync(CancellationToken cancellationToken);
}

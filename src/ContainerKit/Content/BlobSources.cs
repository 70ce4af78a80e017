namespace ContainerKit.Content;

/// <summary>Remembers from which repositories blobs can be had again: those that they were fetched from, or sent to.</summary>
/// <remarks>
/// <code>
/// ROOT/.sources/HEX   the repositories of one blob (REGISTRY/NAME), one in each line, the latest first
/// </code>
/// It is a hint and no reference: nothing is kept for its sake, and what a repository gives is verified like anything else. Two who add to
/// it at once may lose one of their lines.
/// </remarks>
internal sealed class BlobSources(BlobStore blobs)
{
    private const int MaxLines = 8;

    private readonly BlobNotes _notes = new(blobs, ".sources");

    /// <summary>The repositories of a blob, the latest first; empty when nobody knows.</summary>
    public IReadOnlyList<string> Of(Digest blob) => [.. _notes.Of(blob).Split('\n', StringSplitOptions.RemoveEmptyEntries).Take(MaxLines)];

    /// <summary>Says that a repository has a blob.</summary>
    public void Add(Digest blob, string repository)
    {
        var known = Of(blob);
        if (!known.Contains(repository))
        {
            _notes.Write(blob, string.Concat(known.Prepend(repository).Take(MaxLines).Select(line => line + "\n")));
        }
    }

    /// <inheritdoc cref="BlobNotes.Forget"/>
    public void Forget(Func<Digest, bool> isNeeded) => _notes.Forget(isNeeded);
}

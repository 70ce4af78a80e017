namespace ContainerKit.Content;

/// <summary>Remembers what compressed blobs are uncompressed, once somebody has looked. Whoever verifies such a blob has verified its content.</summary>
/// <remarks>
/// <code>
/// ROOT/.contents/HEX   the digest of one blob's content, uncompressed
/// </code>
/// It never becomes wrong, as a digest names the same for ever. Without it the content itself is hashed, which is several times as much.
/// </remarks>
internal sealed class BlobContents(BlobStore blobs)
{
    private readonly BlobNotes _notes = new(blobs, ".contents");

    /// <summary>Whether a blob was seen to be this content.</summary>
    public bool Are(Digest blob, Digest content) => _notes.Of(blob) == content.ToString();

    /// <summary>Says what a blob is, when it and its content were verified just now.</summary>
    public void Add(Digest blob, Digest content)
    {
        if (blob != content && !Are(blob, content))
        {
            _notes.Write(blob, content.ToString());
        }
    }

    /// <inheritdoc cref="BlobNotes.Forget"/>
    public void Forget(Func<Digest, bool> isNeeded) => _notes.Forget(isNeeded);
}

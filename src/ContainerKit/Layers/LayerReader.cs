namespace ContainerKit.Layers;

/// <summary>Reads a layer archive, entry by entry, as the stream gives it.</summary>
internal sealed class LayerReader : IDisposable
{
    public LayerReader(Stream tar, LayerLimits? limits = null, bool leaveOpen = false)
    {
        throw new NotImplementedException();
    }

    /// <summary>The entry that <see cref="MoveNext"/> found.</summary>
    public LayerEntry Current => throw new NotImplementedException();

    /// <summary>
    /// The current entry's content: <see cref="FileMetadata.Size"/> bytes, holes read as zeros. Good until the next
    /// <see cref="MoveNext"/>; what is not read is skipped.
    /// </summary>
    public Stream Content => throw new NotImplementedException();

    /// <summary>
    /// The current entry's content without its holes: the bytes of <see cref="LayerEntry.DataExtents"/>, one after another (or
    /// all of them, for a file that is not sparse). Use either this or <see cref="Content"/>.
    /// </summary>
    public Stream PackedContent => throw new NotImplementedException();

    /// <summary>Goes on to the next entry.</summary>
    /// <returns>False at the archive's end.</returns>
    /// <exception cref="ImageException">The archive is damaged, truncated, refused, or over a limit.</exception>
    public bool MoveNext() => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}

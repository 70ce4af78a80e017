namespace ContainerKit.Layers;

/// <summary>Writes a layer archive: the same entries give the same bytes, whenever and wherever.</summary>
internal sealed class LayerWriter : IDisposable
{
    public LayerWriter(Stream output, bool leaveOpen = false)
    {
        throw new NotImplementedException();
    }

    /// <summary>
    /// Writes one entry. A whiteout or opaque marker is written under its <c>.wh.</c> name. <paramref name="content"/> gives exactly
    /// <see cref="FileMetadata.Size"/> bytes for a regular file, and is null for everything else.
    /// </summary>
    /// <exception cref="ImageException">The content is shorter or longer than the entry says, or a name cannot be in an archive.</exception>
    public void Write(LayerEntry entry, Stream? content = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Writes the end of the archive. Nothing can follow.</summary>
    public void Finish() => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}

using ContainerKit.Layers;

namespace ContainerKit.Images.Editing;

/// <summary>Writes the entries of an archive with sparse files so that it has none: holes become zeros, and are held to the limits as what they become.</summary>
internal sealed class PlainWriter(Stream output, LayerLimits limits) : IDisposable
{
    // A header, and the end of the last block.
    private const int BytesAround = 1024;

    private readonly LayerWriter _writer = new(output, leaveOpen: true);
    private long _stored, _written;

    /// <summary>Writes a reader's current entry.</summary>
    /// <exception cref="ImageException">With it, the layer is larger than the limits allow.</exception>
    public void Write(LayerReader reader, CancellationToken cancellationToken)
    {
        var entry = reader.Current;
        Count(entry);
        _writer.Write(entry with { DataExtents = null }, entry.Metadata is { Kind: FileKind.File, Size: > 0 } && entry.Kind == LayerEntryKind.Object ? reader.Content : null, cancellationToken);
    }

    public void Finish() => _writer.Finish();

    public void Dispose() => _writer.Dispose();

    // Before the zeros are written: some bytes of an archive can claim terabytes of them.
    private void Count(LayerEntry entry)
    {
        var size = entry.Metadata.Size + BytesAround;
        _stored += (entry.DataExtents?.Sum(extent => extent.Length) ?? entry.Metadata.Size) + BytesAround;
        if (size > limits.MaxTotalBytes - _written)
        {
            throw new ImageException($"With the holes of its sparse files the archive has more than {limits.MaxTotalBytes} bytes ({nameof(LayerLimits.MaxTotalBytes)}).") { Hint = Cure(entry) };
        }

        _written += size;
        if (_written > limits.RatioMattersFrom && _written / limits.MaxCompressionRatio > _stored)
        {
            throw new ImageException($"With the holes of its sparse files the archive grows to more than {limits.MaxCompressionRatio} times its size ({nameof(LayerLimits.MaxCompressionRatio)}).") { Hint = Cure(entry) };
        }
    }

    private static string Cure(LayerEntry entry) => $"Layers have no holes, and '{entry.Path}' has {entry.Metadata.Size} bytes with its own: leave it out (tar --exclude), or raise the limit.";
}

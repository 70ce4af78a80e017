using System.Buffers;
using ContainerKit.Layers.Tar;

namespace ContainerKit.Layers;

/// <summary>Writes a layer archive: the same entries give the same bytes, whenever and wherever.</summary>
/// <remarks>Plain ustar, which everyone reads; pax records only for what ustar cannot say, so that most entries take one block.</remarks>
internal sealed class LayerWriter(Stream output, bool leaveOpen = false) : IDisposable
{
    private const int CopyBytes = 128 << 10;

    private readonly TarHeaderWriter _header = new(output);

    /// <summary>Entries of later times count as of this time; null for no such limit.</summary>
    public UnixTime? LatestTime { get; init; }

    /// <summary>A user's time as files have it.</summary>
    public static UnixTime? TimeOf(DateTimeOffset? time) => time is { } given ? UnixTime.From(given) : null;

    /// <summary>
    /// Writes one entry. A whiteout or opaque marker is written under its <c>.wh.</c> name. <paramref name="content"/> gives exactly
    /// <see cref="FileMetadata.Size"/> bytes for a regular file (holes as zeros: not every client reads sparse entries), and is null
    /// for everything else.
    /// </summary>
    /// <exception cref="ImageException">The content is shorter or longer than the entry says, or a name cannot be in an archive.</exception>
    public void Write(LayerEntry entry, Stream? content = null, CancellationToken cancellationToken = default)
    {
        CheckName(entry);
        entry = NotLaterThan(LatestTime, entry);
        var hasContent = entry is { Kind: LayerEntryKind.Object, Metadata: { Kind: FileKind.File, Size: > 0 } };
        if (hasContent && content is null)
        {
            throw new ArgumentException($"'{entry.Path}' has content, but none was given.", nameof(content));
        }

        _header.Write(Whiteouts.ArchivePath(entry)[1..], entry);
        if (hasContent)
        {
            Copy(content!, entry, cancellationToken);
        }
    }

    /// <summary>Writes the end of the archive. Nothing can follow.</summary>
    public void Finish() => output.Write(new byte[2 * TarHeader.BlockSize]);

    public void Dispose()
    {
        if (!leaveOpen)
        {
            output.Dispose();
        }
    }

    private static LayerEntry NotLaterThan(UnixTime? latest, LayerEntry entry) => latest is not { } limit || (entry.Metadata.ModifiedTime <= limit && !(entry.AccessTime > limit))
        ? entry
        : entry with
        {
            Metadata = entry.Metadata.ModifiedTime > limit ? entry.Metadata with { ModifiedTime = limit } : entry.Metadata,
            AccessTime = entry.AccessTime > limit ? limit : entry.AccessTime,
        };

    private static void CheckName(LayerEntry entry)
    {
        if (Whiteouts.Classify(entry.Path) is not (LayerEntryKind.Object, _))
        {
            throw new ImageException($"'{entry.Path}' cannot be in a layer: its name would read as a whiteout.");
        }
    }

    private void Copy(Stream content, LayerEntry entry, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        try
        {
            var rest = entry.Metadata.Size;
            while (rest > 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var read = content.Read(buffer, 0, (int)Math.Min(buffer.Length, rest));
                if (read == 0)
                {
                    throw new ImageException($"'{entry.Path}' became {rest} bytes shorter while it was read.");
                }

                output.Write(buffer, 0, read);
                rest -= read;
            }

            if (content.Read(buffer, 0, 1) != 0)
            {
                throw new ImageException($"'{entry.Path}' became longer while it was read.");
            }

            var padding = (int)(-entry.Metadata.Size & (TarHeader.BlockSize - 1));
            buffer.AsSpan(0, padding).Clear();
            output.Write(buffer, 0, padding);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}

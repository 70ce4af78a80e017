using ContainerKit.Layers.Tar;
using ContainerKit.Linux;

namespace ContainerKit.Layers;

/// <summary>Reads a layer archive, entry by entry, as the stream gives it: paths made safe, whiteouts recognised, limits held.</summary>
internal sealed class LayerReader : IDisposable
{
    // MINORBITS of linux/kdev_t.h: a device number has 12 bits and 20.
    private const uint MaxMajor = (1 << 12) - 1, MaxMinor = (1 << 20) - 1;

    private readonly Stream _tar;
    private readonly bool _leaveOpen;
    private readonly LayerLimits _limits;
    private readonly TarReader _reader;
    private LayerEntry? _current;
    private Stream? _content;

    /// <param name="tar">The archive, uncompressed.</param>
    /// <param name="limits">What it may ask for.</param>
    /// <param name="leaveOpen">Whether the stream stays the caller's.</param>
    public LayerReader(Stream tar, LayerLimits? limits = null, bool leaveOpen = false)
    {
        _tar = tar;
        _leaveOpen = leaveOpen;
        _limits = limits ?? LayerLimits.Default;
        _reader = new TarReader(tar, _limits);
    }

    /// <summary>The entry that <see cref="MoveNext"/> found.</summary>
    public LayerEntry Current => _current ?? throw new InvalidOperationException("There is no current entry.");

    /// <summary>
    /// The current entry's content: <see cref="FileMetadata.Size"/> bytes, holes read as zeros. Good until the next
    /// <see cref="MoveNext"/>; what is not read is skipped.
    /// </summary>
    public Stream Content => _content ??= Current.DataExtents is { } extents
        ? new SparseContentStream(_reader.Content, extents, Current.Metadata.Size)
        : _reader.Content;

    /// <summary>
    /// The current entry's content without its holes: the bytes of <see cref="LayerEntry.DataExtents"/>, one after another (or
    /// all of them, for a file that is not sparse). Use either this or <see cref="Content"/>.
    /// </summary>
    public Stream PackedContent => _reader.Content;

    /// <summary>Goes on to the next entry.</summary>
    /// <returns>False at the archive's end; what the stream holds behind that is left in it.</returns>
    /// <exception cref="ImageException">The archive is damaged, truncated, refused, or over a limit.</exception>
    public bool MoveNext(CancellationToken cancellationToken = default)
    {
        (_current, _content) = (null, null);
        try
        {
            while (_current is null)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (_reader.ReadNext() is not { } entry)
                {
                    return false;
                }

                _current = Judge(entry);
            }

            return true;
        }
        catch (EndOfStreamException e)
        {
            throw new ImageException("The archive ends in the middle of an entry: it is truncated.", e);
        }
    }

    public void Dispose()
    {
        if (!_leaveOpen)
        {
            _tar.Dispose();
        }
    }

    private LayerEntry? Judge(TarEntry entry)
    {
        var archivePath = LayerPath.Normalise(entry.Name.Span, _limits);
        if (Whiteouts.Classify(archivePath) is not var (kind, path))
        {
            return null;
        }

        if (kind == LayerEntryKind.Object && entry.Type == TarType.HardLink)
        {
            kind = LayerEntryKind.HardLink;
        }

        if (path == "/" && kind is not LayerEntryKind.Opaque && KindOf(entry.Type) != FileKind.Directory)
        {
            throw new ImageException("The archive has a root ('/') that is not a directory.");
        }

        return new LayerEntry
        {
            Kind = kind,
            Path = path,
            HardLinkTarget = kind == LayerEntryKind.HardLink ? TargetOf(entry, path) : null,
            AccessTime = entry.AccessTime,
            DataExtents = entry.Extents,
            Metadata = new FileMetadata
            {
                Kind = KindOf(entry.Type),
                // Some writers put the type bits of st_mode in as well.
                Mode = (int)(entry.Mode & 0xFFF),
                UserId = OwnerOf(entry.UserId, path),
                GroupId = OwnerOf(entry.GroupId, path),
                Size = entry.Type == TarType.Regular ? entry.RealSize : 0,
                ModifiedTime = entry.ModifiedTime,
                LinkTarget = entry.Type == TarType.Symlink ? LinkOf(entry, path) : null,
                DeviceMajor = DeviceOf(entry.DeviceMajor, MaxMajor, path),
                DeviceMinor = DeviceOf(entry.DeviceMinor, MaxMinor, path),
                ExtendedAttributes = entry.Attributes,
            },
        };
    }

    private static FileKind KindOf(byte type) => type switch
    {
        TarType.Symlink => FileKind.Symlink,
        TarType.CharacterDevice => FileKind.CharacterDevice,
        TarType.BlockDevice => FileKind.BlockDevice,
        TarType.Directory or TarType.GnuDumpDirectory => FileKind.Directory,
        TarType.Fifo => FileKind.Fifo,
        _ => FileKind.File,
    };

    // The last id means "leave it as it is" to chown(2): nothing can be owned by it.
    private static uint OwnerOf(long id, string path) => id is >= 0 and < uint.MaxValue
        ? (uint)id
        : throw new ImageException($"The archive's entry '{path}' belongs to the id {id}, which Linux does not have.");

    private static uint DeviceOf(long number, uint max, string path) => number >= 0 && number <= max
        ? (uint)number
        : throw new ImageException($"The archive's entry '{path}' has the device number {number}, which Linux does not have.");

    private string TargetOf(TarEntry entry, string path)
    {
        if (entry.LinkName.IsEmpty)
        {
            throw new ImageException($"The archive's hard link '{path}' leads nowhere.");
        }

        return LayerPath.Normalise(entry.LinkName.Span, _limits);
    }

    // A symlink's target is kept exactly: it is resolved inside the container, where leading upwards leads nowhere else.
    private string LinkOf(TarEntry entry, string path)
    {
        if (entry.LinkName.IsEmpty)
        {
            throw new ImageException($"The archive's symlink '{path}' leads nowhere.");
        }

        return entry.LinkName.Length <= _limits.MaxPathBytes
            ? LinuxPath.Decode(entry.LinkName.Span)
            : throw new ImageException($"The archive's symlink '{path}' has a target of {entry.LinkName.Length} bytes; {_limits.MaxPathBytes} are allowed ({nameof(LayerLimits.MaxPathBytes)}).");
    }
}

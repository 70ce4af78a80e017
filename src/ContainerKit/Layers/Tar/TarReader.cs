using ContainerKit.Linux;

namespace ContainerKit.Layers.Tar;

/// <summary>
/// Reads a tar archive block by block and resolves what its dialects say in several places: v7, ustar, star, GNU, pax. It is a
/// protocol parser, hence long; what entries mean to a layer is <see cref="LayerReader"/>'s business.
/// </summary>
internal sealed class TarReader(Stream tar, LayerLimits limits)
{
    // Global records hold for every entry that follows, so they cost time and memory again and again.
    private const int MaxGlobalBytes = 64 << 10;

    private readonly byte[] _block = new byte[TarHeader.BlockSize];
    private readonly PaxRecords _global = new();
    private long _bytes;
    private long _entries;
    private long _globalBytes;

    /// <summary>The current entry's stored content.</summary>
    public TarContentStream Content { get; } = new(tar);

    /// <summary>The next entry, or null at the archive's end. What is left of the one before is skipped.</summary>
    public TarEntry? ReadNext()
    {
        Content.SkipRest();
        var pax = new PaxRecords();
        ReadOnlyMemory<byte>? longName = null, longLink = null;
        long extended = 0;
        while (ReadHeader())
        {
            var header = new TarHeader(_block);
            switch (header.TypeFlag)
            {
                case TarType.Pax or TarType.SunPax:
                    pax.Add(ReadExtendedHeader(header, ref extended, limits.MaxHeaderBytes));
                    break;
                case TarType.GlobalPax:
                    _global.Add(ReadExtendedHeader(header, ref _globalBytes, MaxGlobalBytes));
                    break;
                case TarType.GnuLongName:
                    longName = UntilNul(ReadExtendedHeader(header, ref extended, limits.MaxHeaderBytes));
                    break;
                case TarType.GnuLongLink:
                    longLink = UntilNul(ReadExtendedHeader(header, ref extended, limits.MaxHeaderBytes));
                    break;
                case TarType.GnuVolume:
                    SkipUnwanted(header);
                    break;
                default:
                    return Resolve(header, WithGlobals(pax), longName, longLink);
            }
        }

        return pax.IsEmpty && longName is null && longLink is null
            ? null
            : throw new ImageException("The archive ends behind an extended header that belongs to nothing: it is truncated.");
    }

    private static ReadOnlyMemory<byte> UntilNul(byte[] text) => text.AsMemory(0, TarHeader.UntilNul(text).Length);

    private bool ReadHeader()
    {
        var read = tar.ReadAtLeast(_block, _block.Length, throwOnEndOfStream: false);
        if (read == 0)
        {
            // Two blocks of zeros should come first, but umoci (0.4.7) and others leave them out, and every client accepts it.
            return false;
        }

        if (read < _block.Length)
        {
            throw new ImageException("The archive ends in the middle of a header: it is truncated.");
        }

        Count(_block.Length);
        var header = new TarHeader(_block);
        if (header.IsZero)
        {
            RefuseWhatFollowsALoneZeroBlock();
            return false;
        }

        return header.HasValidChecksum ? true : throw new ImageException(
            _entries == 0 ? "The file is not a tar archive." : "The archive has a header with a wrong checksum: it is damaged.");
    }

    // Readers disagree about entries behind a single block of zeros: some see them and some do not. An archive must not mean two things.
    private void RefuseWhatFollowsALoneZeroBlock()
    {
        var read = tar.ReadAtLeast(_block, _block.Length, throwOnEndOfStream: false);
        if (read == _block.Length && !new TarHeader(_block).IsZero)
        {
            throw new ImageException("The archive goes on after a block of zeros, which ends it: it is damaged.");
        }
    }

    private byte[] ReadExtendedHeader(TarHeader header, ref long total, int max)
    {
        var size = header.Size;
        if (size < 0 || size > max - total)
        {
            throw new ImageException($"The archive has extended headers of {total + size} bytes; {max} are allowed ({nameof(LayerLimits.MaxHeaderBytes)}).");
        }

        total += size;
        // Entries are counted with their headers, so that headers without entries come to an end too.
        CountEntry();
        var bytes = new byte[size];
        BeginContent(size, "an extended header");
        Content.ReadExactly(bytes);
        Content.SkipRest();
        return bytes;
    }

    private void SkipUnwanted(TarHeader header)
    {
        CountEntry();
        BeginContent(Math.Max(header.Size, 0), "a volume label");
        Content.SkipRest();
    }

    private PaxRecords WithGlobals(PaxRecords pax)
    {
        if (_global.IsEmpty)
        {
            return pax;
        }

        var both = new PaxRecords();
        both.Merge(_global);
        both.Merge(pax);
        return both;
    }

    private TarEntry Resolve(TarHeader header, PaxRecords pax, ReadOnlyMemory<byte>? longName, ReadOnlyMemory<byte>? longLink)
    {
        CountEntry();
        var name = pax.FindName("GNU.sparse.name") ?? pax.FindName("path") ?? longName ?? HeaderName(header);
        var text = LinuxPath.Decode(name.Span);
        var type = TypeOf(header, name.Span, text);
        var stored = HasContent(type) ? pax.FindNumber("size") ?? header.Size : 0;
        if (stored < 0)
        {
            throw new ImageException($"The archive's entry '{text}' has a negative size.");
        }

        var isOldSparse = header.TypeFlag == TarType.GnuSparse;
        var oldSparse = isOldSparse ? ReadOldSparseMap(header) : null;
        var oldRealSize = isOldSparse ? header.GnuRealSize : 0;
        // The header block is reused by what reads further; take everything from it first.
        var (mode, uid, gid) = (header.Mode, header.UserId, header.GroupId);
        var (major, minor) = type is TarType.CharacterDevice or TarType.BlockDevice ? (header.DeviceMajor, header.DeviceMinor) : (0, 0);
        var link = pax.FindName("linkpath") ?? longLink ?? header.LinkName.ToArray();
        var modified = pax.FindTime("mtime") ?? new UnixTime(header.ModifiedSeconds, 0);
        if (isOldSparse)
        {
            SkipSparseExtensions(header.GnuSparseContinues, oldSparse!);
        }

        BeginContent(stored, text);
        var (extents, realSize, packed) = isOldSparse
            ? (SparseMap.Check(oldSparse!, oldRealSize, stored), oldRealSize, stored)
            : type == TarType.Regular ? ReadPaxSparse(pax, stored) : (null, stored, stored);
        if (realSize > limits.MaxFileBytes)
        {
            throw new ImageException($"The archive's file '{text}' has {realSize} bytes; {limits.MaxFileBytes} are allowed ({nameof(LayerLimits.MaxFileBytes)}).");
        }

        return new TarEntry
        {
            Type = type,
            Name = name,
            LinkName = link,
            Mode = mode,
            UserId = pax.FindNumber("uid") ?? uid,
            GroupId = pax.FindNumber("gid") ?? gid,
            StoredSize = packed,
            RealSize = realSize,
            ModifiedTime = modified,
            AccessTime = pax.FindTime("atime"),
            DeviceMajor = major,
            DeviceMinor = minor,
            Attributes = pax.Attributes(limits.MaxExtendedAttributeBytes),
            Extents = extents,
        };
    }

    private static ReadOnlyMemory<byte> HeaderName(TarHeader header)
    {
        if (header.Prefix.IsEmpty)
        {
            return header.Name.ToArray();
        }

        return (byte[])[.. header.Prefix, (byte)'/', .. header.Name];
    }

    private static byte TypeOf(TarHeader header, ReadOnlySpan<byte> name, string text) => header.TypeFlag switch
    {
        // Before POSIX had a type for directories, a slash at the end of the name said it.
        TarType.OldRegular when name.EndsWith("/"u8) => TarType.Directory,
        TarType.OldRegular or TarType.Contiguous or TarType.GnuSparse => TarType.Regular,
        >= TarType.Regular and <= TarType.Fifo => header.TypeFlag,
        // An incremental dump's directory lists its names as content, which a reader of one archive has no use for.
        TarType.GnuDumpDirectory => TarType.GnuDumpDirectory,
        var odd => throw new ImageException(
            $"The archive's entry '{text}' is of the type '{(odd is > 32 and < 127 ? ((char)odd).ToString() : odd.ToString(System.Globalization.CultureInfo.InvariantCulture))}', which has no place in a layer."),
    };

    // Links, devices and directories have no content, whatever their size says: GNU tar, Go and libarchive all read them so.
    private static bool HasContent(byte type) => type is TarType.Regular or TarType.GnuDumpDirectory;

    private static List<long> ReadOldSparseMap(TarHeader header)
    {
        var numbers = new List<long>();
        SparseMap.AddOldGnu(header.GnuSparseEntries, numbers);
        return numbers;
    }

    private void SkipSparseExtensions(bool continues, List<long> numbers)
    {
        long bytes = 0;
        while (continues)
        {
            if ((bytes += _block.Length) > limits.MaxHeaderBytes)
            {
                throw new ImageException($"The archive has a sparse map of more than {limits.MaxHeaderBytes} bytes ({nameof(LayerLimits.MaxHeaderBytes)}).");
            }

            if (tar.ReadAtLeast(_block, _block.Length, throwOnEndOfStream: false) < _block.Length)
            {
                throw new ImageException("The archive ends in the middle of a sparse map: it is truncated.");
            }

            Count(_block.Length);
            SparseMap.AddOldGnu(_block.AsSpan(0, 504), numbers);
            continues = _block[504] != 0;
        }
    }

    private (IReadOnlyList<DataExtent>? Extents, long RealSize, long Packed) ReadPaxSparse(PaxRecords pax, long stored)
    {
        var realSize = pax.FindNumber("GNU.sparse.realsize") ?? pax.FindNumber("GNU.sparse.size");
        if (pax.FindNumber("GNU.sparse.major") is 1)
        {
            var (numbers, bytes) = SparseMap.ReadFromContent(Content, limits.MaxHeaderBytes);
            return (SparseMap.Check(numbers, realSize ?? -1, stored - bytes), realSize ?? -1, stored - bytes);
        }

        var map = pax.Find("GNU.sparse.map") is { } commas ? SparseMap.ParseCommas(commas.Span) : pax.SparseNumbers;
        if (map is null && realSize is null)
        {
            return (null, stored, stored);
        }

        return (SparseMap.Check(map ?? [], realSize ?? -1, stored), realSize ?? -1, stored);
    }

    private void BeginContent(long size, string entry)
    {
        Count(size);
        Content.Begin(size, entry);
    }

    private void CountEntry()
    {
        if (++_entries > limits.MaxEntries)
        {
            throw new ImageException($"The archive has more than {limits.MaxEntries} entries ({nameof(LayerLimits.MaxEntries)}).");
        }
    }

    private void Count(long bytes)
    {
        if (bytes > limits.MaxTotalBytes - _bytes)
        {
            throw new ImageException($"The archive has more than {limits.MaxTotalBytes} bytes ({nameof(LayerLimits.MaxTotalBytes)}).");
        }

        _bytes += bytes;
    }
}

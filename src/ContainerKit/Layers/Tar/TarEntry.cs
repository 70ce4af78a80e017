namespace ContainerKit.Layers.Tar;

/// <summary>One entry as the archive has it, all dialects and extended headers resolved, and nothing judged yet.</summary>
internal sealed class TarEntry
{
    public required byte Type { get; init; }

    public required ReadOnlyMemory<byte> Name { get; init; }

    public required ReadOnlyMemory<byte> LinkName { get; init; }

    public required long Mode { get; init; }

    public required long UserId { get; init; }

    public required long GroupId { get; init; }

    /// <summary>Bytes of content that the archive stores (holes and sparse maps not among them).</summary>
    public required long StoredSize { get; init; }

    /// <summary>The file's length with its holes.</summary>
    public required long RealSize { get; init; }

    public required UnixTime ModifiedTime { get; init; }

    public UnixTime? AccessTime { get; init; }

    public long DeviceMajor { get; init; }

    public long DeviceMinor { get; init; }

    public IReadOnlyDictionary<string, ReadOnlyMemory<byte>> Attributes { get; init; } = FileMetadata.NoAttributes;

    public IReadOnlyList<DataExtent>? Extents { get; init; }
}

/// <summary>The type flags of entries.</summary>
internal static class TarType
{
    public const byte Regular = (byte)'0', OldRegular = 0, HardLink = (byte)'1', Symlink = (byte)'2', CharacterDevice = (byte)'3',
        BlockDevice = (byte)'4', Directory = (byte)'5', Fifo = (byte)'6', Contiguous = (byte)'7', Pax = (byte)'x', SunPax = (byte)'X',
        GlobalPax = (byte)'g', GnuLongName = (byte)'L', GnuLongLink = (byte)'K', GnuSparse = (byte)'S', GnuDumpDirectory = (byte)'D',
        GnuVolume = (byte)'V';
}

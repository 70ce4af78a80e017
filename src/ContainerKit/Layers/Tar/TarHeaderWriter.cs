using System.Buffers;
using System.Globalization;
using System.Text;
using ContainerKit.Linux;

namespace ContainerKit.Layers.Tar;

/// <summary>Writes an entry's header: one ustar block, and pax records before it for what does not fit.</summary>
internal sealed class TarHeaderWriter(Stream output)
{
    private const int NameBytes = 100, PrefixBytes = 155;
    private const long MaxOctal7 = 0x1FFFFF, MaxOctal11 = 0x1_FFFF_FFFF;

    private readonly byte[] _block = new byte[TarHeader.BlockSize];
    private readonly ArrayBufferWriter<byte> _records = new();

    /// <summary>Writes the header of <paramref name="entry"/> under a relative name (empty for the root).</summary>
    public void Write(string name, LayerEntry entry)
    {
        var metadata = entry.Metadata;
        var isMarker = entry.Kind is LayerEntryKind.Whiteout or LayerEntryKind.Opaque;
        var type = entry.Kind switch
        {
            LayerEntryKind.HardLink => TarType.HardLink,
            LayerEntryKind.Object => TypeOf(metadata.Kind),
            _ => TarType.Regular,
        };
        var path = LinuxPath.Encode(name.Length == 0 ? "./" : type == TarType.Directory ? name + "/" : name);
        var link = type switch
        {
            TarType.HardLink => LinuxPath.Encode(entry.HardLinkTarget![1..]),
            TarType.Symlink => LinuxPath.Encode(metadata.LinkTarget!),
            _ => [],
        };
        var size = type == TarType.Regular && !isMarker ? metadata.Size : 0;
        var fits = TrySplit(path, out var prefix, out var rest);

        _records.ResetWrittenCount();
        if (!fits || link.Length > NameBytes)
        {
            AddNames(fits ? null : path, link.Length > NameBytes ? link : null);
        }

        AddNumber("uid", metadata.UserId, MaxOctal7);
        AddNumber("gid", metadata.GroupId, MaxOctal7);
        AddNumber("size", size, MaxOctal11);
        AddTime("atime", entry.AccessTime);
        if (metadata.ModifiedTime is { Nanoseconds: not 0 } or { Seconds: < 0 or > MaxOctal11 })
        {
            AddTime("mtime", metadata.ModifiedTime);
        }

        if (!isMarker && entry.Kind != LayerEntryKind.HardLink)
        {
            AddAttributes(metadata.ExtendedAttributes);
        }

        WritePaxHeader(path);
        Array.Clear(_block);
        rest.CopyTo(_block);
        prefix.CopyTo(_block.AsSpan(345));
        link.AsSpan(0, Math.Min(link.Length, NameBytes)).CopyTo(_block.AsSpan(157));
        Octal(100, 8, metadata.Mode & 0xFFF);
        Octal(108, 8, metadata.UserId <= MaxOctal7 ? metadata.UserId : 0);
        Octal(116, 8, metadata.GroupId <= MaxOctal7 ? metadata.GroupId : 0);
        Octal(124, 12, size <= MaxOctal11 ? size : 0);
        Octal(136, 12, Math.Clamp(metadata.ModifiedTime.Seconds, 0, MaxOctal11));
        if (type is TarType.CharacterDevice or TarType.BlockDevice)
        {
            Octal(329, 8, Device(metadata.DeviceMajor, entry));
            Octal(337, 8, Device(metadata.DeviceMinor, entry));
        }

        WriteBlock(type);
    }

    private static byte TypeOf(FileKind kind) => kind switch
    {
        FileKind.File => TarType.Regular,
        FileKind.Directory => TarType.Directory,
        FileKind.Symlink => TarType.Symlink,
        FileKind.CharacterDevice => TarType.CharacterDevice,
        FileKind.BlockDevice => TarType.BlockDevice,
        FileKind.Fifo => TarType.Fifo,
        _ => throw new ArgumentException("A socket has no place in a layer archive.", nameof(kind)),
    };

    private static long Device(uint number, LayerEntry entry) => number <= MaxOctal7
        ? number
        : throw new ImageException($"'{entry.Path}' cannot be in a layer: Linux has no device number {number}.");

    // ustar keeps a longer path in two pieces, cut at a slash that is in neither.
    private static bool TrySplit(ReadOnlySpan<byte> path, out ReadOnlySpan<byte> prefix, out ReadOnlySpan<byte> rest)
    {
        prefix = [];
        rest = path;
        if (path.Length <= NameBytes)
        {
            return true;
        }

        var earliest = path.Length - NameBytes - 1;
        var cut = path[..Math.Min(PrefixBytes + 1, path.Length - 1)].LastIndexOf((byte)'/');
        if (cut < Math.Max(earliest, 1))
        {
            rest = path[..NameBytes];
            return false;
        }

        prefix = path[..cut];
        rest = path[(cut + 1)..];
        return true;
    }

    private void AddNames(byte[]? path, byte[]? link)
    {
        // Names in pax records are UTF-8 unless this says that they are bytes; those who do not know it take them as bytes anyway.
        if ((path is not null && !System.Text.Unicode.Utf8.IsValid(path)) || (link is not null && !System.Text.Unicode.Utf8.IsValid(link)))
        {
            AddRecord("hdrcharset"u8, "BINARY"u8);
        }

        if (path is not null)
        {
            AddRecord("path"u8, path);
        }

        if (link is not null)
        {
            AddRecord("linkpath"u8, link);
        }
    }

    private void AddNumber(string key, long value, long max)
    {
        if (value > max)
        {
            AddRecord(Encoding.ASCII.GetBytes(key), Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture)));
        }
    }

    private void AddTime(string key, UnixTime? time)
    {
        if (time is { } value)
        {
            AddRecord(Encoding.ASCII.GetBytes(key), Encoding.ASCII.GetBytes(Decimal(value)));
        }
    }

    private static string Decimal(UnixTime time)
    {
        // A fraction counts away from zero: -1 s + 750,000,000 ns is "-0.25".
        var isNegative = time.Seconds < 0;
        var (seconds, nanoseconds) = isNegative && time.Nanoseconds > 0 ? (time.Seconds + 1, 1_000_000_000 - time.Nanoseconds) : (time.Seconds, time.Nanoseconds);
        var whole = isNegative && seconds == 0 ? "-0" : seconds.ToString(CultureInfo.InvariantCulture);
        return nanoseconds == 0 ? whole : $"{whole}.{nanoseconds.ToString("D9", CultureInfo.InvariantCulture).TrimEnd('0')}";
    }

    private void AddAttributes(IReadOnlyDictionary<string, ReadOnlyMemory<byte>> attributes)
    {
        foreach (var name in attributes.Keys.Order(StringComparer.Ordinal))
        {
            var escaped = name.Replace("%", "%25", StringComparison.Ordinal).Replace("=", "%3D", StringComparison.Ordinal);
            AddRecord(LinuxPath.Encode(PaxRecords.AttributePrefix + escaped), attributes[name].Span);
        }
    }

    // A record begins with its own length, the digits of that length included.
    private void AddRecord(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var body = key.Length + value.Length + 3;
        var length = body + Digits(body);
        length = body + Digits(length);
        var record = _records.GetSpan(length);
        length.TryFormat(record, out var written, default, CultureInfo.InvariantCulture);
        record[written++] = (byte)' ';
        key.CopyTo(record[written..]);
        written += key.Length;
        record[written++] = (byte)'=';
        value.CopyTo(record[written..]);
        record[written + value.Length] = (byte)'\n';
        _records.Advance(length);
    }

    private static int Digits(int number) => number.ToString(CultureInfo.InvariantCulture).Length;

    private void WritePaxHeader(ReadOnlySpan<byte> path)
    {
        if (_records.WrittenCount == 0)
        {
            return;
        }

        Array.Clear(_block);
        var directory = "PaxHeaders.0/"u8;
        directory.CopyTo(_block);
        var name = path.TrimEnd((byte)'/');
        name = name[(name.LastIndexOf((byte)'/') + 1)..];
        name[..Math.Min(name.Length, NameBytes - directory.Length)].CopyTo(_block.AsSpan(directory.Length));
        Octal(100, 8, 0x1A4);
        Octal(108, 8, 0);
        Octal(116, 8, 0);
        Octal(124, 12, _records.WrittenCount);
        Octal(136, 12, 0);
        WriteBlock(TarType.Pax);
        output.Write(_records.WrittenSpan);
        output.Write(stackalloc byte[-_records.WrittenCount & (TarHeader.BlockSize - 1)]);
    }

    private void WriteBlock(byte type)
    {
        _block[156] = type;
        "ustar\0"u8.CopyTo(_block.AsSpan(257));
        "00"u8.CopyTo(_block.AsSpan(263));
        _block.AsSpan(148, 8).Fill((byte)' ');
        var sum = 0;
        foreach (var each in _block)
        {
            sum += each;
        }

        // Six digits, a NUL and a blank: the one field that everybody writes this way.
        Octal(148, 7, sum);
        output.Write(_block);
    }

    private void Octal(int offset, int length, long value)
    {
        var field = _block.AsSpan(offset, length);
        field[^1] = 0;
        for (var i = length - 2; i >= 0; i--)
        {
            field[i] = (byte)('0' + (value & 7));
            value >>= 3;
        }
    }
}

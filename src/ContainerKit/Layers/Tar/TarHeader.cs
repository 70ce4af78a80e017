using System.Buffers.Binary;

namespace ContainerKit.Layers.Tar;

/// <summary>Which of tar's dialects a header block speaks; they disagree about what comes after the link name.</summary>
internal enum TarDialect
{
    /// <summary>Before POSIX: no prefix, no devices worth reading.</summary>
    V7,

    /// <summary>POSIX ustar, and pax on top of it.</summary>
    Ustar,

    /// <summary>Schily's star: ustar with a shorter prefix and times behind it.</summary>
    Star,

    /// <summary>GNU tar before it learned pax: no prefix, sparse maps in its place.</summary>
    Gnu,
}

/// <summary>Reads the fields of one 512-byte header block. POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".</summary>
internal readonly ref struct TarHeader(ReadOnlySpan<byte> block)
{
    public const int BlockSize = 512;

    private readonly ReadOnlySpan<byte> _block = block;

    public TarDialect Dialect
    {
        get
        {
            if (_block.Slice(257, 8).SequenceEqual("ustar  \0"u8))
            {
                return TarDialect.Gnu;
            }

            // Some writers leave the version blank; every reader accepts it.
            if (!_block.Slice(257, 5).SequenceEqual("ustar"u8))
            {
                return TarDialect.V7;
            }

            return _block.Slice(508, 4).SequenceEqual("tar\0"u8) ? TarDialect.Star : TarDialect.Ustar;
        }
    }

    public byte TypeFlag => _block[156];

    public ReadOnlySpan<byte> Name => Text(0, 100);

    public ReadOnlySpan<byte> LinkName => Text(157, 100);

    public ReadOnlySpan<byte> Prefix => Dialect switch
    {
        TarDialect.Ustar => Text(345, 155),
        TarDialect.Star => Text(345, 131),
        _ => [],
    };

    public long Mode => Number(100, 8, "mode");

    public long UserId => Number(108, 8, "owner");

    public long GroupId => Number(116, 8, "group");

    public long Size => Number(124, 12, "size");

    public long ModifiedSeconds => Number(136, 12, "time");

    public long DeviceMajor => Dialect == TarDialect.V7 ? 0 : Number(329, 8, "device number");

    public long DeviceMinor => Dialect == TarDialect.V7 ? 0 : Number(337, 8, "device number");

    /// <summary>The old GNU sparse header's length of the file with its holes.</summary>
    public long GnuRealSize => Number(483, 12, "sparse size");

    /// <summary>The old GNU sparse header's four extents; an extension block has 21 at its beginning.</summary>
    public ReadOnlySpan<byte> GnuSparseEntries => _block.Slice(386, 96);

    public bool GnuSparseContinues => _block[482] != 0;

    public bool IsZero => !_block.ContainsAnyExcept((byte)0);

    /// <summary>Whether the checksum is right, the bytes taken as unsigned (as POSIX says) or signed (as some old writers did).</summary>
    public bool HasValidChecksum
    {
        get
        {
            long unsigned = 8 * ' ', signed = 8 * ' ';
            for (var i = 0; i < BlockSize; i++)
            {
                if (i is < 148 or >= 156)
                {
                    unsigned += _block[i];
                    signed += (sbyte)_block[i];
                }
            }

            return TryNumber(_block.Slice(148, 8), out var stored) && (stored == unsigned || stored == signed);
        }
    }

    /// <summary>Reads a number in octal digits or in GNU's base 256.</summary>
    public static bool TryNumber(ReadOnlySpan<byte> field, out long value)
    {
        value = 0;
        if ((field[0] & 0x80) != 0)
        {
            return TryBase256(field, out value);
        }

        field = field.Trim(" \0"u8);
        foreach (var digit in field)
        {
            // A terminator in the middle ends the number; what follows is padding of a careless writer.
            if (digit is (byte)' ' or 0)
            {
                return true;
            }

            if (digit is < (byte)'0' or > (byte)'7' || value >> 60 != 0)
            {
                return false;
            }

            value = (value << 3) | (uint)(digit - '0');
        }

        return true;
    }

    /// <summary>Bytes up to the first NUL, or all of them.</summary>
    public static ReadOnlySpan<byte> UntilNul(ReadOnlySpan<byte> field) => field.IndexOf((byte)0) is var end and >= 0 ? field[..end] : field;

    // A big-endian two's complement number of which the top bit only marks the encoding: 0x80… is positive, 0xff… negative.
    private static bool TryBase256(ReadOnlySpan<byte> field, out long value)
    {
        var isNegative = (field[0] & 0x40) != 0;
        var filler = isNegative ? (byte)0xFF : (byte)0;
        Span<byte> digits = stackalloc byte[field.Length];
        field.CopyTo(digits);
        digits[0] = isNegative ? (byte)(digits[0] | 0x80) : (byte)(digits[0] & 0x7F);
        if (digits.Length < 8)
        {
            throw new ArgumentException("A number field has 8 or 12 bytes.", nameof(field));
        }

        value = BinaryPrimitives.ReadInt64BigEndian(digits[^8..]);
        return !digits[..^8].ContainsAnyExcept(filler) && (value < 0) == isNegative;
    }

    private ReadOnlySpan<byte> Text(int offset, int length) => UntilNul(_block.Slice(offset, length));

    private long Number(int offset, int length, string what) => TryNumber(_block.Slice(offset, length), out var value)
        ? value
        : throw new ImageException($"The archive's entry '{Linux.LinuxPath.Decode(Name)}' has a {what} that is not a number.");
}

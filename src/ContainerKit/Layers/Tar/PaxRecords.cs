using ContainerKit.Linux;

namespace ContainerKit.Layers.Tar;

/// <summary>
/// The records of pax extended headers, as bytes: values of extended attributes are not text, and names need not be UTF-8.
/// POSIX.1-2017, pax, "pax Extended Header".
/// </summary>
internal sealed class PaxRecords
{
    public const string AttributePrefix = "SCHILY.xattr.";

    // XATTR_NAME_MAX and XATTR_SIZE_MAX: file systems may take less, and none takes more.
    private const int MaxAttributeName = 255, MaxAttributeValue = 64 << 10;

    // Where an archive has a list as the attribute as well, that counts: it needs no interpretation.
    private static readonly (string Key, string Name)[] AccessLists = [("SCHILY.acl.access", "system.posix_acl_access"), ("SCHILY.acl.default", "system.posix_acl_default")];

    private readonly Dictionary<string, ReadOnlyMemory<byte>> _records = new(StringComparer.Ordinal);

    /// <summary>The extents that pax sparse format 0.0 gives as repeated records, in their order: offset, length, offset, …</summary>
    public List<long>? SparseNumbers { get; private set; }

    public bool IsEmpty => _records.Count == 0 && SparseNumbers is null;

    public IEnumerable<KeyValuePair<string, ReadOnlyMemory<byte>>> All => _records;

    /// <summary>Adds the records of one header; those of the same key replace what is there.</summary>
    /// <exception cref="ImageException">It is malformed.</exception>
    public void Add(ReadOnlyMemory<byte> header)
    {
        while (!header.IsEmpty)
        {
            // Some writers pad with NULs within the declared size; nothing can follow those.
            if (header.Span[0] == 0 && !header.Span.ContainsAnyExcept((byte)0))
            {
                return;
            }

            var record = TakeRecord(ref header);
            var equals = record.Span.IndexOf((byte)'=');
            if (equals <= 0)
            {
                throw Malformed("a record without a key");
            }

            Set(LinuxPath.Decode(record.Span[..equals]), record[(equals + 1)..]);
        }
    }

    /// <summary>Adds what <paramref name="newer"/> has; an empty value takes a record away.</summary>
    public void Merge(PaxRecords newer)
    {
        foreach (var (key, value) in newer._records)
        {
            _records[key] = value;
        }

        SparseNumbers = newer.SparseNumbers ?? SparseNumbers;
    }

    /// <summary>A value, or null when there is none: an empty value means that there is none.</summary>
    public ReadOnlyMemory<byte>? Find(string key) =>
        // Not "null" alone: that would be an empty memory, made of a null array.
        _records.TryGetValue(key, out var value) && !value.IsEmpty ? value : default(ReadOnlyMemory<byte>?);

    /// <summary>A value that is a name: it cannot hold a NUL.</summary>
    public ReadOnlyMemory<byte>? FindName(string key) => Find(key) switch
    {
        { } value when value.Span.Contains((byte)0) => throw Malformed($"a {key} with a NUL in it"),
        var value => value,
    };

    public long? FindNumber(string key)
    {
        if (Find(key) is not { } value)
        {
            return null;
        }

        return TryDecimal(value.Span, out var number) ? number : throw Malformed($"a {key} that is not a number");
    }

    public UnixTime? FindTime(string key)
    {
        if (Find(key) is not { } value)
        {
            return null;
        }

        return TryTime(value.Span, out var time) ? time : throw Malformed($"a {key} that is not a time");
    }

    /// <summary>Reads a decimal number, which may be negative, and nothing else.</summary>
    public static bool TryDecimal(ReadOnlySpan<byte> text, out long value)
    {
        value = 0;
        return text.Length is > 0 and <= 20
            && text.TrimStart((byte)'-').IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0
            && System.Buffers.Text.Utf8Parser.TryParse(text, out value, out var consumed)
            && consumed == text.Length;
    }

    /// <summary>Reads seconds with a decimal fraction; what is finer than a nanosecond is cut off.</summary>
    public static bool TryTime(ReadOnlySpan<byte> text, out UnixTime time)
    {
        time = default;
        var point = text.IndexOf((byte)'.');
        var whole = point < 0 ? text : text[..point];
        var fraction = point < 0 ? [] : text[(point + 1)..];
        if (!TryDecimal(whole, out var seconds) || fraction.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0)
        {
            return false;
        }

        var nanoseconds = 0;
        for (var i = 0; i < 9; i++)
        {
            nanoseconds = (nanoseconds * 10) + (i < fraction.Length ? fraction[i] - '0' : 0);
        }

        // -0.25 is a quarter of a second before zero: the fraction counts away from it.
        var isNegative = whole[0] == '-';
        if (isNegative && nanoseconds > 0 && seconds == long.MinValue)
        {
            return false;
        }

        time = isNegative && nanoseconds > 0 ? new UnixTime(seconds - 1, 1_000_000_000 - nanoseconds) : new UnixTime(seconds, nanoseconds);
        return true;
    }

    /// <summary>Extended attributes by name. GNU tar spells <c>%</c> and <c>=</c> in names as <c>%25</c> and <c>%3D</c>.</summary>
    public IReadOnlyDictionary<string, ReadOnlyMemory<byte>> Attributes(int maxBytes)
    {
        var attributes = StoredAttributes(maxBytes);
        foreach (var (key, name) in AccessLists)
        {
            if (Find(key) is { } text && !(attributes?.ContainsKey(name) ?? false) && ListOf(text) is { } list)
            {
                (attributes ??= new(StringComparer.Ordinal))[name] = list;
            }
        }

        return attributes ?? FileMetadata.NoAttributes;
    }

    private static byte[]? ListOf(ReadOnlyMemory<byte> text)
    {
        try
        {
            return AccessList.FromText(text.Span);
        }
        catch (FormatException e)
        {
            throw Malformed($"an access control list that makes no sense: {e.Message}");
        }
    }

    private Dictionary<string, ReadOnlyMemory<byte>>? StoredAttributes(int maxBytes)
    {
        Dictionary<string, ReadOnlyMemory<byte>>? attributes = null;
        long total = 0;
        foreach (var (key, value) in _records)
        {
            if (!key.StartsWith(AttributePrefix, StringComparison.Ordinal) || key.Length == AttributePrefix.Length)
            {
                continue;
            }

            total += key.Length + value.Length;
            if (total > maxBytes)
            {
                throw new ImageException($"An entry of the archive has more than {maxBytes} bytes of extended attributes ({nameof(LayerLimits.MaxExtendedAttributeBytes)}).");
            }

            var name = key[AttributePrefix.Length..].Replace("%3D", "=", StringComparison.Ordinal).Replace("%25", "%", StringComparison.Ordinal);
            if (name.Contains('\0'))
            {
                throw Malformed("an extended attribute with a NUL in its name");
            }

            if (key.Length - AttributePrefix.Length > MaxAttributeName || value.Length > MaxAttributeValue)
            {
                throw Malformed($"an extended attribute of {key.Length - AttributePrefix.Length} and {value.Length} bytes; Linux takes {MaxAttributeName} for the name and {MaxAttributeValue} for the value");
            }

            (attributes ??= new(StringComparer.Ordinal))[name] = value;
        }

        return attributes;
    }

    private static ReadOnlyMemory<byte> TakeRecord(ref ReadOnlyMemory<byte> header)
    {
        var space = header.Span.IndexOf((byte)' ');
        if (space is <= 0 or > 10
            || !TryDecimal(header.Span[..space], out var length)
            || length <= space + 1
            || length > header.Length
            || header.Span[(int)length - 1] != '\n')
        {
            throw Malformed("a record whose length is wrong");
        }

        var record = header[(space + 1)..((int)length - 1)];
        header = header[(int)length..];
        return record;
    }

    private static ImageException Malformed(string what) => new($"The archive has an extended header with {what}.");

    private void Set(string key, ReadOnlyMemory<byte> value)
    {
        if (key is "GNU.sparse.offset" or "GNU.sparse.numbytes")
        {
            SparseNumbers ??= [];
            var isTurn = (SparseNumbers.Count % 2 == 0) == (key == "GNU.sparse.offset");
            if (!isTurn || !TryDecimal(value.Span, out var number))
            {
                throw Malformed("a sparse map that makes no sense");
            }

            SparseNumbers.Add(number);
            return;
        }

        _records[key] = value;
    }
}

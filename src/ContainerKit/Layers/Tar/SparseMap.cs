namespace ContainerKit.Layers.Tar;

/// <summary>Where a sparse file has data: read from the four forms that GNU tar has had. GNU tar manual, "Storing Sparse Files".</summary>
internal static class SparseMap
{
    private const int EntryBytes = 24;

    /// <summary>The old form: pairs of number fields, in the header and in extension blocks.</summary>
    public static void AddOldGnu(ReadOnlySpan<byte> entries, List<long> numbers)
    {
        // A pair that begins with a NUL ends the list.
        for (; entries.Length >= EntryBytes && entries[0] != 0; entries = entries[EntryBytes..])
        {
            if (!TarHeader.TryNumber(entries[..12], out var offset) || !TarHeader.TryNumber(entries[12..EntryBytes], out var length))
            {
                throw Senseless();
            }

            numbers.Add(offset);
            numbers.Add(length);
        }
    }

    /// <summary>Form 0.1: all numbers in one record, with commas between them.</summary>
    public static List<long> ParseCommas(ReadOnlySpan<byte> text)
    {
        var numbers = new List<long>();
        foreach (var part in text.Split((byte)','))
        {
            numbers.Add(PaxRecords.TryDecimal(text[part], out var number) ? number : throw Senseless());
        }

        return numbers;
    }

    /// <summary>Form 1.0: a count and that many pairs, one number a line, at the beginning of the content, padded to a block.</summary>
    /// <returns>The numbers, and how many bytes of content the map took.</returns>
    public static (List<long> Numbers, long Bytes) ReadFromContent(Stream content, int maxBytes)
    {
        Span<byte> block = stackalloc byte[TarHeader.BlockSize];
        Span<byte> line = stackalloc byte[20];
        var numbers = new List<long>();
        long bytes = 0, count = -1;
        var length = 0;
        while (count < 0 || numbers.Count < count * 2)
        {
            if ((bytes += block.Length) > maxBytes)
            {
                throw new ImageException($"The archive has a sparse map of more than {maxBytes} bytes ({nameof(LayerLimits.MaxHeaderBytes)}).");
            }

            content.ReadExactly(block);
            foreach (var each in block)
            {
                if (each != '\n')
                {
                    line[length++] = length < line.Length ? each : throw Senseless();
                    continue;
                }

                if (!PaxRecords.TryDecimal(line[..length], out var number) || number < 0)
                {
                    throw Senseless();
                }

                length = 0;
                if (count < 0)
                {
                    count = number <= maxBytes ? number : throw Senseless();
                }
                else
                {
                    numbers.Add(number);
                }

                if (numbers.Count == count * 2)
                {
                    break;
                }
            }
        }

        return (numbers, bytes);
    }

    /// <summary>Makes extents of the numbers, and refuses those that overlap, go back, pass the end, or do not account for the stored bytes.</summary>
    public static IReadOnlyList<DataExtent> Check(List<long> numbers, long realSize, long storedSize)
    {
        if (numbers.Count % 2 != 0 || realSize < 0)
        {
            throw Senseless();
        }

        var extents = new List<DataExtent>(numbers.Count / 2);
        long end = 0, stored = 0;
        for (var i = 0; i < numbers.Count; i += 2)
        {
            var (offset, length) = (numbers[i], numbers[i + 1]);
            if (offset < end || length < 0 || offset > realSize - length)
            {
                throw Senseless();
            }

            end = offset + length;
            stored += length;
            if (length > 0)
            {
                extents.Add(new DataExtent(offset, length));
            }
        }

        return stored == storedSize ? extents : throw Senseless();
    }

    private static ImageException Senseless() => new("The archive has a sparse file whose map of holes makes no sense.");
}

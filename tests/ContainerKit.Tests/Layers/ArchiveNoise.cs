namespace ContainerKit.Tests.Layers;

/// <summary>Random damage and random input, the same for the same seed.</summary>
internal static class ArchiveNoise
{
    private static readonly string[] Characters = ["a", "b", "Z", "0", ".", "-", "_", " ", "\n", "%", "=", "é", "漢", "\U0001F600", "\uDC80", "\uDCFF", "\\", "~"];

    /// <summary>A damaged copy: bytes changed, cut out, doubled, or cut off.</summary>
    public static byte[] Mutate(byte[] original, Random random)
    {
        List<byte> bytes = [.. original];
        for (var damages = random.Next(1, 6); damages > 0 && bytes.Count > 0; damages--)
        {
            var at = random.Next(bytes.Count);
            var length = Math.Min(random.Next(1, 600), bytes.Count - at);
            switch (random.Next(8))
            {
                case 0:
                    bytes.RemoveRange(at, length);
                    break;
                case 1:
                    bytes.InsertRange(at, bytes.GetRange(at, length));
                    break;
                case 2:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 3:
                    bytes[at] = (byte)"0123456789-= \n\0\xFF"[random.Next(16)];
                    break;
                default:
                    bytes[at] = (byte)random.Next(256);
                    break;
            }
        }

        return [.. bytes];
    }

    /// <summary>A file name that Linux takes and that is no whiteout's.</summary>
    public static string FileName(Random random) =>
        "n" + string.Concat(Enumerable.Range(0, random.Next(1, 50)).Select(_ => Characters[random.Next(Characters.Length)]));

    /// <summary>An absolute path of such names.</summary>
    public static string Path(Random random) => string.Concat(Enumerable.Range(0, random.Next(1, 8)).Select(_ => "/" + FileName(random)));

    /// <summary>An entry of a layer, of any kind, with anything that one can have.</summary>
    public static LayerEntry Entry(Random random)
    {
        var kind = (FileKind)random.Next((int)FileKind.Socket);
        var isDevice = kind is FileKind.CharacterDevice or FileKind.BlockDevice;
        return new LayerEntry
        {
            Path = Path(random),
            AccessTime = random.Next(3) == 0 ? Time(random) : null,
            Metadata = new FileMetadata
            {
                Kind = kind,
                Mode = random.Next(0x1000),
                UserId = (uint)random.NextInt64(uint.MaxValue),
                GroupId = (uint)random.Next(70_000),
                Size = kind == FileKind.File ? random.Next(1500) : 0,
                ModifiedTime = Time(random),
                LinkTarget = kind == FileKind.Symlink ? Path(random)[random.Next(2)..] : null,
                DeviceMajor = isDevice ? (uint)random.Next(4096) : 0,
                DeviceMinor = isDevice ? (uint)random.Next(1 << 20) : 0,
                ExtendedAttributes = Enumerable.Range(0, random.Next(3)).ToDictionary(i => $"user.{i}{FileName(random)}", _ => Bytes(random)),
            },
        };
    }

    private static UnixTime Time(Random random) => new(random.NextInt64(-10_000_000_000, 10_000_000_000), random.Next(2) * random.Next(1_000_000_000));

    private static ReadOnlyMemory<byte> Bytes(Random random)
    {
        var bytes = new byte[random.Next(1, 100)];
        random.NextBytes(bytes);
        return bytes;
    }
}

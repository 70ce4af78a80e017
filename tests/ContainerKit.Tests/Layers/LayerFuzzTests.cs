using ContainerKit.Layers;
using ContainerKit.Layers.Trees;
using ContainerKit.Tests.Support;

namespace ContainerKit.Tests.Layers;

/// <summary>Whatever is done to an archive, reading it succeeds or is refused in a sentence; and it comes to an end.</summary>
public sealed class LayerFuzzTests
{
    // Small, so that noise reaches the limits too.
    private static readonly LayerLimits Limits = new() { MaxFileBytes = 1 << 20, MaxTotalBytes = 1 << 22, MaxHeaderBytes = 1 << 16, MaxExtendedAttributeBytes = 1 << 12 };

    [Test]
    public void Mutated_archives_are_read_or_refused([Range(1, 8)] int seed)
    {
        var random = new Random(Fuzzing.Seed(seed));
        var original = Everything();
        for (var round = 0; round < Fuzzing.Rounds(2000); round++)
        {
            var tar = Spoil(original, random);
            Fuzzing.Try<ImageException>(tar, () => Reading.Items(tar, Limits));
        }
    }

    [Test]
    public void Mutated_archives_make_a_tree_or_are_refused([Range(1, 4)] int seed)
    {
        var random = new Random(Fuzzing.Seed(seed));
        var original = Everything();
        for (var round = 0; round < Fuzzing.Rounds(1000); round++)
        {
            var tar = ArchiveNoise.Mutate(original, random);
            Repair(tar, repair: true);
            Fuzzing.Try<ImageException>(tar, () => MakeTree(tar));
        }
    }

    /// <summary>A damaged copy, half of the time with checksums that are right.</summary>
    internal static byte[] Spoil(byte[] original, Random random)
    {
        var tar = ArchiveNoise.Mutate(original, random);
        Repair(tar, random.Next(2) == 0);
        return tar;
    }

    /// <summary>Reads an archive with all that is in it, and makes a tree of it.</summary>
    internal static void ReadAll(byte[] tar)
    {
        Reading.Items(tar, Limits);
        MakeTree(tar);
    }

    private static void MakeTree(byte[] tar)
    {
        using var reader = new LayerReader(new MemoryStream(tar), Limits);
        var tree = new LayerTree(Limits);
        tree.BeginLayer();
        while (reader.MoveNext())
        {
            tree.Apply(reader.Current, null);
        }
    }

    [Test]
    public void Mutated_compressed_archives_are_read_or_refused([Values] CompressionKindCase kind, [Range(1, 3)] int seed)
    {
        var random = new Random(Fuzzing.Seed(seed));
        var original = Samples.Compressed((CompressionKind)kind);
        for (var round = 0; round < Fuzzing.Rounds(300); round++)
        {
            var compressed = ArchiveNoise.Mutate(original, random);
            Fuzzing.Try<ImageException>(compressed, () => Samples.Decompress(new MemoryStream(compressed), Limits));
        }
    }

    [Test]
    public void What_is_written_is_read_back_whatever_it_is([Range(1, 4)] int seed)
    {
        var random = new Random(Fuzzing.Seed(seed));
        var entries = Enumerable.Range(0, 300).Select(_ => ArchiveNoise.Entry(random)).ToArray();

        var read = Reading.Entries(Reading.Write([.. entries.Select(entry => (entry, new string('x', (int)entry.Metadata.Size)))]));

        Assert.That(read.Select(Describe), Is.EqualTo(entries.Select(Describe)));
    }

    private static string Describe(LayerEntry entry) =>
        $"{entry with { Metadata = entry.Metadata with { ExtendedAttributes = FileMetadata.NoAttributes } }} "
        + string.Join(",", entry.Metadata.ExtendedAttributes.OrderBy(each => each.Key, StringComparer.Ordinal).Select(each => $"{each.Key}={Convert.ToHexString(each.Value.Span)}"));

    /// <summary>An archive with everything in it that a reader knows.</summary>
    internal static byte[] Everything() => new RawTar()
        .Add("./", '5')
        .GlobalPax(("comment", "0123456789"))
        .Pax(("path", "dir/long"), ("mtime", "1.5"), ("SCHILY.xattr.user.a", "value"), ("uid", "4000000000"))
        .Add("short", content: "content")
        .GnuLong('L', new string('n', 120)).GnuLong('K', new string('l', 120))
        .Add("cut", '2', link: "cut", patch: RawTar.Gnu)
        .Add("link", '1', link: "dir/long").Add(".wh.gone").Add("dir/.wh..wh..opq").Add("null", '3').Add("pipe", '6')
        .Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "sparse"), ("GNU.sparse.realsize", "21"))
        .Add("GNUSparseFile.0/sparse", content: "2\n3\n4\n16\n3\n".PadRight(512, '\0') + "dataend")
        .Pax(("GNU.sparse.size", "21"), ("GNU.sparse.map", "3,4,16,3")).Add("sparse", content: "dataend")
        .Add("sparse"u8.ToArray(), 'S', "dataend"u8.ToArray(), [], header =>
        {
            RawTar.Gnu(header);
            RawTar.Put(header, 386, "00000000003\0" + "00000000004\0" + "00000000020\0" + "00000000003\0");
            RawTar.Put(header, 483, "00000000025\0");
        })
        .End().ToArray();

    // With wrong checksums nothing but the checksum would ever be tested.
    private static void Repair(byte[] tar, bool repair)
    {
        for (var at = 0; repair && at + 512 <= tar.Length; at += 512)
        {
            if (tar.AsSpan(at + 257, 5).SequenceEqual("ustar"u8))
            {
                tar.AsSpan(at + 148, 8).Fill((byte)' ');
                RawTar.Put(tar, at + 148, Convert.ToString(tar.AsSpan(at, 512).ToArray().Sum(each => each), 8).PadLeft(6, '0') + "\0 ");
            }
        }
    }
}

/// <summary>The kinds of <see cref="CompressionKind"/>, in public, as test cases have to be.</summary>
public enum CompressionKindCase
{
    Gzip = CompressionKind.Gzip,
    Zstd = CompressionKind.Zstd,
    Xz = CompressionKind.Xz,
    Bzip2 = CompressionKind.Bzip2,
}

namespace ContainerKit.Tests.Layers;

/// <summary>What an archive must not do, and what it is told then.</summary>
public sealed class LayerReaderRefusalTests
{
    [Test]
    public void Hard_links_to_nothing() => Refused(new RawTar().Add("passwd", '1'), "leads nowhere");

    [Test]
    public void Symlinks_to_nothing() => Refused(new RawTar().Add("passwd", '2'), "leads nowhere");

    [Test]
    public void Names_of_256_bytes() => Refused(new RawTar().Pax(("path", "dir/" + new string('n', 256))).Add("x"), "has a name of 256 bytes; Linux takes 255");

    [Test]
    public void Whiteouts_of_names_of_255_bytes_are_fine() =>
        Assert.That(Reading.Only(new RawTar().Pax(("path", "dir/.wh." + new string('n', 255))).Add("x").ToArray()).Path, Is.EqualTo("/dir/" + new string('n', 255)));

    [Test]
    public void Whiteouts_of_names_of_256_bytes() => Refused(new RawTar().Pax(("path", ".wh." + new string('n', 256))).Add("x"), "has a name of 260 bytes; Linux takes 259");

    [Test]
    public void Names_of_255_bytes_are_fine() =>
        Assert.That(Reading.Only(new RawTar().Pax(("path", new string('n', 255))).Add("x").ToArray()).Path, Has.Length.EqualTo(256));

    [Test]
    public void Paths_of_5000_bytes() => Refused(new RawTar().Pax(("path", string.Join('/', Enumerable.Repeat("0123456789", 455)))).Add("x"), "MaxPathBytes");

    [Test]
    public void Names_with_a_NUL() => Refused(new RawTar().Pax(("path", "a\0b")).Add("x"), "NUL");

    [Test]
    public void Entries_without_a_name() => Refused(new RawTar().Add(""), "without a name");

    [TestCase("./")]
    [TestCase("..")]
    [TestCase("a/..")]
    public void A_root_that_is_a_file(string name) => Refused(new RawTar().Add(name, content: "x"), "not a directory");

    [TestCase("a/.wh.")]
    [TestCase("a/.wh..")]
    [TestCase("a/.wh...")]
    public void Whiteouts_of_nothing(string name) => Refused(new RawTar().Add(name), "whiteout of nothing");

    [Test]
    public void Paths_below_a_whiteout() => Refused(new RawTar().Add("a/.wh.b/c"), "below a whiteout");

    [TestCase('M')]
    [TestCase('?')]
    public void Types_that_have_no_place_in_a_layer(char type) => Refused(new RawTar().Add("a", type), "no place in a layer");

    [Test]
    public void Something_that_is_no_archive() => Refused([.. Enumerable.Range(0, 2000).Select(i => (byte)i)], "not a tar archive");

    [Test]
    public void A_wrong_checksum()
    {
        var tar = new RawTar().Add("a").Add("b").End().ToArray();
        tar[512] = (byte)'c';

        Refused(tar, "wrong checksum");
    }

    [TestCase(100)]
    [TestCase(512 + 100)]
    [TestCase(512 + 1024 + 100)]
    public void Truncation(int length) => Refused(new RawTar().Add("a", content: new string('x', 1000)).Add("b").ToArray()[..length], "truncated");

    [Test]
    public void Truncation_behind_an_extended_header() => Refused(new RawTar().Pax(("path", "a")).ToArray(), "truncated");

    [Test]
    public void Entries_behind_a_lone_block_of_zeros() => Refused(new RawTar().Add("a").Bytes(new byte[512]).Add("b").ToArray(), "goes on after a block of zeros");

    [Test]
    public void Negative_sizes() => Refused(new RawTar().Pax(("size", "-1")).Add("a"), "negative size");

    [Test]
    public void Numbers_that_are_none() => Refused(new RawTar().Add("a", patch: header => RawTar.Put(header, 108, "zzz")), "owner that is not a number");

    [Test]
    public void Sizes_beyond_64_bits() =>
        Refused(new RawTar().Add("a", patch: header => RawTar.Put(header, 124, "\x80\x01\0\0\0\0\0\0\0\0\0\0")), "size that is not a number");

    [TestCase("uid", "4294967295")]
    [TestCase("gid", "-1")]
    public void Owners_that_Linux_does_not_have(string key, string id) => Refused(new RawTar().Pax((key, id)).Add("a"), "which Linux does not have");

    [TestCase("mtime", "yesterday")]
    [TestCase("mtime", "--1")]
    [TestCase("mtime", "1.2.3")]
    [TestCase("size", "1e3")]
    [TestCase("uid", "0x10")]
    public void Pax_values_that_are_no_numbers(string key, string value) => Refused(new RawTar().Pax((key, value)).Add("a"), key);

    [TestCase("5 a=b\n")]
    [TestCase("99 a=b\n")]
    [TestCase("-6 a=b\n")]
    [TestCase("6 a=bc")]
    [TestCase("a=b\n")]
    [TestCase("5 =b\n")]
    [TestCase("99999999999999999999 a=b\n")]
    public void Pax_records_that_are_malformed(string records) => Refused(new RawTar().Add("x", 'x', records).Add("a"), "extended header");

    [TestCase("3,4,16")]
    [TestCase("3,4,5,3")]
    [TestCase("16,3,3,4")]
    [TestCase("3,4,20,3")]
    [TestCase("3,4,16,2")]
    [TestCase("3,-4,16,11")]
    [TestCase("9223372036854775807,7")]
    [TestCase("a,b")]
    public void Sparse_maps_that_make_no_sense(string map) =>
        Refused(new RawTar().Pax(("GNU.sparse.size", "21"), ("GNU.sparse.map", map)).Add("sparse", content: "dataend"), "map of holes");

    [TestCase("2\n3\n4\n")]
    [TestCase("x\n")]
    [TestCase("99999999999999999999999\n")]
    [TestCase("-1\n")]
    public void Sparse_maps_in_content_that_make_no_sense(string map) => Refused(
        new RawTar()
            .Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "21"))
            .Add("sparse", content: map.PadRight(512, '\0') + "dataend"),
        "");

    [Test]
    public void More_entries_than_allowed() => Refused(new RawTar().Add("a").Add("b").Add("c").ToArray(), "MaxEntries", new LayerLimits { MaxEntries = 2 });

    [Test]
    public void More_extended_headers_than_entries_are_allowed() =>
        Refused(new RawTar().GlobalPax().GlobalPax().GlobalPax().Add("a").ToArray(), "MaxEntries", new LayerLimits { MaxEntries = 3 });

    [Test]
    public void Deeper_paths_than_allowed() => Refused(new RawTar().Add("a/b/c").ToArray(), "MaxPathDepth", new LayerLimits { MaxPathDepth = 2 });

    [Test]
    public void Larger_files_than_allowed() => Refused(new RawTar().Add("a", content: "12345").ToArray(), "MaxFileBytes", new LayerLimits { MaxFileBytes = 4 });

    [Test]
    public void Larger_holes_than_allowed() => Refused(
        new RawTar().Pax(("GNU.sparse.size", "1000"), ("GNU.sparse.map", "3,4")).Add("sparse", content: "data").ToArray(),
        "MaxFileBytes",
        new LayerLimits { MaxFileBytes = 999 });

    [Test]
    public void Larger_archives_than_allowed() => Refused(
        new RawTar().Add("a", content: new string('x', 600)).Add("b", content: new string('x', 600)).ToArray(),
        "MaxTotalBytes",
        new LayerLimits { MaxTotalBytes = 2000 });

    [Test]
    public void A_size_that_claims_more_than_is_allowed_before_any_of_it_is_read() =>
        Refused(new RawTar().Add("a", patch: header => RawTar.Put(header, 124, "77777777777\0")).ToArray(), "MaxTotalBytes", new LayerLimits { MaxTotalBytes = 1 << 30 });

    [Test]
    public void More_attributes_than_allowed() => Refused(
        new RawTar().Pax(("SCHILY.xattr.user.a", new string('x', 500))).Add("a").ToArray(),
        "MaxExtendedAttributeBytes",
        new LayerLimits { MaxExtendedAttributeBytes = 400 });

    [TestCase(256, 1)]
    [TestCase(1, 65537)]
    public void Attributes_that_Linux_does_not_take(int name, int value) =>
        Refused(new RawTar().Pax(("SCHILY.xattr." + new string('n', name), new string('v', value))).Add("a"), "Linux takes 255");

    [TestCase("0010000\0", "0000000\0")]
    [TestCase("0000000\0", "4000000\0")]
    public void Device_numbers_that_Linux_does_not_have(string major, string minor) => Refused(
        new RawTar().Add("a", '3', patch: header =>
        {
            RawTar.Put(header, 329, major);
            RawTar.Put(header, 337, minor);
        }),
        "which Linux does not have");

    [Test]
    public void Larger_headers_than_allowed() => Refused(
        new RawTar().Pax(("comment", new string('x', 5000))).Add("a").ToArray(),
        "MaxHeaderBytes",
        new LayerLimits { MaxHeaderBytes = 4096 });

    [Test]
    public void Many_headers_that_are_larger_than_allowed_together() => Refused(
        new RawTar().Pax(("a", new string('x', 3000))).Pax(("b", new string('x', 3000))).Add("a").ToArray(),
        "MaxHeaderBytes",
        new LayerLimits { MaxHeaderBytes = 4096 });

    [Test]
    public void Global_headers_that_cost_too_much_again_and_again() => Refused(new RawTar().GlobalPax(("comment", new string('x', 70_000))).Add("a").ToArray(), "extended headers");

    [Test]
    public void A_million_claimed_holes_cost_no_memory() => Refused(
        new RawTar()
            .Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "21"))
            .Add("sparse", content: "4000000\n".PadRight(4096, '0')),
        "");

    private static void Refused(RawTar tar, string because) => Refused(tar.End().ToArray(), because);

    private static void Refused(byte[] tar, string because, LayerLimits? limits = null) =>
        Assert.That(() => Reading.Items(tar, limits), Throws.TypeOf<ImageException>().With.Message.Contains(because));
}

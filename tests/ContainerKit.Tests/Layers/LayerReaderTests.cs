using System.Text;
using ContainerKit.Layers;
using ContainerKit.Linux;

namespace ContainerKit.Tests.Layers;

public sealed class LayerReaderTests
{
    [TestCase("./etc/motd", "/etc/motd")]
    [TestCase("/etc//motd", "/etc/motd")]
    [TestCase("etc/./motd/", "/etc/motd")]
    [TestCase("././//a", "/a")]
    public void Names_become_absolute_paths(string name, string path)
    {
        var tar = new RawTar().Add(name).End().ToArray();

        Assert.That(Reading.Only(tar).Path, Is.EqualTo(path));
    }

    [TestCase("./")]
    [TestCase("/")]
    [TestCase(".")]
    public void The_root_itself_may_be_an_entry(string name)
    {
        var tar = new RawTar().Add(name, '5').End().ToArray();

        Assert.That(Reading.Only(tar), Has.Property("Path").EqualTo("/"));
    }

    [Test]
    public void The_prefix_of_ustar_comes_before_the_name()
    {
        var tar = new RawTar().Add("motd", patch: header => RawTar.Put(header, 345, "usr/share")).End().ToArray();

        Assert.That(Reading.Only(tar).Path, Is.EqualTo("/usr/share/motd"));
    }

    [Test]
    public void The_prefix_of_GNU_is_none()
    {
        var tar = new RawTar().Add("motd", patch: header =>
        {
            RawTar.Gnu(header);
            RawTar.Put(header, 345, "12345670123");
        }).End().ToArray();

        Assert.That(Reading.Only(tar).Path, Is.EqualTo("/motd"));
    }

    [Test]
    public void A_slash_at_the_end_made_directories_before_POSIX()
    {
        var tar = new RawTar().Add("etc/", '\0', patch: header => header.AsSpan(257, 8).Clear()).End().ToArray();

        Assert.That(Reading.Only(tar).Metadata.Kind, Is.EqualTo(FileKind.Directory));
    }

    [TestCase("a/../b", "/b")]
    [TestCase("a/./x/.././b", "/a/b")]
    [TestCase("../../etc/passwd", "/etc/passwd")]
    [TestCase("a/../../etc/passwd", "/etc/passwd")]
    [TestCase("/../b", "/b")]
    [TestCase("a.wh./../.wh.b/../c", "/c")]
    public void Dots_take_back_a_name_and_never_lead_above_the_root(string name, string path)
    {
        Assert.That(Reading.Only(new RawTar().Add(name).End().ToArray()).Path, Is.EqualTo(path));
        Assert.That(Reading.Only(new RawTar().Add("link", '1', link: name).End().ToArray()).HardLinkTarget, Is.EqualTo(path));
    }

    [TestCase("a/..")]
    [TestCase("..")]
    [TestCase("/..")]
    public void Dots_may_mean_the_root_itself(string name) => Assert.That(Reading.Only(new RawTar().Add(name, '5').End().ToArray()).Path, Is.EqualTo("/"));

    [Test]
    public void Long_names_of_GNU_are_read()
    {
        var name = string.Join('/', Enumerable.Repeat("a-directory", 20));
        var link = string.Join('/', Enumerable.Repeat("elsewhere", 20));
        var tar = new RawTar().GnuLong('L', name).GnuLong('K', link).Add("cut", '2', link: "cut", patch: RawTar.Gnu).End().ToArray();

        Assert.That(Reading.Only(tar), Has.Property("Path").EqualTo("/" + name));
        Assert.That(Reading.Only(tar).Metadata.LinkTarget, Is.EqualTo(link));
    }

    [Test]
    public void Numbers_in_base_256_are_read()
    {
        var tar = new RawTar().Add("file", patch: header =>
        {
            RawTar.Put(header, 108, "\x80\0\0\0\x12\x34\x56\x78");
            RawTar.Put(header, 136, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe");
        }).End().ToArray();

        Assert.That(Reading.Only(tar).Metadata.UserId, Is.EqualTo(0x12345678));
        Assert.That(Reading.Only(tar).Metadata.ModifiedTime, Is.EqualTo(new UnixTime(-2, 0)));
    }

    [TestCase("1700000000.123456789", 1700000000, 123456789)]
    [TestCase("1700000000.5", 1700000000, 500000000)]
    [TestCase("1700000000.1234567899", 1700000000, 123456789)]
    [TestCase("-1.5", -2, 500000000)]
    [TestCase("-0.25", -1, 750000000)]
    [TestCase("-3", -3, 0)]
    [TestCase("7.", 7, 0)]
    public void Times_of_pax_are_read_to_the_nanosecond(string text, long seconds, int nanoseconds)
    {
        var tar = new RawTar().Pax(("mtime", text), ("atime", text)).Add("file").End().ToArray();

        Assert.That(Reading.Only(tar).Metadata.ModifiedTime, Is.EqualTo(new UnixTime(seconds, nanoseconds)));
        Assert.That(Reading.Only(tar).AccessTime, Is.EqualTo(new UnixTime(seconds, nanoseconds)));
    }

    [Test]
    public void Pax_records_replace_what_the_header_says()
    {
        var tar = new RawTar()
            .Pax(("path", "dir/long"), ("uid", "4000000000"), ("gid", "7"), ("SCHILY.xattr.user.note", "a=b\nc"), ("comment", "ignored"), ("LIBARCHIVE.xattr.user.note", "YQ"))
            .Add("short").End().ToArray();

        var entry = Reading.Only(tar);

        Assert.That((entry.Path, entry.Metadata.UserId, entry.Metadata.GroupId), Is.EqualTo(("/dir/long", 4000000000, 7u)));
        Assert.That(entry.Metadata.ExtendedAttributes.Keys, Is.EqualTo(new[] { "user.note" }));
        Assert.That(entry.Metadata.ExtendedAttributes["user.note"].ToArray(), Is.EqualTo("a=b\nc"u8.ToArray()));
    }

    [Test]
    public void Pax_records_count_for_one_entry_and_global_ones_for_all_that_follow()
    {
        var tar = new RawTar().GlobalPax(("uid", "5")).Pax(("uid", "6")).Add("a").Add("b").Pax(("uid", "")).Add("c").End().ToArray();

        Assert.That(Reading.Entries(tar).Select(entry => entry.Metadata.UserId), Is.EqualTo(new uint[] { 6, 5, 0 }));
    }

    [Test]
    public void The_size_of_pax_counts_and_not_the_header_s()
    {
        var tar = new RawTar().Pax(("size", "5")).Add("file"u8.ToArray(), '0', [], []).Bytes("hello"u8).Bytes(new byte[507]).Add("next").End().ToArray();

        Assert.That(Reading.Items(tar).Select(Reading.Text), Is.EqualTo(new[] { "hello", "" }));
    }

    [Test]
    public void Names_that_are_not_UTF8_keep_their_bytes()
    {
        var tar = new RawTar().Add([(byte)'a', 0xFF, (byte)'b'], '0', [], []).End().ToArray();

        Assert.That(Reading.Only(tar).Path, Is.EqualTo("/a\uDCFFb"));
        Assert.That(LinuxPath.Encode(Reading.Only(tar).Path), Is.EqualTo(new byte[] { (byte)'/', (byte)'a', 0xFF, (byte)'b' }));
    }

    [Test]
    public void Hard_links_name_their_target_absolutely()
    {
        var tar = new RawTar().Add("a").Add("b", '1', link: "./a").End().ToArray();

        Assert.That(Reading.Entries(tar)[1], Has.Property("Kind").EqualTo(LayerEntryKind.HardLink).And.Property("HardLinkTarget").EqualTo("/a"));
    }

    [Test]
    public void Symlinks_keep_their_target_as_it_is()
    {
        var tar = new RawTar().Add("link", '2', link: "../..//./outside/").End().ToArray();

        Assert.That(Reading.Only(tar).Metadata.LinkTarget, Is.EqualTo("../..//./outside/"));
    }

    [Test]
    public void Devices_have_numbers()
    {
        var tar = new RawTar().Add("null", '3', patch: header =>
        {
            RawTar.Put(header, 329, "0000001\0");
            RawTar.Put(header, 337, "0000003\0");
        }).End().ToArray();

        Assert.That(Reading.Only(tar).Metadata, Has.Property("Kind").EqualTo(FileKind.CharacterDevice).And.Property("DeviceMajor").EqualTo(1).And.Property("DeviceMinor").EqualTo(3));
    }

    [Test]
    public void Links_and_directories_have_no_content_whatever_their_size_says()
    {
        var tar = new RawTar().Add("dir", '5', patch: header => RawTar.Put(header, 124, "00000001000\0")).Add("file", content: "x").End().ToArray();

        Assert.That(Reading.Items(tar).Select(Reading.Text), Is.EqualTo(new[] { "", "x" }));
    }

    [Test]
    public void The_end_may_be_missing()
    {
        var tar = new RawTar().Add("file", content: "content").ToArray();

        Assert.That(Reading.Items(tar).Select(Reading.Text), Is.EqualTo(new[] { "content" }));
    }

    [Test]
    public void The_padding_of_the_last_entry_may_be_missing_with_it()
    {
        var tar = new RawTar().Add("file", content: "content").ToArray()[..(512 + 7)];

        Assert.That(Reading.Items(tar).Select(Reading.Text), Is.EqualTo(new[] { "content" }));
    }

    [Test]
    public void A_checksum_over_signed_bytes_is_accepted_too()
    {
        var tar = new RawTar().Add([0xC3, 0xA9], '0', [], []).End().ToArray();
        var sum = tar.AsSpan(0, 512).ToArray().Select((each, i) => i is >= 148 and < 156 ? 32 : (int)(sbyte)each).Sum();
        RawTar.Put(tar, 148, Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ");

        Assert.That(Reading.Only(tar).Path, Is.EqualTo("/é"));
    }

    [Test]
    public void Content_that_is_not_read_is_skipped()
    {
        var tar = new RawTar().Add("a", content: new string('x', 100_000)).Add("b").End().ToArray();
        using var reader = new LayerReader(new MemoryStream(tar));
        reader.MoveNext();
        reader.Content.ReadByte();

        reader.MoveNext();

        Assert.That(reader.Current.Path, Is.EqualTo("/b"));
    }

    [Test]
    public void What_follows_the_end_stays_unread()
    {
        using var stream = new MemoryStream([.. new RawTar().Add("a").End().ToArray(), .. "rest"u8]);
        using var reader = new LayerReader(stream);
        reader.MoveNext();

        Assert.That(reader.MoveNext(), Is.False);
        Assert.That(stream.Position, Is.EqualTo(stream.Length - 4));
    }

    [Test]
    public void Cancellation_stops_the_reading()
    {
        using var reader = new LayerReader(new MemoryStream(new RawTar().Add("a").End().ToArray()));

        Assert.That(() => reader.MoveNext(new CancellationToken(canceled: true)), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void Sparse_files_of_old_GNU_are_read_with_their_holes()
    {
        var tar = new RawTar().Add("sparse"u8.ToArray(), 'S', "dataend"u8.ToArray(), [], header =>
        {
            RawTar.Gnu(header);
            RawTar.Put(header, 386, "00000000003\0" + "00000000004\0" + "00000000020\0" + "00000000003\0");
            RawTar.Put(header, 483, "00000000025\0");
        }).End().ToArray();

        AssertSparse(tar, "\0\0\0data\0\0\0\0\0\0\0\0\0end\0\0");
    }

    [Test]
    public void Sparse_files_of_old_GNU_go_on_in_further_blocks()
    {
        var extension = new byte[512];
        RawTar.Put(extension, 0, "00000000020\0" + "00000000003\0");
        var header = new RawTar().Add("sparse"u8.ToArray(), 'S', [], [], header =>
        {
            RawTar.Gnu(header);
            RawTar.Put(header, 124, "00000000007\0");
            RawTar.Put(header, 386, "00000000003\0" + "00000000004\0");
            header[482] = 1;
            RawTar.Put(header, 483, "00000000025\0");
        });
        var tar = header.Bytes(extension).Bytes(Encoding.ASCII.GetBytes("dataend".PadRight(512, '\0'))).End().ToArray();

        AssertSparse(tar, "\0\0\0data\0\0\0\0\0\0\0\0\0end\0\0");
    }

    [Test]
    public void Sparse_files_of_pax_0_0_are_read_with_their_holes()
    {
        var tar = new RawTar()
            .Pax(("GNU.sparse.size", "21"), ("GNU.sparse.numblocks", "2"), ("GNU.sparse.offset", "3"), ("GNU.sparse.numbytes", "4"), ("GNU.sparse.offset", "16"), ("GNU.sparse.numbytes", "3"))
            .Add("sparse", content: "dataend").End().ToArray();

        AssertSparse(tar, "\0\0\0data\0\0\0\0\0\0\0\0\0end\0\0");
    }

    [Test]
    public void Sparse_files_of_pax_0_1_are_read_with_their_holes()
    {
        var tar = new RawTar()
            .Pax(("GNU.sparse.size", "21"), ("GNU.sparse.name", "sparse"), ("GNU.sparse.map", "3,4,16,3"))
            .Add("GNUSparseFile.0/sparse", content: "dataend").End().ToArray();

        AssertSparse(tar, "\0\0\0data\0\0\0\0\0\0\0\0\0end\0\0");
    }

    [Test]
    public void Sparse_files_of_pax_1_0_are_read_with_their_holes()
    {
        var tar = new RawTar()
            .Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "sparse"), ("GNU.sparse.realsize", "21"))
            .Add("GNUSparseFile.0/sparse", content: "2\n3\n4\n16\n3\n".PadRight(512, '\0') + "dataend").End().ToArray();

        AssertSparse(tar, "\0\0\0data\0\0\0\0\0\0\0\0\0end\0\0");
    }

    [Test]
    public void The_data_of_a_sparse_file_can_be_had_without_the_holes()
    {
        var tar = new RawTar().Pax(("GNU.sparse.size", "1000000000000"), ("GNU.sparse.map", "999999999000,4")).Add("sparse", content: "data").End().ToArray();
        using var reader = new LayerReader(new MemoryStream(tar));
        reader.MoveNext();

        Assert.That(new StreamReader(reader.PackedContent).ReadToEnd(), Is.EqualTo("data"));
        Assert.That(reader.Current.DataExtents, Is.EqualTo(new[] { new DataExtent(999999999000, 4) }));
    }

    private static void AssertSparse(byte[] tar, string content)
    {
        var item = Reading.Items(tar).Single();

        Assert.That(Reading.Text(item), Is.EqualTo(content));
        Assert.That(item.Entry, Has.Property("Path").EqualTo("/sparse"));
        Assert.That(item.Entry.Metadata.Size, Is.EqualTo(21));
        Assert.That(item.Entry.DataExtents, Is.EqualTo(new[] { new DataExtent(3, 4), new DataExtent(16, 3) }));
    }
}

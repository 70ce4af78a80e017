using System.Text;

namespace ContainerKit.Tests.Layers;

public sealed class LayerWriterTests
{
    private static readonly UnixTime Time = new(1_700_000_000, 123_456_789);

    [Test]
    public void A_plain_entry_is_a_single_ustar_block()
    {
        var tar = Reading.Write(Reading.File("/etc/motd"));

        Assert.That(tar, Has.Length.EqualTo(3 * 512));
        Assert.That(Encoding.ASCII.GetString(tar, 257, 5), Is.EqualTo("ustar"));
    }

    [Test]
    public void The_same_entries_give_the_same_bytes()
    {
        var entry = Reading.File("/a", 4) with { Metadata = Full(FileKind.File) with { Size = 4 } };

        var (first, second) = (Reading.Write((entry, "data")), Reading.Write((entry, "data")));

        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public void Attributes_are_written_in_the_order_of_their_names()
    {
        var forwards = Reading.Write(With(new() { ["user.a"] = new byte[] { 1 }, ["user.b"] = new byte[] { 2 } }));
        var backwards = Reading.Write(With(new() { ["user.b"] = new byte[] { 2 }, ["user.a"] = new byte[] { 1 } }));

        Assert.That(forwards, Is.EqualTo(backwards));
    }

    [TestCase(FileKind.File)]
    [TestCase(FileKind.Directory)]
    [TestCase(FileKind.Symlink)]
    [TestCase(FileKind.CharacterDevice)]
    [TestCase(FileKind.BlockDevice)]
    [TestCase(FileKind.Fifo)]
    public void Everything_about_an_object_is_read_back(FileKind kind)
    {
        var entry = new LayerEntry { Path = "/srv/object", Metadata = Full(kind), AccessTime = new UnixTime(-2, 5) };

        var read = Reading.Only(Reading.Write(entry));

        Assert.That(read with { Metadata = read.Metadata with { ExtendedAttributes = entry.Metadata.ExtendedAttributes } }, Is.EqualTo(entry));
        Assert.That(
            read.Metadata.ExtendedAttributes.ToDictionary(each => each.Key, each => Convert.ToHexString(each.Value.Span)),
            Is.EqualTo(entry.Metadata.ExtendedAttributes.ToDictionary(each => each.Key, each => Convert.ToHexString(each.Value.Span))));
    }

    [TestCase(0, 0)]
    [TestCase(-1, 0)]
    [TestCase(-1, 750000000)]
    [TestCase(-5, 1)]
    [TestCase(8589934591, 0)]
    [TestCase(8589934592, 0)]
    [TestCase(1, 999999999)]
    [TestCase(-9223372036854775807, 0)]
    public void Times_are_read_back(long seconds, int nanoseconds)
    {
        var entry = Reading.File("/a") with { Metadata = Reading.Metadata(FileKind.File) with { ModifiedTime = new UnixTime(seconds, nanoseconds) } };

        Assert.That(Reading.Only(Reading.Write(entry)).Metadata.ModifiedTime, Is.EqualTo(new UnixTime(seconds, nanoseconds)));
    }

    [TestCase(99)]
    [TestCase(100)]
    [TestCase(101)]
    [TestCase(155)]
    [TestCase(200)]
    [TestCase(255)]
    public void Names_of_any_length_are_read_back(int length)
    {
        var path = "/" + new string('n', length);

        Assert.That(Reading.Only(Reading.Write(Reading.File(path))).Path, Is.EqualTo(path));
    }

    [Test]
    public void Paths_of_every_length_are_read_back()
    {
        var paths = Enumerable.Range(1, 400).Select(length => "/" + new string([.. Enumerable.Range(0, length).Select(i => i % 50 == 49 && i < length - 1 ? '/' : 'p')])).ToArray();

        var read = Reading.Entries(Reading.Write([.. paths.Select(path => (Reading.Of(path, FileKind.Directory), ""))]));

        Assert.That(read.Select(entry => entry.Path), Is.EqualTo(paths));
    }

    [Test]
    public void A_path_that_fits_two_fields_needs_no_pax()
    {
        var path = "/" + new string('d', 150) + "/" + new string('n', 99);

        Assert.That(Reading.Write(Reading.File(path)), Has.Length.EqualTo(3 * 512));
    }

    [TestCase("/a\uDCFFb")]
    [TestCase("/grün/π/漢字/\U0001F600")]
    [TestCase("/with\nnewline and \t and \"")]
    public void Odd_names_are_read_back(string path)
    {
        Assert.That(Reading.Only(Reading.Write(Reading.File(path))).Path, Is.EqualTo(path));
    }

    [Test]
    public void Long_names_that_are_not_UTF8_are_read_back()
    {
        var path = "/" + new string('\uDCFE', 200);

        Assert.That(Reading.Only(Reading.Write(Reading.File(path))).Path, Is.EqualTo(path));
    }

    [TestCase("user.a=b")]
    [TestCase("user.50%")]
    [TestCase("user.%3D")]
    [TestCase("user.%25=%3D")]
    public void Attribute_names_that_pax_cannot_spell_are_read_back(string name)
    {
        var tar = Reading.Write(With(new() { [name] = new byte[] { 0, 10, 61 } }));

        Assert.That(Reading.Only(tar).Metadata.ExtendedAttributes[name].ToArray(), Is.EqualTo(new byte[] { 0, 10, 61 }));
    }

    [Test]
    public void The_root_is_read_back()
    {
        Assert.That(Reading.Only(Reading.Write(Reading.Of("/", FileKind.Directory))).Path, Is.EqualTo("/"));
    }

    [Test]
    public void Hard_links_are_read_back()
    {
        var link = Reading.File("/b") with { Kind = LayerEntryKind.HardLink, HardLinkTarget = "/" + new string('t', 150) };

        Assert.That(Reading.Only(Reading.Write(link)), Has.Property("Kind").EqualTo(LayerEntryKind.HardLink).And.Property("HardLinkTarget").EqualTo(link.HardLinkTarget));
    }

    [TestCase(LayerEntryKind.Whiteout, "/etc/motd")]
    [TestCase(LayerEntryKind.Whiteout, "/motd")]
    [TestCase(LayerEntryKind.Opaque, "/etc")]
    [TestCase(LayerEntryKind.Opaque, "/")]
    public void Markers_are_read_back(LayerEntryKind kind, string path)
    {
        var marker = Reading.File(path) with { Kind = kind };

        Assert.That(Reading.Only(Reading.Write(marker)), Has.Property("Kind").EqualTo(kind).And.Property("Path").EqualTo(path));
    }

    [TestCase("/etc/.wh.motd")]
    [TestCase("/.wh.etc/motd")]
    [TestCase("/etc/.wh..wh..opq")]
    public void A_file_whose_name_would_read_as_a_whiteout_is_refused(string path)
    {
        Assert.That(() => Reading.Write(Reading.File(path)), Throws.TypeOf<ImageException>().With.Message.Contains("whiteout"));
    }

    [TestCase("abc", "shorter")]
    [TestCase("abcde", "longer")]
    public void Content_of_another_length_is_refused(string content, string because)
    {
        Assert.That(() => Reading.Write((Reading.File("/a", 4), content)), Throws.TypeOf<ImageException>().With.Message.Contains(because));
    }

    [Test]
    public void A_socket_is_refused()
    {
        Assert.That(() => Reading.Write(Reading.Of("/run/socket", FileKind.Socket)), Throws.ArgumentException);
    }

    [Test]
    public void Owners_beyond_the_octal_field_are_read_back()
    {
        var entry = Reading.File("/a") with { Metadata = Reading.Metadata(FileKind.File) with { UserId = 4_000_000_000, GroupId = 2_097_152 } };

        Assert.That(Reading.Only(Reading.Write(entry)).Metadata, Has.Property("UserId").EqualTo(4_000_000_000).And.Property("GroupId").EqualTo(2_097_152));
    }

    private static LayerEntry With(Dictionary<string, ReadOnlyMemory<byte>> attributes) =>
        Reading.File("/a") with { Metadata = Reading.Metadata(FileKind.File) with { ExtendedAttributes = attributes } };

    private static FileMetadata Full(FileKind kind) => Reading.Metadata(kind) with
    {
        Mode = 0xFFF,
        UserId = 1000,
        GroupId = 3_000_000_000,
        ModifiedTime = Time,
        DeviceMajor = kind is FileKind.BlockDevice or FileKind.CharacterDevice ? 4095u : 0,
        DeviceMinor = kind is FileKind.BlockDevice or FileKind.CharacterDevice ? 1048575u : 0,
        ExtendedAttributes = new Dictionary<string, ReadOnlyMemory<byte>>
        {
            ["security.capability"] = new byte[] { 1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
            ["user.binary"] = new byte[] { 0, 255, 10, 61, 32 },
        },
    };
}

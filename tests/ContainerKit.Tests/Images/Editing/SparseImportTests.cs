using System.Formats.Tar;
using ContainerKit.Layers;
using ContainerKit.Tests.Layers;

namespace ContainerKit.Tests.Images.Editing;

/// <summary>Archives with sparse files, in the four forms that GNU tar has had, become layers without any.</summary>
public sealed class SparseImportTests
{
    private const int Size = 1_000_000;
    private const string Before = "something that comes first";

    private Store _store = null!;

    [SetUp]
    public void Open() => _store = new Store();

    [TearDown]
    public void Close() => _store.Dispose();

    [Test]
    public async Task Holes_are_zeros_in_the_layer(
        [Values("old", "0.0", "0.1", "1.0")] string form,
        [Values(CompressionKind.None, CompressionKind.Gzip, CompressionKind.Zstd)] object kind,
        [Values] bool canSeek)
    {
        var archive = new MemoryStream(Samples.Compress(With(new RawTar(), form, Size).End().ToArray(), (CompressionKind)kind));

        var image = await _store.Images.ImportAsync(canSeek ? archive : new TrickleOnly(archive), "sparse:1");

        var files = await ReadAsync(image);
        Assert.That(files.Keys, Is.EqualTo(new[] { "before", "disk", "after" }));
        Assert.That(files["before"], Is.EqualTo(Before));
        Assert.That(files["disk"], Has.Length.EqualTo(Size));
        Assert.That(files["disk"].Trim('\0'), Is.EqualTo("data"));
        Assert.That(files["disk"].IndexOf("data", StringComparison.Ordinal), Is.EqualTo(500_000));
        Assert.That(image.Layers[0].Descriptor.MediaType, Does.EndWith("tar+gzip"));
        Assert.That(_store.Files().Where(file => file.StartsWith(".tmp/", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public async Task The_same_archive_gives_the_same_image()
    {
        var archive = With(new RawTar(), "1.0", Size).End().ToArray();

        var one = await _store.Images.ImportAsync(new MemoryStream(archive), "sparse:1");
        var other = await _store.Images.ImportAsync(new MemoryStream(archive), "sparse:2");

        Assert.That(other.Digest, Is.EqualTo(one.Digest));
    }

    [Test]
    public async Task A_layer_that_is_appended_has_none_either()
    {
        var image = await _store.ImportAsync("debian:12");

        var appended = await _store.Images.AppendAsync(image, _store.Write("more.tar", With(new RawTar(), "0.1", Size).End().ToArray()), "debian:more");

        Assert.That((await appended.Layers[1].EntriesAsync().ToListAsync()).Select(entry => entry.DataExtents), Is.All.Null);
        Assert.That(appended.Layers[0].Descriptor, Is.EqualTo(image.Layers[0].Descriptor));
    }

    [TestCase("0.0", 1L << 40, nameof(LayerLimits.MaxTotalBytes))]
    [TestCase("0.1", 1L << 40, nameof(LayerLimits.MaxTotalBytes))]
    [TestCase("1.0", 1L << 40, nameof(LayerLimits.MaxTotalBytes))]
    [TestCase("1.0", (1L << 40) + 1, nameof(LayerLimits.MaxFileBytes))]
    [TestCase("1.0", 1L << 36, nameof(LayerLimits.MaxCompressionRatio))]
    [TestCase("old", (1L << 33) - 1, nameof(LayerLimits.MaxCompressionRatio))]
    public void A_few_bytes_that_claim_to_be_a_terabyte_are_refused_before_it_is_written(string form, long size, string limit)
    {
        var archive = new MemoryStream(With(new RawTar(), form, size).End().ToArray());

        Assert.That(() => _store.Images.ImportAsync(archive, "sparse:1"), Throws.TypeOf<ImageException>().With.Message.Contains(limit));
        Assert.That(_store.Files().Where(file => file.StartsWith("blobs/", StringComparison.Ordinal) || file.StartsWith(".tmp/", StringComparison.Ordinal)), Is.Empty);
    }

    private static RawTar With(RawTar tar, string form, long size)
    {
        tar.Add("before", content: Before);
        switch (form)
        {
            case "old":
                tar.Add("disk", 'S', "data", patch: header =>
                {
                    RawTar.Gnu(header);
                    RawTar.Put(header, 386, Octal(500_000));
                    RawTar.Put(header, 398, Octal(4));
                    RawTar.Put(header, 483, Octal(size));
                });
                break;
            case "0.0":
                tar.Pax(("GNU.sparse.size", $"{size}"), ("GNU.sparse.numblocks", "1"), ("GNU.sparse.offset", "500000"), ("GNU.sparse.numbytes", "4")).Add("disk", content: "data");
                break;
            case "0.1":
                tar.Pax(("GNU.sparse.name", "disk"), ("GNU.sparse.size", $"{size}"), ("GNU.sparse.numblocks", "1"), ("GNU.sparse.map", "500000,4")).Add("GNUSparseFile.1/disk", content: "data");
                break;
            default:
                tar.Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "disk"), ("GNU.sparse.realsize", $"{size}"))
                    .Add("GNUSparseFile.1/disk", content: "1\n500000\n4\n".PadRight(512, '\0') + "data");
                break;
        }

        return tar.Add("after", content: "x");
    }

    private static string Octal(long number) => Convert.ToString(number, 8).PadLeft(11, '0') + "\0";

    /// <summary>The files of a layer, as .NET's own reader finds them in it.</summary>
    private static async Task<Dictionary<string, string>> ReadAsync(Image image)
    {
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        await using var layer = await image.Layers[0].OpenAsync();
        await using var reader = new TarReader(layer);
        while (await reader.GetNextEntryAsync() is { } entry)
        {
            using var content = new StreamReader(entry.DataStream ?? Stream.Null);
            files.Add(entry.Name, await content.ReadToEndAsync());
        }

        await layer.CopyToAsync(Stream.Null);
        return files;
    }

    private sealed class TrickleOnly(Stream source) : ContainerKit.Content.ReadOnlyStream
    {
        public override int Read(Span<byte> buffer) => source.Read(buffer[..Math.Min(buffer.Length, 1000)]);
    }
}

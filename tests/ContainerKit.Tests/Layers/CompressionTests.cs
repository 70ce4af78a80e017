using ContainerKit.Layers;

namespace ContainerKit.Tests.Layers;

public sealed class CompressionTests
{
    [Test]
    public void Gzip_is_the_same_on_every_system()
    {
        using var compressed = new MemoryStream();
        using (var gzip = Compression.OpenWrite(compressed, CompressionKind.Gzip, leaveOpen: true))
        {
            gzip.Write("hello"u8);
        }

        // RFC 1952: no name, no time, and "Unix" wherever it was written.
        Assert.That(compressed.ToArray()[..10], Is.EqualTo(new byte[] { 0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 4, 3 }));
    }

    [TestCase(CompressionKindCase.Gzip)]
    [TestCase(CompressionKindCase.Zstd)]
    [TestCase(CompressionKindCase.Xz)]
    [TestCase(CompressionKindCase.Bzip2)]
    public void The_content_tells_how_it_is_compressed(CompressionKindCase kind)
    {
        var compressed = Samples.Compressed((CompressionKind)kind);

        Assert.That(Compression.Detect(compressed), Is.EqualTo((CompressionKind)kind));
        Assert.That(Samples.Decompress(new MemoryStream(compressed)), Is.EqualTo(Samples.Plain));
    }

    [Test]
    public void What_is_not_compressed_is_given_as_it_is()
    {
        Assert.That(Samples.Decompress(new MemoryStream(Samples.Plain)), Is.EqualTo(Samples.Plain));
    }

    [Test]
    public void Anything_is_read_from_a_stream_that_cannot_seek([Values] CompressionKindCase kind)
    {
        using var unseekable = new Content.TrickleStream(Samples.Compressed((CompressionKind)kind), 7);

        Assert.That(Samples.Decompress(unseekable), Is.EqualTo(Samples.Plain));
    }

    [Test]
    public void Truncation_is_noticed_wherever_it_comes([Values] CompressionKindCase kind)
    {
        var compressed = Samples.Compressed((CompressionKind)kind);

        // The first ten bytes are those by which it is recognised.
        Assert.Multiple(() =>
        {
            for (var length = 10; length < compressed.Length; length++)
            {
                var cut = new MemoryStream(compressed[..length]);
                Assert.That(() => Samples.Decompress(cut), Throws.TypeOf<ImageException>().With.Message.Contains("truncated"), $"{length} of {compressed.Length} bytes");
            }
        });
    }

    [Test]
    public void Streams_behind_one_another_are_read_as_one([Values] CompressionKindCase kind)
    {
        var compressed = Samples.Compressed((CompressionKind)kind);

        Assert.That(Samples.Decompress(new MemoryStream([.. compressed, .. compressed])), Is.EqualTo((byte[])[.. Samples.Plain, .. Samples.Plain]));
    }

    [Test]
    public void Zeros_behind_a_gzip_stream_are_padding([Values(1, 3, 511, 1 << 20)] int count)
    {
        var gzip = Samples.Compressed(CompressionKind.Gzip);
        using var trickle = new Content.TrickleStream([.. gzip, .. new byte[count]], 7);

        Assert.That(Samples.Decompress(new MemoryStream([.. gzip, .. new byte[count]])), Is.EqualTo(Samples.Plain));
        Assert.That(Samples.Decompress(trickle), Is.EqualTo(Samples.Plain));
    }

    [TestCase(0, new byte[] { 1 })]
    [TestCase(0, new byte[] { 1, 0, 0 })]
    [TestCase(0, new byte[] { 0, 0, 1 })]
    [TestCase(0, new byte[] { 0x1F, 0x8B, 0, 0 })]
    [TestCase(6, new byte[] { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 })]
    [TestCase(40, new byte[] { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 })]
    public void Other_garbage_behind_a_gzip_stream_and_zeros_in_place_of_its_end_are_refused(int missing, byte[] garbage)
    {
        var damaged = new MemoryStream([.. Samples.Compressed(CompressionKind.Gzip)[..^missing], .. garbage]);

        Assert.That(() => Samples.Decompress(damaged), Throws.TypeOf<ImageException>());
    }

    [TestCase(CompressionKindCase.Gzip)]
    [TestCase(CompressionKindCase.Zstd)]
    public void A_bomb_is_stopped(CompressionKindCase kind)
    {
        var bomb = Samples.Compress(new byte[16 << 20], (CompressionKind)kind);

        Assert.That(
            () => Samples.Decompress(new MemoryStream(bomb), new LayerLimits { MaxCompressionRatio = 100, RatioMattersFrom = 8 << 20 }),
            Throws.TypeOf<ImageException>().With.Message.Contains("MaxCompressionRatio"));
    }

    [Test]
    public void A_zstd_window_of_gigabytes_is_refused()
    {
        // Magic, a descriptor without a content size, and a window of 2^(10+31) bytes.
        byte[] frame = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 31 << 3, 0x01, 0x00, 0x00, 0x00];

        Assert.That(() => Samples.Decompress(new MemoryStream(frame)), Throws.TypeOf<ImageException>().With.Message.Contains("128 MiB").And.Property("Hint").Contains("--long=27"));
    }
}

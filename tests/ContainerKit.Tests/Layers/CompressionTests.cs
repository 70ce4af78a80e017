using ContainerKit.Layers;

namespace ContainerKit.Tests.Layers;

public sealed class CompressionTests
{
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

        Assert.That(() => Samples.Decompress(new MemoryStream(frame)), Throws.TypeOf<ImageException>());
    }
}

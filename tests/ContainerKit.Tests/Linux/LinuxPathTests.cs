using ContainerKit.Linux;

namespace ContainerKit.Tests.Linux;

public sealed class LinuxPathTests
{
    [TestCase("plain")]
    [TestCase("größe/ñ/日本/😀")]
    [TestCase("")]
    public void Text_survives_the_way_to_bytes_and_back(string text)
    {
        Assert.That(LinuxPath.Decode(LinuxPath.Encode(text)), Is.EqualTo(text));
    }

    [Test]
    public void Bytes_that_are_not_UTF_8_become_lone_surrogates()
    {
        Assert.That(LinuxPath.Decode([0x61, 0xFF, 0x62]), Is.EqualTo("a\uDCFFb"));
    }

    [Test]
    public void Any_bytes_survive_the_way_to_text_and_back()
    {
        var random = new Random(1);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = new byte[random.Next(0, 24)];
            random.NextBytes(bytes);
            bytes.AsSpan().Replace((byte)0, (byte)1);

            Assert.That(LinuxPath.Encode(LinuxPath.Decode(bytes)), Is.EqualTo(bytes), Convert.ToHexString(bytes));
        }
    }

    [Test]
    public void A_NUL_is_refused_because_the_kernel_would_stop_there()
    {
        Assert.That(() => LinuxPath.Encode("a\0b"), Throws.ArgumentException);
    }

    [Test]
    public void Half_a_surrogate_pair_is_refused()
    {
        Assert.That(() => LinuxPath.Encode("a\uD83D"), Throws.ArgumentException);
        Assert.That(() => LinuxPath.Encode("\uDC00b"), Throws.ArgumentException);
    }
}

using ContainerKit.Images;

namespace ContainerKit.Tests.Images;

public sealed class PlatformChoiceTests
{
    [TestCase("linux/amd64", "linux/amd64")]
    [TestCase("linux/arm64", "linux/arm64/v8")]
    [TestCase("linux/arm/v7", "linux/arm/v7")]
    [TestCase("linux/arm/v8", "linux/arm/v7")]
    [TestCase("linux/arm/v6", "linux/arm/v5")]
    [TestCase("linux/s390x", null)]
    [TestCase("windows/amd64", null)]
    [TestCase("unknown/unknown", null)]
    public void The_nearest_that_runs_is_taken(string wanted, string? taken)
    {
        var entries = new[] { "unknown/unknown", "linux/arm/v5", "linux/arm/v7", "linux/arm64/v8", "linux/amd64" }.Select(Entry).ToList();

        Assert.That(PlatformChoice.Find(entries, PlatformOf(wanted))?.Platform?.ToString(), Is.EqualTo(taken));
    }

    [Test]
    public void What_says_exactly_the_platform_comes_before_what_means_the_same() =>
        Assert.That(PlatformChoice.Find([Entry("linux/arm64/v8"), Entry("linux/arm64")], Platform.LinuxArm64)!.Platform!.Variant, Is.Null);

    private static IndexEntry Entry(string platform) => new(new Descriptor(MediaTypes.Manifest, Digest.Of([1]), 1), PlatformOf(platform));

    private static Platform PlatformOf(string text) => text.Split('/') switch
    {
        [var system, var architecture, var variant] => new Platform(system, architecture, variant),
        var parts => new Platform(parts[0], parts[1]),
    };
}

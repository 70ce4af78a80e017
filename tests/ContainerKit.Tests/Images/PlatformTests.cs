namespace ContainerKit.Tests.Images;

public sealed class PlatformTests
{
    [TestCase("linux", "arm64", null, "linux", "arm64", "v8", true)]
    [TestCase("linux", "arm64", "v8", "linux", "arm64", null, true)]
    [TestCase("linux", "arm", "v7", "linux", "arm", null, true)]
    [TestCase("linux", "arm", "v6", "linux", "arm", "v7", false)]
    [TestCase("linux", "amd64", null, "linux", "arm64", null, false)]
    [TestCase("linux", "amd64", null, "windows", "amd64", null, false)]
    public void A_platform_accepts_what_is_meant_for_it(string os, string architecture, string? variant, string os2, string architecture2, string? variant2, bool isMeant)
    {
        Assert.That(new Platform(os, architecture, variant).Accepts(new Platform(os2, architecture2, variant2)), Is.EqualTo(isMeant));
    }

    [Test]
    public void It_is_spelled_as_everywhere()
    {
        Assert.That(new Platform("linux", "arm", "v7").ToString(), Is.EqualTo("linux/arm/v7"));
    }
}

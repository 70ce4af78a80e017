namespace ContainerKit.Tests.Linux.Samples;

public sealed class CopyOnWriteTests
{
    [TestCase("overlay", 1, 2)]
    [TestCase("aufs", 1, 2)]
    public void It_tells_of_one_copy_whatever_the_driver(string driver, int before, int after)
    {
        var result = SamplePrograms.Run("CopyOnWrite", [driver]);

        Assert.That(result.ExitCode, Is.Zero, result.Error);
        Assert.That(result.Output.Split('\n').Where(line => line.Contains("copies of", StringComparison.Ordinal)).Select(line => line[^1..]), Is.EqualTo(new[] { $"{before}", $"{after}", $"{after}" }));
        Assert.That(result.Output, Does.Contain("the container has 62 bytes, its fork 15"));
    }
}

using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Samples;

public sealed class QuickStartTests
{
    [Test]
    public void It_does_the_main_job_and_says_what_happened()
    {
        Needs.Overlay();

        var result = SamplePrograms.Run("QuickStart", []);

        Assert.That(result.ExitCode, Is.Zero, result.Error);
        Assert.That(result.Output, Does.Contain("pid 1").And.Contain("/etc/motd").And.Contain("quickstart:2 says: Hello from the container."));
        Assert.That(result.Error, Is.Empty);
    }
}

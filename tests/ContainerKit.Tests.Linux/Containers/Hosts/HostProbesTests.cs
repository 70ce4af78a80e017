using ContainerKit.Containers.Hosts;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Hosts;

public class HostProbesTests
{
    [Test]
    public void Looking_leaves_nothing_behind()
    {
        using var store = new TemporaryDirectory();
        var mounts = File.ReadAllText("/proc/self/mountinfo");

        HostProbes.Report(store.Path);

        Assert.That(Directory.GetFileSystemEntries(store.Path), Is.Empty);
        Assert.That(File.ReadAllText("/proc/self/mountinfo"), Is.EqualTo(mounts));
    }

    [Test]
    public void Every_capability_has_a_reason()
    {
        using var store = new TemporaryDirectory();

        var report = HostProbes.Report(store.Path);
        TestContext.Out.WriteLine(report);

        Assert.That(report.Capabilities.Select(c => c.Detail), Is.All.Not.Empty);
        Assert.That(report.Capabilities.Select(c => c.Name), Is.Unique);
    }

    [Test]
    public void An_overlay_that_the_host_mounts_is_reported()
    {
        Needs.Root();
        Needs.Overlay();
        using var store = new TemporaryDirectory();

        var capability = HostProbes.Report(store.Path)["overlay"];

        Assert.That(capability!.IsAvailable, Is.True);
    }
}

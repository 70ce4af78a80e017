using ContainerKit.Benchmarks.Soak;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers;

/// <summary>A short soak; benchmarks/ has the long one, which is the same code. Nothing else may run in this process meanwhile.</summary>
[NonParallelizable]
internal sealed class SoakTests
{
    [Category("Slow")]
    [Test]
    public async Task Some_hundred_containers_of_all_kinds_leave_nothing_behind()
    {
        Needs.Overlay();
        Needs.NetworkNamespaces();
        using var directory = new TemporaryDirectory();

        var grown = await SoakRun.RunAsync(directory["store"], cycles: 300, TestContext.Progress.WriteLine);

        Assert.That(grown, Is.Empty);
    }
}

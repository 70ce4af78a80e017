namespace ContainerKit.Tests.Linux.Containers;

/// <summary>A host whose detached containers are all removed after each test, with their processes.</summary>
internal abstract class DetachedFixture : ContainerFixture
{
    protected static readonly StartOptions Detached = new() { Detached = true };

    [TearDown]
    public async Task RemoveAll()
    {
        await foreach (var container in Host.ListContainersAsync())
        {
            await container.RemoveAsync(force: true);
        }

        // Their command lines name the store.
        Assert.That(() => Support.Shell.Try("pgrep", "-f", StoreDirectory).Output, Is.Empty.After(10_000, 50));
    }

    protected static async Task NextLine(RunningContainer running)
    {
        await foreach (var _ in running.ReadLinesAsync())
        {
            return;
        }
    }

    protected static async Task<List<string>> Log(Container container, LogOptions? options = null)
    {
        var lines = new List<string>();
        await foreach (var line in container.ReadLogAsync(options))
        {
            lines.Add(line.Content);
        }

        return lines;
    }
}

using static PortableProgram.Lines;

namespace PortableProgram;

/// <summary>What needs Linux, asked for elsewhere.</summary>
internal static class Refusals
{
    public static async Task RunAsync(ContainerHost host)
    {
        if (OperatingSystem.IsLinux())
        {
            return;
        }

        var container = host.Container("app:1").WithCommand("true").WithMemoryLimit(1 << 26);
        await AskAsync("RunAsync", () => container.RunAsync());
        await AskAsync("StartAsync", () => container.StartAsync());
        await AskAsync("CreateAsync", () => container.CreateAsync());
        await AskAsync("FindContainerAsync", () => host.FindContainerAsync("web"));
        await AskAsync("ListContainersAsync", async () => await host.ListContainersAsync().GetAsyncEnumerator().MoveNextAsync());
        await AskAsync("StorageDriver", () => Task.FromResult(host.StorageDriver));
        await AskAsync("AddHostProgram", () => host.BuildFromScratch().AddHostProgram("sh").BuildAsync("sh:1"));
        await AskAsync("MountedUnion", () => MountedUnion.MountAsync("mnt", UnionMountOptions.Overlay(["lower"], "upper", "work")));
    }

    private static async Task AskAsync(string what, Func<Task> ask)
    {
        try
        {
            await ask();
            Say($"refused {what}", "no");
        }
        catch (PlatformNotSupportedException e)
        {
            Say($"refused {what}", e.Message);
        }
    }
}

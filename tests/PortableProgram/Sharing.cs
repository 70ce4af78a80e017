using System.Diagnostics;
using static PortableProgram.Lines;

namespace PortableProgram;

/// <summary>Many tasks and processes on one store at once: names are given, images listed, read and removed, and none is lost.</summary>
internal static class Sharing
{
    private const int Processes = 3;
    private const int NamesEach = 12;

    public static async Task RunAsync(ContainerHost host)
    {
        var image = (await host.Images.FindAsync("built:1"))!;
        var children = Enumerable.Range(0, Processes).Select(number => Process.Start(Environment.ProcessPath!, ["tag", host.StoreDirectory, "built:1", $"process{number}"])!).ToList();
        await Task.WhenAll(
            [
                .. Enumerable.Range(0, 4).Select(number => TagAsync(host, image, $"task{number}")),
                .. Enumerable.Range(0, 4).Select(_ => Task.Run(() => CountAsync(host, ""))),
                .. Enumerable.Range(0, 4).Select(_ => host.Images.OpenFilesAsync(image)),
            ]);
        foreach (var child in children)
        {
            await child.WaitForExitAsync();
            Say("process ended with", child.ExitCode);
            child.Dispose();
        }

        Say("names of processes", await CountAsync(host, "process"));
        Say("names of tasks", await CountAsync(host, "task"));

        // The same blobs, all at once.
        var built = await Task.WhenAll(Enumerable.Range(0, 6).Select(number => host.BuildFromScratch().AddFile("/same", new byte[300_000]).BuildAsync($"same:{number}")));
        Say("built at once", built.Select(each => each.Digest).Distinct().Count());
    }

    /// <summary>What the other processes do.</summary>
    public static async Task TagAsync(string store, string name, string prefix)
    {
        await using var host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = store });
        await TagAsync(host, (await host.Images.FindAsync(name))!, prefix);
    }

    private static async Task TagAsync(ContainerHost host, Image image, string prefix)
    {
        for (var i = 0; i < NamesEach; i++)
        {
            await host.Images.TagAsync(image, $"{prefix}:{i}");
            await host.Images.TagAsync(image, $"{prefix}:passing");
            await host.Images.RemoveAsync($"{prefix}:passing");
        }
    }

    private static async Task<int> CountAsync(ContainerHost host, string prefix)
    {
        var count = 0;
        await foreach (var image in host.Images.ListAsync())
        {
            count += image.Reference.ToString().StartsWith(prefix, StringComparison.Ordinal) ? 1 : 0;
        }

        return count;
    }
}

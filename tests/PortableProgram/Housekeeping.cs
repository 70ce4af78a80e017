using static PortableProgram.Lines;

namespace PortableProgram;

/// <summary>The store looked after: what is removed is gone, what is damaged is found.</summary>
internal static class Housekeeping
{
    public static async Task RunAsync(ContainerHost host)
    {
        Say("store is sound", (await host.CheckAsync()).IsSound);
        await host.Images.RemoveAsync("newer:1");
        Say("removed", await host.Images.FindAsync("newer:1") is null);
        await host.Images.PruneAsync();
        await host.PruneAsync();

        var squashed = (await host.Images.FindAsync("squashed:1"))!;
        await using (var open = await squashed.Layers[0].OpenAsync())
        {
            // Somebody reads it still, and it goes all the same.
            open.ReadByte();
            await host.Images.RemoveAsync("squashed:1");
        }

        Say("removed while it was read", await host.Images.FindAsync("squashed:1") is null);
        var app = (await host.Images.FindAsync("app:1"))!;
        var blob = Path.Combine(host.StoreDirectory, "images", "blobs", "sha256", app.Layers[1].Descriptor.Digest.Hex);
        await File.WriteAllBytesAsync(blob, new byte[app.Layers[1].Descriptor.Size]);
        Say("problems of a damaged blob", (await host.CheckAsync()).Problems.Count > 0);
        Say("report", (await host.ReportAsync())["kernel"]!.Detail.StartsWith(OperatingSystem.IsLinux() ? "Linux" : "containers are made and run on Linux only", StringComparison.Ordinal));
    }
}

using static PortableProgram.Lines;

namespace PortableProgram;

/// <summary>Images sent to a registry and fetched from it, also where the first attempt breaks off.</summary>
internal static class Registries
{
    public static async Task RunAsync(ContainerHost host, string work, string registry)
    {
        var app = (await host.Images.FindAsync("squashed:1"))!;
        await host.Images.PushAsync(app, $"{registry}/app:1");
        await host.Images.PushAsync(app, $"{registry}/app:1");
        await foreach (var tag in host.Registry.TagsAsync($"{registry}/app"))
        {
            Say("tag", tag);
        }

        // Each attempt has a host of its own, as two processes would.
        var broken = false;
        for (var attempt = 1; attempt <= 2; attempt++)
        {
            await using var other = await ContainerHost.OpenAsync(new ContainerHostOptions
            {
                StoreDirectory = Path.Combine(work, "pulled"),
                Registry = new RegistryOptions { PlainHttp = [registry], AuthFiles = [], MaxAttempts = 1 },
            });
            try
            {
                var pulled = await other.Images.PullAsync($"{registry}/app:1");
                Say("pulled", pulled.Digest == app.Digest);
                await Making.WalkAsync("pulled", await other.Images.OpenFilesAsync(pulled), "/");
                Say("pulled store is sound", (await other.CheckAsync()).IsSound);
                break;
            }
            catch (RegistryException e) when (!broken)
            {
                broken = true;
                Say("first attempt broke off", e.IsTransient);
            }
        }
    }
}

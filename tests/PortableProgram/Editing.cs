using static PortableProgram.Lines;

namespace PortableProgram;

/// <summary>Images made of images, and the differences between them.</summary>
internal static class Editing
{
    private static readonly ImageEditOptions Plain = new() { Compression = LayerCompression.None, Timestamp = DateTimeOffset.FromUnixTimeSeconds(1_600_000_000) };

    public static async Task RunAsync(ContainerHost host, string input)
    {
        var images = host.Images;
        var lower = (await images.FindAsync("rootfs:1"))!;
        var app = await images.AppendAsync(lower, Path.Combine(input, "upper.tar"), "app:1", Plain);
        Say("appended", app);
        var squashed = await images.SquashAsync(app, "squashed:1", options: Plain);
        Say("squashed", squashed);
        var newer = await images.ImportAsync(Path.Combine(input, "newer.tar"), "newer:1");
        Say("rebased", await images.RebaseAsync(app, lower, newer, "rebased:1", Plain));

        foreach (var compression in Enum.GetValues<LayerCompression>())
        {
            var converted = await images.ConvertAsync(app, $"converted:{compression.ToString().ToLowerInvariant()}", new ImageConversion { Compression = compression });
            Say($"converted {compression} diff IDs", string.Join(' ', converted.Layers.Select(layer => layer.DiffId)));
            Say($"converted {compression} archive", await Making.DigestOfAsync(await converted.Layers[0].OpenAsync()));
        }

        Say("converted Docker", await images.ConvertAsync(app, "converted:docker", new ImageConversion { Manifest = ManifestFormat.Docker, Compression = LayerCompression.Gzip }) is { } docker ? docker.Config.DiffIds.Count : 0);
        await SayDifferencesAsync("lower to app", host, lower, app);
        await SayDifferencesAsync("app to squashed", host, app, squashed);
        await SayDifferencesAsync("app's layer to newer", host, app.Layers[1], newer);
    }

    private static async Task SayDifferencesAsync(string name, ContainerHost host, IFileTree before, IFileTree after)
    {
        var count = 0;
        await foreach (var change in host.DiffAsync(before, after))
        {
            count++;
            Say($"{name} {change.Kind} {change.Path}", $"{Show(change.Before)} to {Show(change.After)}");
            if (change.After?.Kind == FileKind.File)
            {
                await using var content = await change.OpenAfterAsync();
                Say($"{name} content {change.Path}", await Making.DigestOfAsync(content));
            }
        }

        Say($"{name} differences", count);
    }

    private static string Show(FileMetadata? file) => file is null ? "nothing" : Describe(file);
}

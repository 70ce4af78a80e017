using static PortableProgram.Lines;

namespace PortableProgram;

/// <summary>Images written to files and directories, read back, and read as another system wrote them.</summary>
internal static class Archives
{
    public static async Task RunAsync(ContainerHost host, string work, string input)
    {
        var app = (await host.Images.FindAsync("squashed:1"))!;
        await using var other = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = Path.Combine(work, "other") });
        foreach (var format in Enum.GetValues<ImageArchiveFormat>())
        {
            var path = Path.Combine(work, $"squashed-{format}");
            await host.Images.SaveAsync(app, path, format);
            Say($"saved {format}", File.Exists(path) ? await DigestOfAsync(path) : await DigestsBelowAsync(path));
            if (File.Exists(path))
            {
                // Over what is there.
                await host.Images.SaveAsync(app, path, format);
                Say($"saved {format} again", await DigestOfAsync(path));
            }

            Say($"loaded {format}", (await other.Images.LoadAsync(path)).Config.DiffIds[0]);
        }

        await host.Images.SaveAsync(app, Path.Combine(work, "plain"), ImageArchiveFormat.OciDirectory, new ImageConversion { Compression = LayerCompression.None });
        Say("loaded OCI archive of Linux", await other.Images.LoadAsync(Path.Combine(input, "linux.oci")));
        Say("loaded OCI layout of Linux", await other.Images.LoadAsync(Path.Combine(input, "linux.layout")));
        Say("loaded docker archive of Linux", (await other.Images.LoadAsync(Path.Combine(input, "linux.docker"))).Layers[0].DiffId);
        foreach (var hostile in (string[])["../rootfs.tar", "NUL", "a:b", "aux.json"])
        {
            Say($"docker archive directory that points at {hostile}", await TryLoadAsync(other, Path.Combine(work, "hostile"), hostile));
        }
    }

    private static async Task<string> TryLoadAsync(ContainerHost host, string directory, string config)
    {
        Directory.CreateDirectory(directory);
        await File.WriteAllTextAsync(Path.Combine(directory, "manifest.json"), $$"""[{"Config":"{{config}}","Layers":[]}]""");
        try
        {
            await host.Images.LoadAsync(directory);
            return "loaded";
        }
        catch (ImageException)
        {
            return "refused";
        }
    }

    private static async Task<string> DigestOfAsync(string path)
    {
        await using var file = File.OpenRead(path);
        return await Making.DigestOfAsync(file);
    }

    private static async Task<string> DigestsBelowAsync(string directory)
    {
        var files = new List<string>();
        foreach (var path in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
        {
            files.Add($"{Path.GetRelativePath(directory, path).Replace('\\', '/')}={await DigestOfAsync(path)}");
        }

        return string.Join(' ', files.Order(StringComparer.Ordinal));
    }
}

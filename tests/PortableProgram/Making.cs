using static PortableProgram.Lines;

namespace PortableProgram;

/// <summary>Images made of archives and of files of this machine, and what they show.</summary>
internal static class Making
{
    public static async Task RunAsync(ContainerHost host, string input)
    {
        var imported = await host.Images.ImportAsync(Path.Combine(input, "rootfs.tar"), "rootfs:1");
        Say("imported", imported);
        await ListEntriesAsync(imported);
        await WalkAsync("imported", await host.Images.OpenFilesAsync(imported), "/");
        await using (var tar = await imported.Layers[0].OpenAsync())
        {
            Say("imported archive", await DigestOfAsync(tar));
        }

        var built = await host.BuildFromScratch()
            .AddFile("/etc/motd", "hello\n")
            .AddFile("/usr/bin/AUX", "a device elsewhere\n"u8.ToArray(), 0x9ED)
            .AddDirectory("/c:/d. ", 0x3FF)
            .AddDirectory(Path.Combine(input, "site"), "/srv/site")
            .AddTar(Path.Combine(input, "upper.tar"))
            .WithTimestamp(DateTimeOffset.FromUnixTimeSeconds(1_000_000_000)).WithCompression(LayerCompression.None)
            .WithEntrypoint("/usr/bin/AUX").WithEnvironment("PATH", "/usr/bin").WithWorkingDirectory("/srv").WithUser("1000:1000").WithLabel("k", "v")
            .BuildAsync("built:1");
        Say("built", built);
        await WalkAsync("built", await host.Images.OpenFilesAsync(built), "/");

        var onTop = await host.BuildFrom(imported).AddFile("/etc/motd", "on top\n").WithTimestamp(DateTimeOffset.UnixEpoch).BuildAsync("top:1");
        Say("on top", onTop.Layers[^1].DiffId);
    }

    /// <summary>Everything below a directory, in path order, with the contents read.</summary>
    public static async Task WalkAsync(string name, ImageFiles files, string directory)
    {
        foreach (var entry in files.List(directory))
        {
            var path = $"{directory.TrimEnd('/')}/{entry.Name}";
            Say($"{name} file {path}", Describe(files.GetMetadata(path)));
            if (entry.Kind == FileKind.Directory)
            {
                await WalkAsync(name, files, path);
            }
            else if (entry.Kind == FileKind.File)
            {
                await using var content = await files.OpenReadAsync(path);
                Say($"{name} content {path}", await DigestOfAsync(content));
            }
        }
    }

    public static async Task<string> DigestOfAsync(Stream content) => Convert.ToHexStringLower(await System.Security.Cryptography.SHA256.HashDataAsync(content));

    private static async Task ListEntriesAsync(Image image)
    {
        await foreach (var entry in image.Layers[0].EntriesAsync())
        {
            Say($"entry {entry.Path}", $"{entry.Kind} {entry.HardLinkTarget} {Describe(entry.Metadata)}");
        }
    }
}

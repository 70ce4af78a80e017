using ContainerKit;

// A store of our own in a temporary directory, which is removed at the end. Leave StoreDirectory out, and it is kept for next time.
var directory = Directory.CreateTempSubdirectory("containerkit-quickstart-").FullName;
try
{
    await using var host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = directory });

    Step("An image, made of programs of this machine and the libraries that they need");
    var image = await host.BuildFromScratch()
        .AddHostProgram("sh", "cat", "hostname", "id", "ls")
        .AddFile("/etc/motd", "Hello from the image.\n")
        .AddFile("/etc/passwd", "root:x:0:0:root:/:/bin/sh\n")
        .BuildAsync("quickstart:1");
    Say($"{image.Reference}   {image.Layers.Count} layers, {image.Size / 1e6:0.0} MB");

    Step("A command in a container: its own root, host name, processes and users");
    var description = host.Container(image).WithHostname("box").WithCommand("sh", "-c", "hostname; id -un; ls /; echo pid $$");
    var result = await description.RunAsync();
    Say(string.Join("   ", result.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries)));

    Step("A file of a container, edited from C#: copied up first, so the image stays as it is");
    await using var container = await host.Container(image).CreateAsync();
    await container.Files.WriteAllTextAsync("/etc/motd", "Hello from the container.\n");
    await container.Files.WriteAllTextAsync("/etc/added", "new\n");
    await foreach (var change in container.DiffAsync())
    {
        Say($"{change.Kind,-8} {change.Path,-11} {Size(change.Before)} -> {Size(change.After)}");
    }

    Step("The container's layer, committed as a new image, which runs");
    var edited = await container.CommitAsync("quickstart:2");
    Say($"{edited.Reference}   {edited.Layers.Count} layers");
    Say("quickstart:1 says: " + await CatAsync(image));
    Say("quickstart:2 says: " + await CatAsync(edited));

    async Task<string> CatAsync(Image each) => (await host.Container(each).WithCommand("cat", "/etc/motd").RunAsync()).StandardOutput.Trim();
}
finally
{
    Directory.Delete(directory, recursive: true);
}

static void Step(string text) => Console.WriteLine($"\n{++Steps.Count}. {text}");
static void Say(string text) => Console.WriteLine($"   {text}");
static string Size(FileMetadata? file) => file is null ? "nothing" : file.Kind == FileKind.Directory ? "directory" : $"{file.Size} bytes";

internal static class Steps
{
    public static int Count { get; set; }
}

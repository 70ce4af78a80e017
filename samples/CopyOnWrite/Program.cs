using ContainerKit;

// Copy-on-write, on whichever storage driver is asked for: overlay, aufs or vfs. Nothing is mounted, and no privilege is needed.
var driver = args is [var asked] ? asked : null;
var directory = Directory.CreateTempSubdirectory("containerkit-copyonwrite-").FullName;
const string Interfaces = "/etc/network/interfaces";
try
{
    await using var host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = directory, StorageDriver = driver });
    Console.WriteLine($"The driver is {host.StorageDriver}.");

    Step("An image with a file in one of its layers");
    var image = await host.BuildFromScratch()
        .AddFile(Interfaces, "auto lo\niface lo inet loopback\n")
        .WithCommand("/bin/true")
        .BuildAsync("debian-like:1");
    await using var container = await host.Container(image).CreateAsync();
    await using var neighbour = await host.Container(image).CreateAsync();
    await SayAsync();

    Step("The file is edited in a container: it is copied to the container's own layer, and changed there");
    await AppendAsync("auto eth0\n");
    await SayAsync();

    Step("It is edited again: it is in the container's layer already, so nothing is copied");
    await AppendAsync("iface eth0 inet dhcp\n");
    await SayAsync();

    Step("A fork begins where the container is, and goes its own way");
    await using var fork = await container.ForkAsync();
    await fork.Files.WriteAllTextAsync(Interfaces, "# nothing here\n");
    Say($"the container has {(await container.Files.GetMetadataAsync(Interfaces)).Size} bytes, its fork {(await fork.Files.GetMetadataAsync(Interfaces)).Size}");

    Step("All that the container differs in from its image");
    await foreach (var change in container.DiffAsync())
    {
        Say($"{change.Kind,-8} {change.Path}");
    }

    async Task AppendAsync(string line)
    {
        await using var file = await container.Files.OpenWriteAsync(Interfaces);
        file.Seek(0, SeekOrigin.End);
        await file.WriteAsync(System.Text.Encoding.UTF8.GetBytes(line));
    }

    async Task SayAsync()
    {
        Say($"the container reads {(await container.Files.ReadAllTextAsync(Interfaces)).Split('\n').Length - 1} lines, another one of the same image "
            + $"{(await neighbour.Files.ReadAllTextAsync(Interfaces)).Split('\n').Length - 1}");
        Say($"copies of the file in the store: {Copies()}");
    }

    int Copies() => Directory.EnumerateFiles(Path.Combine(directory, "snapshots"), "interfaces", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }).Count();
}
finally
{
    Directory.Delete(directory, recursive: true);
}

static void Step(string text) => Console.WriteLine($"\n{++Steps.Count}. {text}");
static void Say(string text) => Console.WriteLine($"   {text}");

internal static class Steps
{
    public static int Count { get; set; }
}

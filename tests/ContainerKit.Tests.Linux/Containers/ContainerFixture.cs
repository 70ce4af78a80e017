using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers;

/// <summary>
/// A host with a store of its own and one image, <c>tools</c>, made of the host's shell and core utilities. The image is made once
/// for each fixture, and every test sees the same.
/// </summary>
internal abstract class ContainerFixture
{
    private TemporaryDirectory _directory = null!;

    protected ContainerHost Host { get; private set; } = null!;

    protected Image Tools { get; private set; } = null!;

    protected string StoreDirectory => _directory["store"];

    protected string HostDirectory => _directory["host"];

    protected virtual string? Driver => null;

    protected virtual UserNamespaceMode UserNamespace => UserNamespaceMode.Default;

    /// <summary>Whether containers are run here, and not only edited.</summary>
    protected virtual bool RunsContainers => true;

    [OneTimeSetUp]
    public async Task MakeHost()
    {
        Needs.Overlay();
        Needs.NetworkNamespaces();
        if (Driver == "aufs" && RunsContainers)
        {
            Needs.FuseDevice();
        }

        if (UserNamespace == UserNamespaceMode.SubordinateIds)
        {
            Needs.SubordinateIds();
        }

        _directory = new TemporaryDirectory();
        Directory.CreateDirectory(HostDirectory);
        Host = await OpenHost();
        Tools = await Host.BuildFromScratch()
            .AddHostProgram("sh", "cat", "ls", "id", "sleep", "env", "mkdir", "rm", "mv", "touch", "stat", "hostname", "head", "dd", "chmod", "chown", "ln", "mount", "true", "readlink", "mknod", "tr", "grep", "sort", "stty", "tty")
            .AddFile("/etc/motd", "hello from below\n")
            .AddFile("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nwww:x:33:33:www:/var/www:/bin/sh\n")
            .AddFile("/etc/group", "root:x:0:\nwww:x:33:\nadm:x:4:www\n")
            .AddDirectory("/tmp", 0x3FF)
            .AddDirectory("/root", 0x1C0)
            .WithCommand("/bin/sh")
            .BuildAsync("tools:1");
    }

    [OneTimeTearDown]
    public async Task CloseHost()
    {
        if (Host is not null)
        {
            await Host.DisposeAsync();
        }

        _directory?.Dispose();
    }

    protected Task<ContainerHost> OpenHost() =>
        ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = StoreDirectory, StorageDriver = Driver, UserNamespace = UserNamespace });

    protected ContainerBuilder Shell(string script) => Host.Container(Tools).WithCommand("sh", "-c", script);

    protected string[] Snapshots() => [.. Host.Containers.Snapshots.List().Select(snapshot => snapshot.Id).Order()];

    protected static async Task<IReadOnlyList<string>> Diff(Container container)
    {
        var lines = new List<string>();
        await foreach (var change in container.DiffAsync())
        {
            lines.Add($"{change.Kind.ToString()[0]} {change.Path}");
        }

        return lines;
    }
}

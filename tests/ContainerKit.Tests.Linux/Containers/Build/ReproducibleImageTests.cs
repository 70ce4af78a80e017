using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Build;

/// <summary>The same input gives the same digest: in two stores, from two directories, at two times, and by two owners.</summary>
internal sealed class ReproducibleImageTests
{
    private static readonly DateTimeOffset Release = new(2024, 2, 29, 12, 0, 0, TimeSpan.Zero);

    private TemporaryDirectory _directory = null!;
    private ContainerHost _first = null!;
    private ContainerHost _second = null!;

    [SetUp]
    public async Task OpenTwoStores()
    {
        Needs.Overlay();
        _directory = new TemporaryDirectory();
        _first = await Open("first", "overlay");
        _second = await Open("second", "vfs");
    }

    [TearDown]
    public async Task Close()
    {
        await (_first?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (_second?.DisposeAsync() ?? ValueTask.CompletedTask);
        _directory?.Dispose();
    }

    [TestCase(LayerCompression.Gzip)]
    [TestCase(LayerCompression.Zstd)]
    [TestCase(LayerCompression.None)]
    public async Task A_build_from_two_checkouts_gives_one_digest(LayerCompression compression)
    {
        var first = await Build(_first, Checkout("one", backwards: false, new DateTime(2025, 1, 1, 0, 0, 0, DateTimeKind.Utc), "0:0"), compression);
        var second = await Build(_second, Checkout("two", backwards: true, new DateTime(2026, 6, 6, 6, 6, 6, DateTimeKind.Utc), "1234:5678"), compression);

        Assert.That(second.Layers.Select(layer => layer.DiffId), Is.EqualTo(first.Layers.Select(layer => layer.DiffId)));
        Assert.That(second.Digest, Is.EqualTo(first.Digest));
        Assert.That(first.Config.Created, Is.EqualTo(Release));
    }

    [Test]
    public async Task Files_of_before_the_given_time_keep_theirs()
    {
        var old = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        var image = await Build(_first, Checkout("old", backwards: false, old, "0:0"), LayerCompression.Gzip);

        var times = await image.Layers[0].EntriesAsync().Select(entry => entry.Metadata.ModifiedTime).ToListAsync();

        Assert.That(times, Has.Some.EqualTo(UnixTime.From(old)));
        Assert.That(times, Has.None.GreaterThan(UnixTime.From(Release)));
    }

    [Test]
    public async Task A_commit_of_the_same_edits_gives_one_digest()
    {
        var first = await Commit(_first);
        await Task.Delay(TimeSpan.FromMilliseconds(20));
        var second = await Commit(_second);

        Assert.That(second.Digest, Is.EqualTo(first.Digest));
    }

    private static async Task<Image> Commit(ContainerHost host)
    {
        var image = await host.BuildFromScratch().AddFile("/etc/motd", "hello\n").BuildAsync("base:1");
        await using var container = await host.Container(image).WithCommand("none").CreateAsync();
        await container.Files.WriteAllTextAsync("/etc/motd", "changed\n");
        await container.Files.CreateDirectoryAsync("/srv/new");
        return await container.CommitAsync("changed:1", new ImageEditOptions { Timestamp = Release, Compression = LayerCompression.None });
    }

    private static Task<Image> Build(ContainerHost host, string directory, LayerCompression compression) => host.BuildFromScratch()
        .AddDirectory(directory, "/srv").AddFile("/etc/motd", "hello\n").AddTar(Path.Combine(directory, "layer.tar"))
        .WithTimestamp(Release).WithCompression(compression).WithCommand("/srv/a").BuildAsync("built:1");

    private Task<ContainerHost> Open(string name, string driver) =>
        ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = _directory[name], StorageDriver = driver });

    private string Checkout(string name, bool backwards, DateTime time, string owner)
    {
        var names = Enumerable.Range(0, 20).Select(i => $"file{i}");
        foreach (var file in backwards ? names.Reverse() : names)
        {
            _directory.Write($"{name}/{file}", file);
        }

        _directory.Write($"{name}/directory/inner", "inner");
        _directory.Write($"{name}/link", "replaced");
        Shell.Script("""cd "$1"; rm link; ln -s file1 link; tar --mtime=@0 --owner=7 --group=7 --numeric-owner -cf layer.tar file1""", _directory[name]);
        foreach (var path in Directory.EnumerateFileSystemEntries(_directory[name], "*", SearchOption.AllDirectories).Append(_directory[name]))
        {
            Shell.Run("touch", "-h", "-d", time.ToString("O", System.Globalization.CultureInfo.InvariantCulture), path);
        }

        if (Environment.IsPrivilegedProcess)
        {
            Shell.Run("chown", "-hR", owner, _directory[name]);
        }

        return _directory[name];
    }
}

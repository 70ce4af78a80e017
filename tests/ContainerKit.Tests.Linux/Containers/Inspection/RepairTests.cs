using ContainerKit.Content;
using ContainerKit.Tests.Linux.Support;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Linux.Containers.Inspection;

/// <summary>What is damaged on disk is found, named, and put right; what is whole is left alone.</summary>
[TestFixture("vfs", Category = "Modes")]
[TestFixture("overlay")]
[TestFixture("aufs")]
internal sealed class RepairTests(string driver)
{
    private static readonly SampleImage Image = SampleImage.Of(40_000, 30_000);

    private TemporaryDirectory _directory = null!;
    private TestRegistry _registry = null!;
    private ContainerHost _host = null!;
    private string _name = null!;

    private BlobStore Blobs => _host.Images.Catalog.Blobs;

    [SetUp]
    public async Task PullAndUnpack()
    {
        if (driver == "overlay")
        {
            Needs.Overlay();
        }

        _directory = new TemporaryDirectory();
        _registry = new TestRegistry();
        _registry.Content.Add("app", "1", Image);
        _name = $"{_registry.Host}/app:1";
        _host = await Open();
        await _host.Images.PullAsync(_name);
        await (await _host.Container(_name).CreateAsync()).DisposeAsync();
        _registry.Forget();
    }

    [TearDown]
    public async Task Close()
    {
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        if (_registry is not null)
        {
            await _registry.DisposeAsync();
        }

        _directory?.Dispose();
    }

    [Test]
    public async Task A_sound_store_needs_nothing()
    {
        var repair = await _host.RepairAsync();

        Assert.That((repair.IsSound, repair.Found.IsSound, repair.Repaired.Count), Is.EqualTo((true, true, 0)));
        Assert.That(_registry.Requests, Is.Empty);
    }

    [Test]
    public async Task A_damaged_layer_is_fetched_again_and_nothing_else()
    {
        Garble(Blobs.PathOf(Digest.Of(Image.Layers[1])));

        var repair = await _host.RepairAsync();

        Assert.That(repair.Found.Problems.Single(), Does.StartWith($"The image '{_name}' is damaged: The blob {Digest.Of(Image.Layers[1])} is damaged: its content has the digest sha256:"));
        Assert.That(repair.Repaired, Has.Count.EqualTo(1).And.All.EndsWith("It was fetched again."));
        Assert.That(repair.Remaining, Is.Empty);
        Assert.That(_registry.Requests.Select(request => request.Path), Is.EqualTo(new[] { $"/v2/app/blobs/{Digest.Of(Image.Layers[1])}" }));
        Assert.That(await File.ReadAllBytesAsync(Blobs.PathOf(Digest.Of(Image.Layers[1]))), Is.EqualTo(Image.Layers[1]));
        await AssertSound();
    }

    [Test]
    public async Task Every_damaged_file_of_a_snapshot_is_named_and_of_very_many_the_number()
    {
        Directory.CreateDirectory(_directory["many"]);
        for (var i = 10; i < 40; i++)
        {
            _directory.Write($"many/file-{i}", "content");
        }

        var image = await _host.BuildFromScratch().AddDirectory(_directory["many"], "/").BuildAsync("many:1");
        await (await _host.Container(image).CreateAsync()).DisposeAsync();
        foreach (var tree in Directory.GetFiles(_directory["store/snapshots"], "file-10", SearchOption.AllDirectories).Select(file => Path.GetDirectoryName(file)!))
        {
            File.Delete(Path.Combine(tree, "file-10"));
            Enumerable.Range(11, 24).ToList().ForEach(i => Garble(Path.Combine(tree, $"file-{i}")));
            File.WriteAllText(Path.Combine(tree, "intruder"), "");
        }

        var problem = (await _host.CheckAsync()).Problems.Single();

        Assert.That(problem, Does.Contain("'/intruder' is in it").And.Contain("'/file-10' is missing").And.Contain("'/file-11' was changed").And.Contain("'/file-12' was changed"));
        Assert.That(problem, Does.Not.Contain("/file-34"));
        Assert.That(problem, Does.EndWith("more.").And.Contain("; and "));
        Assert.That(int.Parse(problem.Split("; and ")[1].Split(' ')[0]) + problem.Split("; ").Length - 1, Is.GreaterThanOrEqualTo(26));
        Assert.That((await _host.RepairAsync()).IsSound);
    }

    [Test]
    public async Task A_layer_that_is_gone_or_has_another_length_is_fetched_again([Values] bool isGone)
    {
        var path = Blobs.PathOf(Digest.Of(Image.Layers[0]));
        if (isGone)
        {
            File.Delete(path);
        }
        else
        {
            File.AppendAllText(path, "more");
        }

        await AssertRepaired(1);
    }

    [Test]
    public async Task Everything_that_an_image_consists_of_can_be_had_again()
    {
        foreach (var blob in Blobs.List().ToList())
        {
            Garble(Blobs.PathOf(blob));
        }

        await AssertRepaired(4);
        Assert.That(await _host.Images.FindAsync(_name), Has.Property("Digest").EqualTo(Image.Digest));
    }

    [Test]
    public async Task A_lost_manifest_of_an_index_that_was_pulled_whole_is_fetched_again()
    {
        var other = SampleImage.For(Platform.LinuxArm64 == Platform.Host ? Platform.LinuxAmd64 : Platform.LinuxArm64, 1000);
        _registry.Content.AddIndex("app", "all", Image, other);
        await _host.Images.PullAsync($"{_registry.Host}/app:all", new PullOptions { AllPlatforms = true });
        File.Delete(Blobs.PathOf(other.Digest));
        Garble(Blobs.PathOf(Digest.Of(other.Layers[0])));

        await AssertRepaired(2);
    }

    [Test]
    public async Task What_was_pushed_can_be_had_again_under_whatever_name()
    {
        var image = await _host.Images.ImportAsync(new MemoryStream(SampleImage.Tar("motd", "hello"u8.ToArray())), "own:1");
        await _host.Images.PushAsync(image, $"{_registry.Host}/own:1");
        foreach (var blob in (Digest[])[image.Digest, image.Layers[0].Descriptor.Digest])
        {
            Garble(Blobs.PathOf(blob));
        }

        await AssertRepaired(2);
    }

    [Test]
    public async Task Where_nobody_knows_the_source_the_damage_stays_and_the_cure_is_told()
    {
        var image = await _host.Images.ImportAsync(new MemoryStream(SampleImage.Tar("motd", "hello"u8.ToArray())), "own:1");
        var path = Blobs.PathOf(image.Layers[0].Descriptor.Digest);
        _registry.Content["backup"].Blobs[image.Layers[0].Descriptor.Digest] = await File.ReadAllBytesAsync(path);
        Garble(path);
        var before = await File.ReadAllBytesAsync(path);

        var repair = await _host.RepairAsync();

        Assert.That(repair.Repaired, Is.Empty);
        Assert.That(repair.Remaining.Single().Problem, Does.StartWith("The image 'own:1' is damaged: ").And.Contain("Nobody knows where the blob"));
        Assert.That(repair.Remaining.Single().Hint, Does.Contain("--from"));
        Assert.That(await File.ReadAllBytesAsync(path), Is.EqualTo(before));
        Assert.That((await _host.RepairAsync(new RepairOptions { Repositories = [$"{_registry.Host}/backup"] })).IsSound);
    }

    [Test]
    public async Task A_registry_that_gives_something_else_repairs_nothing()
    {
        var layer = Digest.Of(Image.Layers[0]);
        Garble(Blobs.PathOf(layer));
        _registry.Content["app"].Blobs[layer] = SampleImage.Noise(Image.Layers[0].Length, 99);
        var before = await File.ReadAllBytesAsync(Blobs.PathOf(layer));

        var repair = await _host.RepairAsync();

        Assert.That(repair.Remaining.Single().Problem, Does.Contain("It cannot be fetched again: The blob").And.Contain("is damaged"));
        Assert.That(repair.Remaining.Single().Hint, Is.Not.Null);
        Assert.That(await File.ReadAllBytesAsync(Blobs.PathOf(layer)), Is.EqualTo(before));
    }

    [Test]
    public async Task A_lost_list_of_images_does_not_lose_the_images([Values] bool isGone)
    {
        var index = Path.Combine(Blobs.Root, "index.json");
        await _host.DisposeAsync();
        if (isGone)
        {
            File.Delete(index);
        }
        else
        {
            File.WriteAllText(index, "{\"schemaVersion\":");
        }

        _host = await Open();
        var repair = await _host.RepairAsync();

        Assert.That((repair.IsSound, repair.Found.IsSound), Is.EqualTo((true, isGone)));
        Assert.That(await _host.Images.FindAsync(_name), Is.Not.Null);
        await AssertSound();
    }

    [Test]
    public async Task A_damaged_file_of_a_snapshot_is_found_and_the_layer_unpacked_again()
    {
        Garble(InSnapshots("file-1-*"), keepsTimes: true);

        var repair = await _host.RepairAsync();

        Assert.That(repair.Found.Problems.Single(), Does.StartWith("The snapshot '").And.Match("is damaged: the content of '/file-1-.*' is another.$"));
        Assert.That(repair.Repaired.Single(), Does.EndWith("It was unpacked again."));
        Assert.That(_registry.Requests, Is.Empty);
        await AssertSound();
        await AssertShowsItsFiles();
    }

    [Test]
    public async Task A_snapshot_that_lost_a_file_or_won_one_is_found([Values] bool isLost)
    {
        var path = InSnapshots("file-0-*");
        if (isLost)
        {
            File.Delete(path);
        }
        else
        {
            File.WriteAllText(Path.Combine(Path.GetDirectoryName(path)!, "intruder"), "");
        }

        var repair = await _host.RepairAsync();

        Assert.That(repair.Found.Problems, Is.Not.Empty.And.All.StartsWith("The snapshot '"));
        Assert.That(repair.Remaining, Is.Empty);
        await AssertSound();
        await AssertShowsItsFiles();
    }

    [Test]
    public async Task A_snapshot_whose_record_is_damaged_or_gone_is_unpacked_again([Values] bool isGone)
    {
        var record = Directory.GetFiles(SnapshotDirectory, "snapshot.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal).First();
        File.Delete(record);
        if (!isGone)
        {
            File.WriteAllText(record, "{");
        }

        var repair = await _host.RepairAsync();

        Assert.That(repair.Found.IsSound, Is.False);
        Assert.That(repair.Remaining, Is.Empty);
        await AssertSound();
        await AssertShowsItsFiles();
    }

    [Test]
    public async Task A_damaged_snapshot_is_not_taken_from_under_a_container()
    {
        await using var container = await _host.Container(_name).WithName("web").CreateAsync();
        await container.Files.WriteAllTextAsync("/own", "mine");
        Garble(InSnapshots("file-0-*", below: "c-"), keepsTimes: true);

        var repair = await _host.RepairAsync();

        Assert.That(repair.Remaining.Single().Problem, Does.EndWith("It is not unpacked again: the container 'web' stands on it, and nothing is taken from under that."));
        Assert.That(repair.Remaining.Single().Hint, Does.Contain("remove it"));
        Assert.That(await container.Files.ReadAllTextAsync("/own"), Is.EqualTo("mine"));
        await container.RemoveAsync();
        Assert.That((await _host.RepairAsync()).IsSound);
        await AssertShowsItsFiles();
    }

    [Test]
    public async Task A_layer_that_is_gone_from_below_a_container_comes_back()
    {
        if (driver == "aufs")
        {
            Assert.Ignore("Left out: with aufs a container knows its layers by ids that no new layer gets.");
        }

        await using var container = await _host.Container(_name).WithName("web").CreateAsync();
        await container.Files.WriteAllTextAsync("/own", "mine");
        Directory.Delete(Path.GetDirectoryName(Path.GetDirectoryName(InSnapshots("file-0-*", below: "c-"))!)!, recursive: true);

        var repair = await _host.RepairAsync();

        Assert.That(repair.Found.Problems, Is.Not.Empty.And.All.EndsWith("which is gone."));
        Assert.That(repair.Remaining, Is.Empty);
        Assert.That(await container.Files.ReadAllTextAsync("/own"), Is.EqualTo("mine"));
        Assert.That((await container.Files.ReadAllBytesAsync("/" + FileOf(0))).Length, Is.EqualTo(40_000));
        await container.RemoveAsync();
    }

    [Test]
    public async Task Whoever_is_killed_in_the_middle_leaves_nothing_that_is_worse()
    {
        var layer = Digest.Of(Image.Layers[0]);
        Garble(Blobs.PathOf(layer));
        Garble(InSnapshots("file-1-*"), keepsTimes: true);
        var before = await File.ReadAllBytesAsync(Blobs.PathOf(layer));
        _registry.Faults.Add(new Fault("GET", $"/v2/app/blobs/{layer}") { StallsAfter = 10_000 });

        using (var process = new SecondProcess(nameof(RepairOnce), _directory["store"], driver, _registry.Host))
        {
            SpinWait.SpinUntil(() => new FileInfo(Blobs.PathOfPart(layer)) is { Exists: true, Length: > 0 });
            process.Kill();
        }

        Assert.That(await File.ReadAllBytesAsync(Blobs.PathOf(layer)), Is.EqualTo(before));
        Assert.That((await _host.CheckAsync()).Problems, Has.Count.EqualTo(1));
        Assert.That((await _host.RepairAsync()).IsSound);
        await AssertSound();
        await AssertShowsItsFiles();
    }

    [Test]
    public async Task Two_that_repair_at_once_fetch_once()
    {
        Garble(Blobs.PathOf(Digest.Of(Image.Layers[0])));
        await using var other = await Open();

        var repairs = await Task.WhenAll(_host.RepairAsync(), other.RepairAsync());

        Assert.That(repairs.Select(repair => repair.IsSound), Is.All.True);
        Assert.That(repairs.Sum(repair => repair.Repaired.Count), Is.EqualTo(1));
        Assert.That(_registry.Downloads.Count(), Is.EqualTo(1));
    }

    /// <summary>Repairs a store.</summary>
    internal static void RepairOnce(string[] arguments)
    {
        string[] plain = [arguments[2]];
        var registry = new RegistryOptions { AuthFiles = Array.Empty<string>(), PlainHttp = plain };
        var host = ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = arguments[0], StorageDriver = arguments[1], Registry = registry }).GetAwaiter().GetResult();
        host.RepairAsync().GetAwaiter().GetResult();
    }

    private string SnapshotDirectory => Path.Combine(_directory["store"], "snapshots", driver);

    private Task<ContainerHost> Open() => ContainerHost.OpenAsync(new ContainerHostOptions
    {
        StoreDirectory = _directory["store"],
        StorageDriver = driver,
        Registry = new RegistryOptions { AuthFiles = [], PlainHttp = [_registry.Host], RetryDelay = TimeSpan.Zero },
    });

    private async Task AssertRepaired(int blobs)
    {
        _registry.Forget();
        var repair = await _host.RepairAsync();

        Assert.That(repair.Remaining, Is.Empty);
        Assert.That(repair.Repaired, Has.Count.GreaterThanOrEqualTo(1));
        Assert.That(_registry.Requests, Has.Count.EqualTo(blobs));
        await AssertSound();
    }

    private async Task AssertSound() => Assert.That((await _host.CheckAsync()).Problems, Is.Empty);

    private async Task AssertShowsItsFiles()
    {
        await using var container = await _host.Container(_name).CreateAsync();
        Assert.That((await container.Files.ReadAllBytesAsync("/" + FileOf(0))).Length, Is.EqualTo(40_000));
        Assert.That(Digest.Of(await container.Files.ReadAllBytesAsync("/" + FileOf(1))), Is.EqualTo(Digest.Of(SampleImage.Noise(30_000, 1 + Platform.Host.Architecture.Length))));
    }

    private static string FileOf(int layer) => $"file-{layer}-{Platform.Host.Architecture}";

    // The copy in the layer that brought it, which is the one with the fewest others beside it.
    private string InSnapshots(string pattern, string below = "") => Directory.GetFiles(SnapshotDirectory, pattern, SearchOption.AllDirectories)
        .Where(path => below.Length == 0 || driver == "aufs" || path.Contains($"/{below}", StringComparison.Ordinal))
        .OrderBy(path => Directory.GetFileSystemEntries(Path.GetDirectoryName(path)!).Length)
        .First();

    /// <summary>Changes a byte in the middle.</summary>
    private static void Garble(string path, bool keepsTimes = false)
    {
        var time = File.GetLastWriteTimeUtc(path);
        var bytes = File.ReadAllBytes(path);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(path, bytes);
        if (keepsTimes)
        {
            File.SetLastWriteTimeUtc(path, time);
        }
    }
}

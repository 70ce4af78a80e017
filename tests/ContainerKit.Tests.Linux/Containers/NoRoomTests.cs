using ContainerKit.Images;
using ContainerKit.Tests.Linux.Support;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Linux.Containers;

/// <summary>
/// A disk that gets full at any point of anything: what was asked for fails with a sentence that names the file system, what was there is there
/// still, and the same works when there is room.
/// </summary>
[TestFixture("overlay")]
[TestFixture("vfs", Category = "Modes")]
internal sealed class NoRoomTests(string driver)
{
    private const int Page = 4096, LargeFile = 120_000;

    private static readonly SampleImage Pulled = SampleImage.Of(90_000, 60_000);
    private static readonly SampleImage Damaged = SampleImage.Of(80_001);

    private TemporaryDirectory _directory = null!;
    private TestRegistry _registry = null!;
    private ContainerHost _host = null!;
    private Container _container = null!;
    private string[] _kept = null!;

    [SetUp]
    public async Task MountSmallDisk()
    {
        Needs.Root();
        _directory = new TemporaryDirectory();
        _registry = new TestRegistry();
        _registry.Content.Add("app", "1", Pulled);
        _registry.Content.Add("damaged", "1", Damaged);
        Shell.Run("mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=1200", "none", _directory.MakeDirectory("disk"));
        Shell.Run("mount", "-t", "tmpfs", "-o", "size=2m,nr_inodes=1200", "none", _directory.MakeDirectory("target"));
        File.WriteAllBytes(_directory["rootfs.tar"], SampleImage.Tar("large", SampleImage.Noise(LargeFile, 7)));
        _host = await Open();
        await _host.Images.ImportAsync(_directory["rootfs.tar"], "kept:1");
        var elsewhere = new ImageStore(new ImageCatalog(_directory["elsewhere"]));
        await elsewhere.SaveAsync(await elsewhere.ImportAsync(new MemoryStream(SampleImage.Tar("loaded", SampleImage.Noise(100_000, 6))), "new:1"), _directory["archive.tar"]);
        _container = await _host.Container("kept:1").WithName("web").CreateAsync();
        await _container.Files.WriteAllBytesAsync("/own", SampleImage.Noise(70_000, 8));
        await _host.Images.PullAsync($"{_registry.Host}/damaged:1");
        await _host.BuildFrom("kept:1").AddFile("/another", SampleImage.Noise(50_000, 9)).BuildAsync("unpacked-never:1");
        _kept = await Names();
    }

    [TearDown]
    public async Task Close()
    {
        if (_host is not null)
        {
            await _container.DisposeAsync();
            await _host.DisposeAsync();
        }

        if (_registry is not null)
        {
            await _registry.DisposeAsync();
        }

        _directory?.Dispose();
    }

    [Test]
    public async Task Nothing_is_lost_however_little_room_there_is(
        [Values("pull", "import", "load", "build", "squash", "convert", "commit", "tag", "create", "fork", "repair")] string operation, [Values] bool isShortOfInodes)
    {
        var failures = 0;
        var size = isShortOfInodes ? 1 : 3 * Page;
        for (var room = 0; ; room += size)
        {
            Assert.That(room, Is.LessThan(isShortOfInodes ? 200 : 2_000_000), "It never works.");
            Fill(_directory["disk"], room, isShortOfInodes);
            if (await FailureOf(operation) is not { } failure)
            {
                break;
            }

            failures++;
            AssertNames(failure, "disk");
            await AssertNothingLost(operation);
        }

        Assert.That(failures, Is.Positive);
        MakeRoom(_directory["disk"]);
        await AssertNothingLost(operation);
        await _host.DisposeAsync();
        _host = await Open();
        await AssertNothingLost(operation);
        Assert.That(Directory.EnumerateFileSystemEntries(_directory["disk/store/images/.tmp"]), Is.Empty);
        Assert.That(Directory.EnumerateFileSystemEntries(_directory[$"disk/store/snapshots/{driver}"]).Where(path => Path.GetFileName(path).StartsWith('.')), Is.Empty);
    }

    [Test]
    public async Task A_save_names_the_disk_that_it_was_to_go_to([Values] ImageArchiveFormat format, [Values] bool isShortOfInodes)
    {
        var image = (await _host.Images.FindAsync("kept:1"))!;
        var path = _directory["target/saved"];
        for (var room = 0; ; room += isShortOfInodes ? 1 : 6 * Page)
        {
            Assert.That(room, Is.LessThan(1_000_000), "It never works.");
            Fill(_directory["target"], room, isShortOfInodes);
            if (await FailureOf(() => _host.Images.SaveAsync(image, path, format)) is not { } failure)
            {
                break;
            }

            AssertNames(failure, "target");
            Assert.That(Directory.EnumerateFileSystemEntries(_directory["target"]).Where(entry => !entry.Contains("ballast", StringComparison.Ordinal)), Is.Empty);
        }

        Assert.That((await _host.Images.LoadAsync(path)).Config.DiffIds, Is.EqualTo(image.Config.DiffIds));
    }

    [Test]
    public async Task A_file_that_cannot_be_copied_up_stays_what_it_was()
    {
        for (var room = 0; room < LargeFile; room += 5 * Page)
        {
            Fill(_directory["disk"], room, isInodes: false);
            if (driver == "overlay")
            {
                Assert.That(() => _container.Files.OpenWriteAsync("/large"), Throws.TypeOf<IOException>().With.Message.EqualTo(
                    $"There is no room left for '/large' in the container: the file system mounted at '{_directory["disk"]}' is full."));
            }

            Assert.That(() => _container.Files.WriteAllBytesAsync("/new", new byte[2 * LargeFile]), Throws.InstanceOf<IOException>().With.Message.Contains("no room left for '/new'"));
            MakeRoom(_directory["disk"]);
            Assert.That(Digest.Of(await _container.Files.ReadAllBytesAsync("/large")), Is.EqualTo(Digest.Of(SampleImage.Noise(LargeFile, 7))));
            Assert.That(Digest.Of(await _container.Files.ReadAllBytesAsync("/own")), Is.EqualTo(Digest.Of(SampleImage.Noise(70_000, 8))));
            Assert.That(await _container.Files.ExistsAsync("/new"), Is.False);
        }

        await using (var file = await _container.Files.OpenWriteAsync("/large"))
        {
            Assert.That(file.Length, Is.EqualTo(LargeFile));
        }

        await AssertNothingLost("");
    }

    [Test]
    public async Task A_file_for_whose_new_content_there_is_no_room_keeps_the_old([Values("/own", "/large", "/new")] string path)
    {
        var content = SampleImage.Noise(LargeFile * 3 / 2, 3);
        File.WriteAllBytes(_directory["new"], content);
        var before = await _container.Files.ExistsAsync(path) ? await _container.Files.ReadAllBytesAsync(path) : null;

        for (var room = 0; room < LargeFile / 3; room += 3 * Page)
        {
            Fill(_directory["disk"], room, isInodes: false);
            foreach (var write in (Func<Task>[])[() => _container.Files.WriteAllBytesAsync(path, content), () => _container.Files.CopyInAsync(_directory["new"], path)])
            {
                Assert.That(
                    Assert.ThrowsAsync<IOException>(write)!.Message,
                    Is.EqualTo($"There is no room left for '{path}' in the container: the file system mounted at '{_directory["disk"]}' is full."));
            }

            MakeRoom(_directory["disk"]);
            Assert.That(await _container.Files.ExistsAsync(path) ? await _container.Files.ReadAllBytesAsync(path) : null, Is.EqualTo(before));
        }

        await _container.Files.CopyInAsync(_directory["new"], path);
        Assert.That(await _container.Files.ReadAllBytesAsync(path), Is.EqualTo(content));
    }

    [Test]
    public async Task What_is_not_needed_can_be_removed_from_a_disk_without_any_room([Values] bool isShortOfInodes)
    {
        Fill(_directory["disk"], 0, isShortOfInodes);

        await using (var another = await Open())
        {
            await another.Images.RemoveAsync("unpacked-never:1");
            await another.PruneAsync();
        }

        await _container.RemoveAsync();
        await _host.Images.RemoveAsync("kept:1");
        await _host.PruneAsync();
        await _host.Images.ImportAsync(_directory["rootfs.tar"], "again:1");

        Assert.That((await _host.CheckAsync()).Problems, Is.Empty);
        Assert.That(await Names(), Is.EqualTo(new[] { $"{_registry.Host}/damaged:1", "again:1" }.Order(StringComparer.Ordinal)));
    }

    private async Task Do(string operation)
    {
        var images = _host.Images;
        switch (operation)
        {
            case "pull": await images.PullAsync($"{_registry.Host}/app:1"); break;
            case "import": await images.ImportAsync(_directory["other.tar"], "new:1"); break;
            case "load": await images.LoadAsync(_directory["archive.tar"]); break;
            case "build": await _host.BuildFrom("kept:1").AddFile("/built", SampleImage.Noise(60_000, 3)).BuildAsync("new:1"); break;
            case "squash": await images.SquashAsync((await images.FindAsync("unpacked-never:1"))!, "new:1"); break;
            case "convert": await images.ConvertAsync((await images.FindAsync("kept:1"))!, "new:1", new ImageConversion { Compression = LayerCompression.Zstd }); break;
            case "commit": await _container.CommitAsync("new:1"); break;
            case "tag": await images.TagAsync((await images.FindAsync("kept:1"))!, "new:1"); break;
            case "create": await (await _host.Container("unpacked-never:1").CreateAsync()).DisposeAsync(); break;
            case "fork": await (await _container.ForkAsync()).DisposeAsync(); break;
            case "repair":
                await Garble(_host.Images.Catalog.Blobs.PathOf(Digest.Of(Damaged.Layers[0])));
                var repair = await _host.RepairAsync();
                if (!repair.IsSound)
                {
                    throw new StorageException(repair.Remaining[0].Problem) { Hint = repair.Remaining[0].Hint };
                }

                break;
        }
    }

    private Task<Exception?> FailureOf(string operation)
    {
        File.WriteAllBytes(_directory["other.tar"], SampleImage.Tar("other", SampleImage.Noise(100_000, 5)));
        return FailureOf(() => Do(operation));
    }

    private static async Task<Exception?> FailureOf(Func<Task> action)
    {
        try
        {
            await action();
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    private void AssertNames(Exception failure, string disk)
    {
        Assert.That(failure, Is.InstanceOf<ContainerKitException>(), failure.ToString());
        Assert.That(failure.Message, Does.Contain($"the file system mounted at '{_directory[disk]}' is full"), failure.ToString());
        Assert.That(((ContainerKitException)failure).Hint, Does.Contain("df -i"));
    }

    private async Task AssertNothingLost(string operation)
    {
        var problems = (await _host.CheckAsync()).Problems.Where(problem => operation != "repair" || !problem.Contains("damaged:1", StringComparison.Ordinal));
        Assert.That(problems, Is.Empty);
        Assert.That((await Names()).Where(name => name != "new:1" && !name.EndsWith("app:1", StringComparison.Ordinal)), Is.EqualTo(_kept));
        Assert.That(await _host.FindContainerAsync("web"), Is.Not.Null);
        Assert.That((await _container.Files.ReadAllBytesAsync("/own")).Length, Is.EqualTo(70_000));
    }

    private async Task<string[]> Names() => [.. (await _host.Images.ListAsync().Select(image => image.Reference.ToString()).ToListAsync()).Order(StringComparer.Ordinal)];

    private Task<ContainerHost> Open() => ContainerHost.OpenAsync(new ContainerHostOptions
    {
        StoreDirectory = _directory["disk/store"],
        StorageDriver = driver,
        Registry = new RegistryOptions { AuthFiles = [], PlainHttp = [_registry.Host], RetryDelay = TimeSpan.Zero },
    });

    private static async Task Garble(string path)
    {
        // In place, so that it takes no room.
        await using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        file.WriteByte(0);
    }

    /// <summary>Leaves so much room, and no more: bytes, or inodes.</summary>
    private static void Fill(string disk, long room, bool isInodes)
    {
        MakeRoom(disk);
        var ballast = Directory.CreateDirectory(Path.Combine(disk, "ballast")).FullName;
        if (!isInodes)
        {
            var free = new DriveInfo(disk).AvailableFreeSpace;
            using var file = File.Create(Path.Combine(ballast, "file"));
            var page = new byte[Page];
            for (var filled = 0L; filled < free - room; filled += Page)
            {
                file.Write(page);
            }

            return;
        }

        var count = 0;
        try
        {
            for (; ; count++)
            {
                File.Create(Path.Combine(ballast, $"{count}")).Dispose();
            }
        }
        catch (IOException)
        {
            for (var i = 0; i < room; i++)
            {
                File.Delete(Path.Combine(ballast, $"{i}"));
            }
        }
    }

    private static void MakeRoom(string disk)
    {
        if (Directory.Exists(Path.Combine(disk, "ballast")))
        {
            Directory.Delete(Path.Combine(disk, "ballast"), recursive: true);
        }
    }
}

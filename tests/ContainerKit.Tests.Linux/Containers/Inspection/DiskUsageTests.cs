using System.Globalization;
using ContainerKit.Tests.Linux.Support;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Linux.Containers.Inspection;

/// <summary>What a store says that it takes, and what du(1) says.</summary>
[TestFixture("vfs", Category = "Modes")]
[TestFixture("overlay")]
[TestFixture("aufs")]
internal sealed class DiskUsageTests(string driver)
{
    private TemporaryDirectory _directory = null!;
    private ContainerHost _host = null!;

    [SetUp]
    public async Task Fill()
    {
        if (driver == "overlay")
        {
            Needs.Overlay();
        }

        _directory = new TemporaryDirectory();
        _host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = _directory["store"], StorageDriver = driver });
        await _host.Images.ImportAsync(new MemoryStream(SampleImage.Tar("large", SampleImage.Noise(300_000, 1))), "base:1");
        await _host.BuildFrom("base:1").AddFile("/more", SampleImage.Noise(100_000, 2)).BuildAsync("derived:1");
        await (await _host.Container("derived:1").CreateAsync()).DisposeAsync();
    }

    [TearDown]
    public async Task Close()
    {
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        _directory?.Dispose();
    }

    [Test]
    public async Task The_total_is_what_du_says()
    {
        await using var container = await _host.Container("derived:1").WithName("web").CreateAsync();
        await container.Files.WriteAllBytesAsync("/own", SampleImage.Noise(200_000, 3));
        await container.Files.CreateHardLinkAsync("/again", "/own");

        var usage = await _host.GetDiskUsageAsync();

        Assert.That(usage.TotalBytes, Is.EqualTo(DiskBytes(_directory["store"])));
        Assert.That(usage.BlobBytes, Is.EqualTo(DiskBytes(_directory["store/images/blobs/sha256"]) - DirectoryBytes(_directory["store/images/blobs/sha256"])));
        Assert.That(usage.Containers.Single(), Has.Property("Name").EqualTo("web").And.Property("Image").EqualTo("derived:1"));
        Assert.That(usage.Containers.Single().Bytes, Is.InRange(driver == "vfs" ? 600_000 : 200_000, driver == "vfs" ? 700_000 : 260_000));
        Assert.That(
            usage.BlobBytes + usage.PartialDownloads.Bytes + usage.Snapshots.Sum(each => each.Bytes) + usage.Containers.Sum(each => each.Bytes) + usage.OtherBytes,
            Is.EqualTo(usage.TotalBytes));
    }

    [Test]
    public async Task Images_have_what_is_theirs_alone_and_what_they_share()
    {
        var usage = await _host.GetDiskUsageAsync();
        var (below, above) = (usage.Images.Single(image => image.Names[0].ToString() == "base:1"), usage.Images.Single(image => image.Names[0].ToString() == "derived:1"));

        Assert.That(below.SharedBytes, Is.EqualTo(above.SharedBytes).And.InRange(300_000, 320_000));
        Assert.That(above.UniqueBytes, Is.InRange(100_000, 130_000));
        Assert.That(usage.BlobBytes, Is.EqualTo(below.SharedBytes + below.UniqueBytes + above.UniqueBytes));
        Assert.That(usage.ReclaimableBytes, Is.Zero);
    }

    [Test]
    public async Task What_can_be_reclaimed_is_what_pruning_frees()
    {
        await _host.Images.RemoveAsync("derived:1");
        var another = await _host.Images.ImportAsync(new MemoryStream(SampleImage.Tar("large", SampleImage.Noise(50_000, 4))), "again:1");
        await _host.Images.ImportAsync(new MemoryStream(SampleImage.Tar("large", SampleImage.Noise(60_000, 5))), "again:1");
        File.WriteAllBytes(Path.Combine(_directory["store/images/.tmp"], new string('a', 64) + ".part"), new byte[30_000]);
        var before = await _host.GetDiskUsageAsync();

        await _host.Images.PruneAsync();
        await _host.PruneAsync();
        var after = await _host.GetDiskUsageAsync();

        Assert.That(before.Images.Single(image => image.Digest == another.Digest).IsReclaimable);
        Assert.That(before.PartialDownloads.Count, Is.EqualTo(1));
        Assert.That(before.ReclaimableBytes, Is.GreaterThan(150_000));
        Assert.That(before.TotalBytes - after.TotalBytes, Is.EqualTo(before.ReclaimableBytes).Within(8192));
        Assert.That(after.ReclaimableBytes, Is.Zero);
    }

    private static long DiskBytes(string path) => long.Parse(Shell.Run("du", "-s", "-B1", path).Split('\t')[0], CultureInfo.InvariantCulture);

    private static long DirectoryBytes(string path) => long.Parse(Shell.Run("stat", "-c", "%b", path), CultureInfo.InvariantCulture) * 512;
}

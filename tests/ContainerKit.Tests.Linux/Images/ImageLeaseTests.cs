using ContainerKit.Tests.Linux.Support;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Linux.Images;

/// <summary>What a program holds stays, whatever other processes do; and no longer.</summary>
internal sealed class ImageLeaseTests
{
    private TemporaryDirectory _directory = null!;
    private ContainerHost _host = null!;
    private Image _image = null!;

    [SetUp]
    public async Task ImportAndUnpack()
    {
        _directory = new TemporaryDirectory();
        _host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = _directory["store"], StorageDriver = "vfs" });
        _image = await _host.Images.ImportAsync(new MemoryStream(SampleImage.Tar("motd", "hello"u8.ToArray())), "held:1");
        await (await _host.Container(_image).CreateAsync()).DisposeAsync();
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
    public async Task What_another_process_holds_loses_its_name_and_nothing_else_until_that_process_is_killed()
    {
        using (var process = new SecondProcess(nameof(HoldForever), _directory["store"]))
        {
            Assert.That(process.ReadLine(), Is.EqualTo(_image.Digest.ToString()));
            await _host.Images.RemoveAsync("held:1");
            await Prune();

            Assert.That(await _host.Images.FindAsync("held:1"), Is.Null);
            Assert.That((await _host.Images.FindAsync(_image.Digest.ToString()))?.Reference.HasName, Is.False);
            Assert.That(_host.Containers.Snapshots.List(), Is.Not.Empty);
            await using (var container = await _host.Container(_image).CreateAsync())
            {
                Assert.That(await container.Files.ReadAllTextAsync("/motd"), Is.EqualTo("hello"));
            }

            Assert.That(() => _host.Images.RemoveAsync(_image.Digest.ToString()), Throws.TypeOf<ImageException>().With.Message.Contains("holds a lease on it"));
            process.Kill();
        }

        await Prune();
        Assert.That(await _host.Images.FindAsync(_image.Digest.ToString()), Is.Null);
        Assert.That(_host.Images.Catalog.Blobs.List(), Is.Empty);
        Assert.That(_host.Containers.Snapshots.List(), Is.Empty);
    }

    [Test]
    public async Task Each_of_several_leases_holds_alone()
    {
        var one = await _host.Images.LeaseAsync(_image);
        await using var other = await _host.Images.LeaseAsync(_image);
        await one.DisposeAsync();
        await one.DisposeAsync();
        await _host.Images.RemoveAsync("held:1");
        await Prune();

        Assert.That(await _host.Images.FindAsync(other.Image.Digest.ToString()), Is.Not.Null);
        await other.DisposeAsync();
        await Prune();
        Assert.That(_host.Images.Catalog.Blobs.List(), Is.Empty);
        Assert.That(Directory.EnumerateFiles(_directory["store/images/.leases"]), Is.Empty);
    }

    [Test]
    public async Task A_lease_is_no_name_so_a_removed_image_cannot_be_held()
    {
        await _host.Images.RemoveAsync("held:1");

        Assert.That(() => _host.Images.LeaseAsync(_image), Throws.TypeOf<ImageException>().With.Message.Contains("no longer in the store"));
    }

    [Test]
    public async Task A_held_image_with_a_name_keeps_it_when_others_prune()
    {
        await using var lease = await _host.Images.LeaseAsync(_image);
        await Prune();

        Assert.That((await _host.Images.FindAsync("held:1"))?.Digest, Is.EqualTo(_image.Digest));
    }

    /// <summary>Holds the image until it is killed.</summary>
    internal static void HoldForever(string[] arguments)
    {
        var host = ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = arguments[0], StorageDriver = "vfs" }).GetAwaiter().GetResult();
        var image = host.Images.FindAsync("held:1").GetAwaiter().GetResult()!;
        using var lease = host.Images.LeaseAsync(image).GetAwaiter().GetResult();
        Console.WriteLine(lease.Image.Digest);
        Thread.Sleep(Timeout.Infinite);
    }

    private async Task Prune()
    {
        await _host.Images.PruneAsync();
        await _host.PruneAsync();
    }
}

using ContainerKit.Layers;
using ContainerKit.Tests.Layers;

namespace ContainerKit.Tests.Images.Archives;

public sealed class ImageSaverTests
{
    private Store _store = null!;
    private Image _image = null!;

    [SetUp]
    public async Task Open()
    {
        _store = new Store();
        _image = await _store.Images.ImportAsync(new MemoryStream(Samples.Compress(Store.RootFs(), CompressionKind.Zstd)), "debian:12");
    }

    [TearDown]
    public void Close() => _store.Dispose();

    [Test]
    public async Task What_is_saved_can_be_loaded([Values] ImageArchiveFormat format)
    {
        using var other = new Store();
        await _store.Images.SaveAsync(_image, _store["saved"], format);

        var loaded = await other.Images.LoadAsync(_store["saved"]);

        Assert.That(loaded.Reference, Is.EqualTo(_image.Reference));
        Assert.That(loaded.ConfigDescriptor.Digest, Is.EqualTo(_image.ConfigDescriptor.Digest));
        Assert.That(loaded.Layers.Single().DiffId, Is.EqualTo(_image.Layers.Single().DiffId));
    }

    [Test]
    public async Task What_a_killed_save_left_goes_with_a_later_one_and_what_is_young_or_another_s_stays()
    {
        string[] names = [$"saved.{new string('a', 32)}.tmp", $"saved.{new string('b', 32)}.tmp", $"saved.{new string('x', 32)}.tmp", $"other.{new string('a', 32)}.tmp"];
        foreach (var name in names)
        {
            File.SetLastWriteTimeUtc(_store.Write(name, "part"u8), DateTime.UtcNow.AddHours(name == names[1] ? -0.5 : -2));
        }

        await _store.Images.SaveAsync(_image, _store["saved"], ImageArchiveFormat.Oci);

        Assert.That(names.Where(name => File.Exists(_store[name])), Is.EqualTo(names[1..]));
    }

    [TestCase(ImageArchiveFormat.Oci)]
    [TestCase(ImageArchiveFormat.OciDirectory)]
    public async Task OCI_s_formats_keep_the_image_s_digest(ImageArchiveFormat format)
    {
        using var other = new Store();
        await _store.Images.SaveAsync(_image, _store["saved"], format);

        Assert.That((await other.Images.LoadAsync(_store["saved"])).Digest, Is.EqualTo(_image.Digest));
    }

    [TestCase(ImageArchiveFormat.Oci)]
    [TestCase(ImageArchiveFormat.Docker)]
    public async Task The_same_image_gives_the_same_bytes(ImageArchiveFormat format)
    {
        await _store.Images.SaveAsync(_image, _store["first"], format);
        await _store.Images.SaveAsync(_image, _store["second"], format);

        Assert.That(File.ReadAllBytes(_store["second"]), Is.EqualTo(File.ReadAllBytes(_store["first"])));
    }

    [Test]
    public async Task A_file_that_is_there_is_replaced()
    {
        _store.Write("saved", "old"u8);

        await _store.Images.SaveAsync(_image, _store["saved"]);

        Assert.That(new FileInfo(_store["saved"]).Length, Is.GreaterThan(1000));
    }

    [Test]
    public async Task An_empty_directory_makes_way_and_another_does_not()
    {
        Directory.CreateDirectory(_store["empty"]);
        _store.Write("full/file", "mine"u8);

        await _store.Images.SaveAsync(_image, _store["empty"], ImageArchiveFormat.OciDirectory);

        Assert.That(File.Exists(_store["empty/oci-layout"]));
        Assert.That(
            () => _store.Images.SaveAsync(_image, _store["full"], ImageArchiveFormat.OciDirectory),
            Throws.TypeOf<ImageException>().With.Message.Contains("there is something already"));
        Assert.That(Directory.EnumerateFileSystemEntries(_store["full"]).Count(), Is.EqualTo(1));
    }

    [Test]
    public void A_blob_that_was_damaged_on_disk_is_not_saved([Values] ImageArchiveFormat format)
    {
        var path = _store.Catalog.Blobs.PathOf(_image.Layers[0].Descriptor.Digest);
        var content = File.ReadAllBytes(path);
        content[^1] ^= 1;
        File.WriteAllBytes(path, content);

        Assert.That(() => _store.Images.SaveAsync(_image, _store["saved"], format), Throws.TypeOf<ImageException>());
        Assert.That(Directory.EnumerateFileSystemEntries(_store["."]).Select(Path.GetFileName), Is.EqualTo(new[] { "images" }));
    }

    [Test]
    public void A_cancelled_save_leaves_nothing([Values] ImageArchiveFormat format)
    {
        Assert.That(
            () => _store.Images.SaveAsync(_image, _store["saved"], format, cancellationToken: new CancellationToken(canceled: true)),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Directory.EnumerateFileSystemEntries(_store["."]).Select(Path.GetFileName), Is.EqualTo(new[] { "images" }));
    }

    [Test]
    public void A_place_that_does_not_exist_is_named()
    {
        Assert.That(() => _store.Images.SaveAsync(_image, _store["no/such/place.tar"]), Throws.TypeOf<ImageException>().With.Message.Contains("place.tar"));
    }
}

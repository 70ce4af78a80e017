namespace ContainerKit.Tests.Images.Archives;

/// <summary>Layouts and archives whose blobs are named by sha512.</summary>
public sealed class Sha512LayoutTests
{
    private readonly Archive _archive = new() { IsSha512 = true };
    private Store _store = null!;
    private Image _image = null!;

    [SetUp]
    public async Task Load()
    {
        _store = new Store();
        _archive.AsOci(_archive.AddImage(more: Archive.Named("debian:12"), architecture: Platform.Host.Architecture));
        _image = await _store.Images.LoadAsync(_archive.ToDirectory(_store["layout"]));
    }

    [TearDown]
    public void Close() => _store.Dispose();

    [Test]
    public void A_directory_is_loaded_as_it_is()
    {
        Assert.That(_image.Digest.Algorithm, Is.EqualTo("sha512"));
        Assert.That(_store.Files().Where(IsBlob), Is.EquivalentTo(_archive.Files.Keys.Where(IsBlob)));
    }

    [Test]
    public async Task An_archive_is_loaded_as_the_same_image()
    {
        using var other = new Store();

        var image = await other.Images.LoadAsync(other.Write("layout.tar", _archive.ToTar()));

        Assert.That(image.Digest, Is.EqualTo(_image.Digest));
    }

    [TestCase(ImageArchiveFormat.Oci)]
    [TestCase(ImageArchiveFormat.OciDirectory)]
    public async Task What_is_saved_is_loaded_elsewhere_as_the_same_image(ImageArchiveFormat format)
    {
        using var other = new Store();

        await _store.Images.SaveAsync(_image, _store["saved"], format);
        var loaded = await other.Images.LoadAsync(_store["saved"]);

        Assert.That(loaded.Digest, Is.EqualTo(_image.Digest));
        Assert.That(other.Files().Where(IsBlob), Is.EquivalentTo(_archive.Files.Keys.Where(IsBlob)));
    }

    [Test]
    public async Task A_docker_archive_of_it_holds_the_same_config_and_layers()
    {
        using var other = new Store();

        await _store.Images.SaveAsync(_image, _store["saved"], ImageArchiveFormat.Docker);
        var loaded = await other.Images.LoadAsync(_store["saved"]);

        Assert.That(loaded.Layers.Select(layer => layer.DiffId), Is.EqualTo(_image.Layers.Select(layer => layer.DiffId)));
        Assert.That(loaded.Config.Command, Is.EqualTo(_image.Config.Command));
    }

    [Test]
    public async Task It_is_found_by_the_beginning_of_its_digest()
    {
        Assert.That((await _store.Images.FindAsync(_image.Digest.Hex[..12]))?.Digest, Is.EqualTo(_image.Digest));
        Assert.That((await _store.Images.FindAsync(_image.Digest.ToString()))?.Digest, Is.EqualTo(_image.Digest));
        Assert.That(await _store.Images.FindAsync("sha256:" + _image.Digest.Hex[..12]), Is.Null);
    }

    [Test]
    public async Task What_is_made_of_it_is_named_by_sha256()
    {
        var squashed = await _store.Images.SquashAsync(_image, "squashed:1");

        Assert.That((squashed.Digest.Algorithm, squashed.Layers[0].DiffId.Algorithm), Is.EqualTo(("sha256", "sha256")));
    }

    [Test]
    public async Task A_lease_keeps_it_and_its_removal_sweeps_it()
    {
        using (await _store.Images.LeaseAsync(_image))
        {
            await _store.Images.RemoveAsync("debian:12");
            await _store.Images.PruneAsync();
            Assert.That(_store.Files().Where(IsBlob), Has.Exactly(3).Items);
        }

        await _store.Images.PruneAsync();

        Assert.That(_store.Files().Where(IsBlob), Is.Empty);
    }

    [Test]
    public void A_layer_that_is_another_is_refused()
    {
        var blob = _archive.Files.Last(file => IsBlob(file.Key) && file.Value.Length > 2000);
        _archive.With(blob.Key, [.. blob.Value[..^1], 1]);
        using var other = new Store();

        Assert.That(() => other.Images.LoadAsync(_archive.ToDirectory(other["layout"])), Throws.TypeOf<ImageException>().With.Message.Contains("damaged"));
        Assert.That(other.Files().Where(IsBlob), Is.Empty);
    }

    private static bool IsBlob(string file) => file.StartsWith("blobs/", StringComparison.Ordinal);
}

using System.Text;
using ContainerKit.Images;

namespace ContainerKit.Tests.Images.Archives;

/// <summary>An index with everything that builders put into one, in and out again.</summary>
public sealed class AllPlatformsTests
{
    private static readonly string Host = Platform.Host.Architecture;
    private static readonly string Foreign = Host == "s390x" ? "amd64" : "s390x";

    private Store _store = null!;
    private Archive _archive = null!;
    private string _foreign = null!;

    [SetUp]
    public void Open()
    {
        _store = new Store();
        _archive = new Archive();
        var attestation = _archive.AddBlob("""{"_type":"https://in-toto.io/Statement/v0.1"}"""u8.ToArray(), "application/vnd.in-toto+json").Json;
        var config = _archive.AddBlob("{}"u8.ToArray(), MediaTypes.Config).Json;
        var about = _archive.AddBlob(Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"config":{{config}},"layers":[{{attestation}}]}"""), MediaTypes.Manifest, Archive.For("unknown", "unknown")).Json;
        var odd = _archive.AddBlob([0, 1, 2, 255], "application/vnd.example.unheard-of").Json;
        _foreign = _archive.AddImage("foreign", Archive.For(Foreign), Foreign);
        string[] entries = [_archive.AddImage("host", Archive.For(Host), Host), _foreign, about, odd];
        var index = _archive.AddBlob(Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"manifests":[{{string.Join(',', entries)}}]}"""), MediaTypes.Index, Archive.Named("app:1")).Json;
        _archive.AsOci(index);
    }

    [TearDown]
    public void Close() => _store.Dispose();

    [TestCase(ImageArchiveFormat.Oci)]
    [TestCase(ImageArchiveFormat.OciDirectory)]
    public async Task It_comes_in_whole_and_goes_out_whole(ImageArchiveFormat format)
    {
        var image = await LoadAsync();
        await _store.Images.SaveAsync(image, _store["saved"], format, new SaveOptions { AllPlatforms = true });
        using var other = new Store();

        var again = await other.Images.LoadAsync(_store["saved"], new LoadOptions { AllPlatforms = true });

        var blobs = _archive.Files.Keys.Where(name => name.StartsWith("blobs/", StringComparison.Ordinal)).ToList();
        Assert.That(blobs, Is.SubsetOf(_store.Files()).And.SubsetOf(other.Files()));
        Assert.That(again.Reference.ToString(), Is.EqualTo("app:1"));
        Assert.That(again.IndexDigest, Is.EqualTo(image.IndexDigest).And.Not.Null);
        Assert.That(again.Config.Platform.Architecture, Is.EqualTo(Host));
    }

    [Test]
    public async Task Without_being_asked_the_image_for_this_machine_is_taken()
    {
        var image = await _store.Images.LoadAsync(_store.Write("image.tar", _archive.ToTar()));

        Assert.That(image.IndexDigest, Is.Null);
        Assert.That(() => _store.Images.SaveAsync(image, _store["saved"], ImageArchiveFormat.Oci, new SaveOptions { AllPlatforms = true }), Throws.TypeOf<ImageException>().With.Property("Hint").Contains("AllPlatforms"));
    }

    [Test]
    public async Task A_sweep_and_a_check_know_all_of_it()
    {
        await LoadAsync();
        var before = _store.Files();

        Assert.That(_store.Catalog.Sweep(), Is.Zero);

        Assert.That(_store.Files(), Is.EqualTo(before));
        var checker = new ImageChecker(_store.Catalog, CancellationToken.None);
        checker.Run();
        Assert.That(checker.Problems, Is.Empty);
    }

    [Test]
    public async Task What_the_index_lists_and_the_archive_lacks_is_left_out()
    {
        var lacking = new Archive();
        foreach (var (name, content) in _archive.Files.Where(file => !_foreign.Contains(Path.GetFileName(file.Key), StringComparison.Ordinal)))
        {
            lacking.With(name, content);
        }

        var image = await _store.Images.LoadAsync(_store.Write("image.tar", lacking.ToTar()), new LoadOptions { AllPlatforms = true });

        Assert.That(image.IndexDigest, Is.Not.Null);
    }

    [Test]
    public async Task Images_that_a_layout_lists_side_by_side_get_an_index()
    {
        var archive = new Archive();
        archive.AsOci(archive.AddImage("host", Archive.For(Host), Host), archive.AddImage("foreign", Archive.For(Foreign), Foreign));
        var path = _store.Write("image.tar", archive.ToTar());

        var image = await _store.Images.LoadAsync(path, new LoadOptions { AllPlatforms = true }, "app:2");

        Assert.That(image.Config.Platform.Architecture, Is.EqualTo(Host));
        Assert.That(image.IndexDigest, Is.Not.Null.And.EqualTo((await _store.Images.LoadAsync(path, new LoadOptions { AllPlatforms = true }, "app:2")).IndexDigest));
    }

    [Test]
    public void A_docker_archive_has_no_place_for_it() => Assert.That(
        async () => await _store.Images.SaveAsync(await LoadAsync(), _store["saved"], ImageArchiveFormat.Docker, new SaveOptions { AllPlatforms = true }),
        Throws.TypeOf<ArgumentException>());

    private Task<Image> LoadAsync() => _store.Images.LoadAsync(_store.Write("image.tar", _archive.ToTar()), new LoadOptions { AllPlatforms = true });
}

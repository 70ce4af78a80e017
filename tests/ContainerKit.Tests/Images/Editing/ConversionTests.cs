using ContainerKit.Images;
using ContainerKit.Tests.Images.Archives;

namespace ContainerKit.Tests.Images.Editing;

public sealed class ConversionTests : EditFixture
{
    private static readonly ImageConversion ToDocker = new() { Manifest = ManifestFormat.Docker };
    private static readonly ImageConversion ToOci = new() { Manifest = ManifestFormat.Oci };

    [Test]
    public async Task In_Docker_s_words_every_digest_but_the_manifest_s_is_the_same()
    {
        var docker = await Images.ConvertAsync(App, "app:docker", ToDocker);

        Assert.That(docker.Manifest.MediaType, Is.EqualTo(MediaTypes.DockerManifest));
        Assert.That(docker.ConfigDescriptor, Is.EqualTo(App.ConfigDescriptor with { MediaType = MediaTypes.DockerConfig }));
        Assert.That(docker.Layers.Select(layer => layer.Descriptor), Is.EqualTo(App.Layers.Select(layer => layer.Descriptor with { MediaType = MediaTypes.DockerLayerGzip })));
    }

    [Test]
    public async Task There_and_back_is_the_same_image() =>
        Assert.That((await Images.ConvertAsync(await Images.ConvertAsync(App, "app:docker", ToDocker), "app:oci", ToOci)).Digest, Is.EqualTo(App.Digest));

    [Test]
    public async Task What_is_so_already_stays_as_it_is()
    {
        Assert.That((await Images.ConvertAsync(App, "app:same", ToOci)).Digest, Is.EqualTo(App.Digest));
        Assert.That((await Images.ConvertAsync(App, "app:same", new ImageConversion { Compression = LayerCompression.Gzip })).Digest, Is.EqualTo(App.Digest));
        Assert.That((await Images.ConvertAsync(App, "app:same", new ImageConversion())).Digest, Is.EqualTo(App.Digest));
    }

    [TestCase(LayerCompression.Zstd, MediaTypes.LayerZstd)]
    [TestCase(LayerCompression.None, MediaTypes.Layer)]
    public async Task Layers_compressed_otherwise_are_the_same_layers(LayerCompression compression, string mediaType)
    {
        var converted = await Images.ConvertAsync(App, "app:2", new ImageConversion { Compression = compression });

        Assert.That(converted.Layers.Select(layer => layer.DiffId), Is.EqualTo(App.Layers.Select(layer => layer.DiffId)));
        Assert.That(converted.Layers.Select(layer => layer.Descriptor.MediaType), Has.All.EqualTo(mediaType));
        Assert.That(converted.ConfigDescriptor, Is.EqualTo(App.ConfigDescriptor));
        Assert.That(Tree(converted), Is.EqualTo(Tree(App)));
    }

    [Test]
    public async Task Docker_knows_no_zstd()
    {
        var zstd = await Images.ConvertAsync(App, "app:zstd", new ImageConversion { Compression = LayerCompression.Zstd });

        Assert.That(() => Images.ConvertAsync(zstd, "app:docker", ToDocker), Throws.TypeOf<ImageException>().With.Property("Hint").Contains("gzip"));
        Assert.That((await Images.ConvertAsync(zstd, "app:docker", ToDocker with { Compression = LayerCompression.Gzip })).Layers[0].Descriptor.MediaType, Is.EqualTo(MediaTypes.DockerLayerGzip));
    }

    [Test]
    public async Task An_archive_may_be_compressed_otherwise_than_the_store()
    {
        using var other = new Store();
        var names = await Store.NamesAsync();
        await Images.SaveAsync(App, Store["zstd.tar"], ImageArchiveFormat.Oci, new ImageConversion { Compression = LayerCompression.Zstd });

        var loaded = await other.Images.LoadAsync(Store["zstd.tar"]);

        Assert.That(loaded.Layers.Select(layer => layer.Descriptor.MediaType), Has.All.EqualTo(MediaTypes.LayerZstd));
        Assert.That((loaded.Reference, loaded.ConfigDescriptor), Is.EqualTo((App.Reference, App.ConfigDescriptor)));
        Assert.That(await Store.NamesAsync(), Is.EqualTo(names));
        Assert.That(Store.Catalog.Blobs.Contains(loaded.Layers[0].Descriptor.Digest), Is.False, "What was made for the archive is still there.");
    }

    [Test]
    public void A_docker_archive_takes_no_conversion() =>
        Assert.That(() => Images.SaveAsync(App, Store["docker.tar"], ImageArchiveFormat.Docker, ToOci), Throws.ArgumentException);

    [Test]
    public async Task A_layer_on_an_image_in_Docker_s_words_makes_an_image_in_OCI_s()
    {
        var docker = await Images.ConvertAsync(App, "app:docker", ToDocker);

        var appended = await Images.AppendAsync(docker, Store.Write("more.tar", Middle), "app:2");

        Assert.That(appended.Manifest.MediaType, Is.EqualTo(MediaTypes.Manifest));
        Assert.That(appended.Layers.Select(layer => layer.Descriptor.MediaType), Is.EqualTo(new[] { MediaTypes.LayerGzip, MediaTypes.LayerGzip, MediaTypes.LayerGzip, MediaTypes.LayerGzip }));
    }

    [Test]
    public async Task What_nobody_knows_is_kept_wherever_it_stands()
    {
        var app = WithDocuments(
            App,
            config: text => text
                .Replace("\"rootfs\":{", "\"moby.buildkit.buildinfo.v1\":\"e30=\",\"rootfs\":{\"more\":1,", StringComparison.Ordinal)
                .Replace("\"created_by\":\"append\"", "\"created_by\":\"append\",\"tool\":\"x\"", StringComparison.Ordinal)
                .Replace("\"created\":\"1970-01-01T00:00:00Z\"", "\"created\":\"1970-01-01T00:00:00.123456789Z\"", StringComparison.Ordinal),
            manifest: text => text[..^1].Replace("\"layers\":[{", "\"layers\":[{\"platform\":{\"os\":\"linux\",\"architecture\":\"x\"},\"annotations\":{\"a\":\"b\"},", StringComparison.Ordinal) + ",\"artifactType\":\"x/y\",\"annotations\":{\"k\":\"v\"}}");

        var appended = await Images.AppendAsync(app, Store.Write("more.tar", Middle), "app:2");

        Assert.That(Text(appended.ConfigDescriptor), Does.Contain("moby.buildkit.buildinfo.v1").And.Contain("\"more\":1").And.Contain("\"tool\":\"x\"").And.Contain("00:00:00.123456789Z"));
        Assert.That(Text(appended.Manifest), Does.Contain("\"platform\":{\"os\":\"linux\",\"architecture\":\"x\"},\"annotations\":{\"a\":\"b\"}").And.Contain("\"artifactType\":\"x/y\"").And.Contain("{\"k\":\"v\"}"));
    }

    [Test]
    public async Task A_foreign_layer_that_is_elsewhere_is_pointed_at_and_never_fetched([Values] bool isHere)
    {
        var archive = Foreign(isHere);
        var image = await Images.LoadAsync(archive.ToDirectory(Store["layout"]));

        var appended = await Images.AppendAsync(image, Store.Write("more.tar", Middle), "foreign:2");
        await Images.SaveAsync(appended, Store["saved"], ImageArchiveFormat.OciDirectory);
        using var other = new Store();
        var back = await other.Images.LoadAsync(Store["saved"]);

        Assert.That(back.Digest, Is.EqualTo(appended.Digest));
        Assert.That((back.Layers[0].IsForeign, back.Layers[0].Descriptor.Urls), Is.EqualTo((true, new[] { "https://example.invalid/layer" })));
        Assert.That(other.Catalog.Blobs.Contains(back.Layers[0].Descriptor.Digest), Is.EqualTo(isHere));
        Assert.That(Check(other.Catalog), Is.Empty);
        Assert.That(
            () => back.Layers[0].OpenAsync(),
            isHere ? Throws.Nothing : Throws.TypeOf<ImageException>().With.Property("Hint").Contains("https://example.invalid/layer"));
    }

    [Test]
    public async Task A_layer_that_is_not_foreign_must_be_there_whatever_places_it_names()
    {
        Assert.That(
            () => Images.LoadAsync(Foreign(isHere: false, mediaType: MediaTypes.Layer).ToDirectory(Store["layout"])),
            Throws.TypeOf<ImageException>().With.Message.Contains("no blob"));
        Assert.That(await Images.FindAsync("foreign:1"), Is.Null);
    }

    [Test]
    public async Task A_layer_without_entries_is_a_layer()
    {
        var empty = await Images.AppendAsync(App, Store.Write("empty.tar", new byte[1024]), "app:2");
        await Images.SaveAsync(empty, Store["docker.tar"], ImageArchiveFormat.Docker);
        using var other = new Store();

        var loaded = await other.Images.LoadAsync(Store["docker.tar"]);

        Assert.That(loaded.Layers[^1].DiffId, Is.EqualTo(Digest.Of(new byte[1024])));
        Assert.That(Tree(loaded), Is.EqualTo(Tree(App)));
    }

    private static IReadOnlyList<string> Check(ImageCatalog catalog)
    {
        var checker = new ImageChecker(catalog, CancellationToken.None);
        checker.Run();
        return [.. checker.Problems.Select(problem => problem.Sentence)];
    }

    private static Archive Foreign(bool isHere, string mediaType = "application/vnd.oci.image.layer.nondistributable.v1.tar")
    {
        var archive = new Archive();
        var elsewhere = new Archive();
        var layer = (isHere ? archive : elsewhere).AddBlob(Lower, mediaType, ",\"urls\":[\"https://example.invalid/layer\"]");
        var config = archive.AddBlob(System.Text.Encoding.UTF8.GetBytes(Archive.Config(layer.Digest)), MediaTypes.Config);
        var manifest = archive.AddBlob(
            System.Text.Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"config":{{config.Json}},"layers":[{{layer.Json}}]}"""), MediaTypes.Manifest, Archive.Named("foreign:1"));
        return archive.AsOci(manifest.Json);
    }
}

using System.Text;
using ContainerKit.Images;
using ContainerKit.Layers;
using ContainerKit.Tests.Layers;

namespace ContainerKit.Tests.Images.Archives;

public sealed class OciLayoutTests
{
    private static readonly string Host = Platform.Host.Architecture;
    private static readonly string Foreign = Host == "s390x" ? "amd64" : "s390x";

    private Store _store = null!;

    [SetUp]
    public void Open() => _store = new Store();

    [TearDown]
    public void Close() => _store.Dispose();

    [Test]
    public async Task A_directory_is_loaded()
    {
        var archive = new Archive();
        archive.AsOci(archive.AddImage(more: Archive.Named("debian:12")));

        var image = await _store.Images.LoadAsync(archive.ToDirectory(_store["layout"]));

        Assert.That(image.Reference.ToString(), Is.EqualTo("debian:12"));
        Assert.That(image.Config.Command, Is.EqualTo(new[] { "sh" }));
        Assert.That(archive.Files.Keys.Where(name => name.StartsWith("blobs/", StringComparison.Ordinal)), Is.SubsetOf(_store.Files()));
    }

    [Test]
    public async Task An_archive_is_loaded_however_it_is_compressed([Values(CompressionKind.None, CompressionKind.Gzip, CompressionKind.Zstd)] object kind)
    {
        var archive = new Archive();
        archive.AsOci(archive.AddImage(more: Archive.Named("debian:12")));

        var image = await Load(Samples.Compress(archive.ToTar(), (CompressionKind)kind));

        Assert.That(image.Reference.ToString(), Is.EqualTo("debian:12"));
        Assert.That(Directory.EnumerateFiles(Path.Combine(_store.Root, ".tmp")), Is.Empty);
    }

    [Test]
    public async Task The_same_image_has_the_same_digest_here_as_there()
    {
        var archive = new Archive();
        archive.AsOci(archive.AddImage(more: Archive.Named("debian:12")));

        var image = await Load(archive.ToTar());

        Assert.That(archive.Files, Contains.Key($"blobs/sha256/{image.Digest.Hex}"));
    }

    [Test]
    public async Task An_image_without_a_name_is_loaded_by_its_digest_or_gets_the_name_that_is_given()
    {
        var archive = new Archive();
        archive.AsOci(archive.AddImage());

        Assert.That((await Load(archive.ToTar())).Reference.HasName, Is.False);
        Assert.That((await Load(archive.ToTar(), "debian:12")).Reference.ToString(), Is.EqualTo("debian:12"));
        Assert.That(await _store.NamesAsync(), Is.EqualTo(new[] { "debian:12" }));
    }

    [Test]
    public async Task A_name_that_is_none_is_told()
    {
        var archive = new Archive();
        var told = new List<string>();
        archive.AsOci(archive.AddImage(more: Archive.Named("no name")));

        var image = await _store.Images.LoadAsync(archive.ToDirectory(_store["layout"]), new LoadOptions { OnRefusedName = told.Add });

        Assert.That(image.Reference.HasName, Is.False);
        Assert.That(told, Is.EqualTo(new[] { "no name" }));
    }

    [Test]
    public async Task One_image_with_two_names_gets_both()
    {
        var archive = new Archive();
        archive.AsOci(archive.AddImage(more: Archive.Named("debian:12")), archive.AddImage(more: Archive.Named("debian:bookworm")));

        await Load(archive.ToTar());

        Assert.That(await _store.NamesAsync(), Is.EqualTo(new[] { "debian:12", "debian:bookworm" }));
    }

    [Test]
    public async Task Of_several_images_one_must_be_picked()
    {
        var archive = new Archive();
        archive.AsOci(archive.AddImage("a", Archive.Named("a:1")), archive.AddImage("b", Archive.Named("b:1")));
        var tar = archive.ToTar();

        Assert.That(() => Load(tar), Throws.TypeOf<ImageException>().With.Message.Contains("several images (a:1, b:1)"));
        Assert.That(() => Load(tar, "c:1"), Throws.TypeOf<ImageException>().With.Message.Contains("no image 'c:1'"));
        Assert.That((await Load(tar, "b:1")).Reference.ToString(), Is.EqualTo("b:1"));
        Assert.That(await _store.NamesAsync(), Is.EqualTo(new[] { "b:1" }));
    }

    [Test]
    public async Task All_images_can_be_loaded_at_once()
    {
        var archive = new Archive();
        archive.AsOci(archive.AddImage("a", Archive.Named("a:1")), archive.AddImage("b"), archive.AddImage("c", Archive.Named("c:1")));

        var images = await _store.Images.LoadAllAsync(_store.Write("image.tar", archive.ToTar()));

        Assert.That(images.Select(image => image.Reference.HasName), Is.EqualTo(new[] { true, true, false }));
    }

    [Test]
    public async Task Containerd_s_name_is_the_full_one_where_OCI_s_is_a_tag()
    {
        var archive = new Archive();
        archive.AsOci(archive.AddImage(more: ""","annotations":{"io.containerd.image.name":"docker.io/library/debian:12","org.opencontainers.image.ref.name":"12"}"""));

        Assert.That((await Load(archive.ToTar())).Reference.ToString(), Is.EqualTo("debian:12"));
    }

    [Test]
    public async Task The_host_s_platform_is_picked_from_a_nested_index()
    {
        var archive = new Archive();
        var manifests = $"{archive.AddImage("foreign", Archive.For(Foreign), Foreign)},{archive.AddImage("host", Archive.For(Host), Host)},{archive.AddImage("attestation", Archive.For("unknown", "unknown"))}";
        archive.AsOci(archive.AddBlob(Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"mediaType":"{{MediaTypes.Index}}","manifests":[{{manifests}}]}"""), MediaTypes.Index, Archive.Named("app:1")).Json);

        var image = await Load(archive.ToTar());

        Assert.That(image.Layers.Single().DiffId, Is.EqualTo(Digest.Of(Store.RootFs("host"))));
    }

    [Test]
    public async Task Manifests_that_differ_by_platform_alone_are_one_image()
    {
        var archive = new Archive();
        archive.AsOci(archive.AddImage("foreign", Archive.For(Foreign), Foreign), archive.AddImage("host", Archive.For(Host), Host));

        Assert.That((await Load(archive.ToTar())).Layers.Single().DiffId, Is.EqualTo(Digest.Of(Store.RootFs("host"))));
    }

    [Test]
    public void An_index_without_the_host_s_platform_says_what_it_has()
    {
        var archive = new Archive();
        archive.AsOci(archive.AddImage("a", Archive.For("mips")), archive.AddImage("b", Archive.For(Foreign)));

        Refused(archive, $"no image for {Platform.Host}; it has some for linux/mips, linux/{Foreign}");
    }

    [Test]
    public void Indexes_in_indexes_in_indexes_come_to_an_end()
    {
        var archive = new Archive();
        var nested = archive.AddImage();
        for (var depth = 0; depth < 6; depth++)
        {
            nested = archive.AddBlob(Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"manifests":[{{nested}}]}"""), MediaTypes.Index).Json;
        }

        Refused(archive.AsOci(nested), "nested indexes");
    }

    [Test]
    public void A_document_that_reads_both_ways_is_refused()
    {
        var archive = new Archive();
        var both = $$"""{"schemaVersion":2,"config":{"mediaType":"{{MediaTypes.Config}}","digest":"{{Digest.Of([])}}","size":0},"layers":[],"manifests":[{{archive.AddImage()}}]}""";

        Refused(archive.AsOci(archive.AddBlob(Encoding.UTF8.GetBytes(both), MediaTypes.Manifest).Json), "both as a manifest and as an index");
        Refused(archive.AsOci(archive.AddBlob(Encoding.UTF8.GetBytes(both), MediaTypes.Index).Json), "both as a manifest and as an index");
    }

    [Test]
    public void Every_blob_that_is_damaged_is_noticed()
    {
        var names = new Archive().AsOci(new Archive().AddImage()).Files.Keys;
        var archive = new Archive();
        archive.AsOci(archive.AddImage());

        Assert.Multiple(() =>
        {
            foreach (var (name, content) in archive.Files.Where(file => file.Key.StartsWith("blobs/", StringComparison.Ordinal)).ToList())
            {
                Refused(archive.With(name, Flip(content)), "digest");
                Refused(archive.With(name, content[..^1]), "bytes");
                Refused(archive.With(name, [.. content, 0]), "bytes");
                archive.With(name, content);
            }
        });
        Assert.That(names, Is.Not.Empty);
    }

    [Test]
    public void A_config_that_lies_about_a_layer_is_noticed([Values(CompressionKind.None, CompressionKind.Gzip, CompressionKind.Zstd)] object kind)
    {
        var blob = Samples.Compress(Store.RootFs("evil"), (CompressionKind)kind);

        Refused(Lying(blob, Digest.Of(Store.RootFs("good"))), "damaged");
    }

    [Test]
    public async Task A_layer_that_the_store_has_is_held_to_each_images_diff_ID()
    {
        await Load(Lying(Store.RootFs("evil"), Digest.Of(Store.RootFs("evil"))).ToTar());

        Assert.That(() => Load(Lying(Store.RootFs("evil"), Digest.Of(Store.RootFs("good"))).ToTar()), Throws.TypeOf<ImageException>().With.Message.Contains("damaged"));
    }

    [Test]
    public void A_layer_that_no_tree_can_hold_is_refused()
    {
        var layer = new RawTar().Add("a/.wh.b/c").End().ToArray();

        Refused(Lying(layer, Digest.Of(layer)), "below a whiteout");
    }

    [Test]
    public void Sizes_that_lie_are_noticed()
    {
        var archive = new Archive();
        var manifest = archive.AddImage().Replace("\"size\":", "\"size\":9", StringComparison.Ordinal);

        Refused(archive.AsOci(manifest), "bytes");
    }

    [Test]
    public void A_missing_blob_is_named()
    {
        var archive = new Archive();
        archive.AsOci(archive.AddImage());
        var missing = new Archive().AsOci(archive.AddImage());

        Refused(missing, "has no blob sha256:");
    }

    [Test]
    public void A_digest_that_is_a_path_is_refused()
    {
        Refused(new Archive().AsOci($$"""{"mediaType":"{{MediaTypes.Manifest}}","digest":"sha256:../../../etc/passwd","size":5}"""), "digest");
    }

    [Test]
    public void A_config_with_another_number_of_layers_is_refused()
    {
        var archive = new Archive();
        var config = archive.AddBlob("""{"rootfs":{"type":"layers","diff_ids":[]}}"""u8.ToArray(), MediaTypes.Config).Json;
        var layer = archive.AddBlob(Store.RootFs(), MediaTypes.Layer).Json;
        archive.AsOci(archive.AddBlob(Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"config":{{config}},"layers":[{{layer}}]}"""), MediaTypes.Manifest).Json);

        Refused(archive, "has 1 layers, and its config names 0");
    }

    [TestCase("oci-layout", """{"imageLayoutVersion":"2.0.0"}""", "version '2.0.0'")]
    [TestCase("oci-layout", "[]", "not a JSON object")]
    [TestCase("index.json", "{}", "schemaVersion")]
    [TestCase("index.json", """{"schemaVersion":2,"manifests":[]}""", "holds no image")]
    [TestCase("index.json", """{"schemaVersion":2,"manifests":{}}""", "manifests")]
    [TestCase("index.json", """{"schemaVersion":2,"manifests":[5]}""", "not an object")]
    public void A_layout_whose_documents_make_no_sense_is_refused(string name, string content, string because)
    {
        var archive = new Archive();
        archive.AsOci(archive.AddImage());

        Refused(archive.With(name, content), because);
    }

    [Test]
    public void A_directory_that_is_no_image_is_refused()
    {
        Directory.CreateDirectory(_store["empty"]);

        Assert.That(() => _store.Images.LoadAsync(_store["empty"]), Throws.TypeOf<ImageException>().With.Message.Contains("neither an OCI image layout"));
    }

    [Test]
    public void An_archive_that_is_a_root_file_system_is_refused_with_a_hint()
    {
        Assert.That(() => Load(Store.RootFs()), Throws.TypeOf<ImageException>().With.Property("Hint").Contains("imported"));
    }

    [Test]
    public void Links_out_of_a_directory_lead_nowhere()
    {
        var archive = new Archive();
        var directory = archive.AsOci(archive.AddImage()).ToDirectory(_store["layout"]);
        var secret = _store.Write("secret", File.ReadAllBytes(Path.Combine(directory, "index.json")));
        File.Delete(Path.Combine(directory, "index.json"));
        File.CreateSymbolicLink(Path.Combine(directory, "index.json"), secret);

        Assert.That(() => _store.Images.LoadAsync(directory), Throws.TypeOf<ImageException>());
    }

    private static Archive Lying(byte[] layer, Digest diffId)
    {
        var archive = new Archive();
        var config = archive.AddBlob(Encoding.UTF8.GetBytes(Archive.Config(diffId)), MediaTypes.Config).Json;
        var blob = archive.AddBlob(layer, MediaTypes.LayerGzip).Json;
        return archive.AsOci(archive.AddBlob(Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"config":{{config}},"layers":[{{blob}}]}"""), MediaTypes.Manifest).Json);
    }

    private static byte[] Flip(byte[] content) => [(byte)(content[0] ^ 1), .. content[1..]];

    private void Refused(Archive archive, string because)
    {
        Assert.That(() => Load(archive.ToTar()), Throws.TypeOf<ImageException>().With.Message.Contains(because));
        Assert.That(_store.Files().Where(file => file.StartsWith(".tmp", StringComparison.Ordinal)), Is.Empty);
        Assert.That(_store.Catalog.List(), Is.Empty);
    }

    private Task<Image> Load(byte[] archive, string? reference = null) => _store.Images.LoadAsync(_store.Write("image.tar", archive), reference);
}

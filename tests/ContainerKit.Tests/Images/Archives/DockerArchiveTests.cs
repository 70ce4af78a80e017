using System.Text;
using ContainerKit.Images;
using ContainerKit.Layers;
using ContainerKit.Tests.Layers;
using Microsoft.Extensions.Logging;

namespace ContainerKit.Tests.Images.Archives;

public sealed class DockerArchiveTests
{
    private Store _store = null!;

    [SetUp]
    public void Open() => _store = new Store();

    [TearDown]
    public void Close() => _store.Dispose();

    [Test]
    public async Task An_archive_of_docker_save_is_loaded()
    {
        var image = await Load(Archive.Docker().ToTar());

        Assert.That(image.Reference.ToString(), Is.EqualTo("debian:12"));
        Assert.That(image.Config.Command, Is.EqualTo(new[] { "sh" }));
        Assert.That(image.Layers.Single().Descriptor, Is.EqualTo(new Descriptor(MediaTypes.Layer, Digest.Of(Store.RootFs()), Store.RootFs().Length)));
    }

    [Test]
    public async Task The_config_is_kept_byte_for_byte()
    {
        var image = await Load(Archive.Docker().ToTar());

        Assert.That(image.ConfigDescriptor.Digest, Is.EqualTo(Digest.Of(Encoding.UTF8.GetBytes(Archive.Config(Digest.Of(Store.RootFs()))))));
    }

    [Test]
    public async Task A_layer_may_be_a_link_to_another()
    {
        var layer = Store.RootFs();
        var config = Encoding.UTF8.GetBytes(Archive.Config(Digest.Of(layer)));
        var tar = new RawTar()
            .Add("first/layer.tar"u8.ToArray(), '0', layer, [])
            .Add("second/layer.tar", '2', link: "../first/layer.tar")
            .Add("config.json"u8.ToArray(), '0', config, [])
            .Add("manifest.json", content: """[{"Config":"config.json","RepoTags":["debian:12"],"Layers":["second/layer.tar"]}]""")
            .End().ToArray();

        Assert.That((await Load(tar)).Layers.Single().DiffId, Is.EqualTo(Digest.Of(layer)));
    }

    [Test]
    public void Links_in_circles_are_refused()
    {
        var tar = new RawTar()
            .Add("a", '2', link: "b").Add("b", '2', link: "a")
            .Add("manifest.json", content: """[{"Config":"a","RepoTags":null,"Layers":[]}]""")
            .End().ToArray();

        Assert.That(() => Load(tar), Throws.TypeOf<ImageException>().With.Message.Contains("link to a link"));
    }

    [Test]
    public async Task A_compressed_layer_is_kept_as_it_is_and_verified()
    {
        var compressed = Samples.Compress(Store.RootFs(), CompressionKind.Gzip);

        var image = await Load(Archive.Docker(layer: compressed, diffId: Digest.Of(Store.RootFs())).ToTar());

        Assert.That(image.Layers.Single().Descriptor, Is.EqualTo(new Descriptor(MediaTypes.LayerGzip, Digest.Of(compressed), compressed.Length)));
    }

    [Test]
    public void A_layer_that_is_another_than_the_config_s_is_refused([Values] bool isCompressed)
    {
        var layer = isCompressed ? Samples.Compress(Store.RootFs(), CompressionKind.Gzip) : Store.RootFs();
        var tar = Archive.Docker(layer: layer, diffId: Digest.Of("other"u8)).ToTar();

        Assert.That(() => Load(tar), Throws.TypeOf<ImageException>().With.Message.Contains("damaged"));
        Assert.That(_store.Files(), Is.EqualTo(new[] { "index.json", "oci-layout" }));
    }

    [Test]
    public void A_config_that_is_not_what_its_name_says_is_refused()
    {
        var archive = Archive.Docker();
        var name = archive.Files.Keys.Single(file => file.Length == 69);
        archive.With(name, [.. archive.Files[name], (byte)' ']);

        Assert.That(() => Load(archive.ToTar()), Throws.TypeOf<ImageException>().With.Message.Contains("damaged"));
    }

    [Test]
    public async Task Every_tag_becomes_a_name()
    {
        await Load(Archive.Docker("\"a:1\",\"registry.example/b:2\"").ToTar());

        Assert.That(await _store.NamesAsync(), Is.EqualTo(new[] { "a:1", "registry.example/b:2" }));
    }

    [Test]
    public async Task One_of_the_tags_can_be_picked()
    {
        await Load(Archive.Docker("\"a:1\",\"registry.example/b:2\"").ToTar(), "a:1");

        Assert.That(await _store.NamesAsync(), Is.EqualTo(new[] { "a:1" }));
    }

    [Test]
    public async Task An_archive_without_tags_is_loaded_by_its_digest()
    {
        Assert.That((await Load(Archive.Docker(tags: null).ToTar())).Reference.HasName, Is.False);
    }

    [Test]
    public async Task Where_else_docker_says_that_a_layer_lies_is_dropped_because_it_lies_here()
    {
        var archive = Archive.Docker();
        var json = Encoding.UTF8.GetString(archive.Files["manifest.json"]);
        var source = $$$"""{"{{{Digest.Of(Store.RootFs())}}}":{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","size":5,"digest":"{{{Digest.Of("x"u8)}}}","urls":["https://example.com/layer"]}}""";
        archive.With("manifest.json", json.Replace("\"Layers\"", $"\"LayerSources\":{source},\"Layers\"", StringComparison.Ordinal));

        var image = await Load(archive.ToTar());

        Assert.That(image.Layers.Single(), Has.Property("IsForeign").False.And.Property("DiffId").EqualTo(Digest.Of(Store.RootFs())));
        Assert.That(image.Layers.Single().Descriptor.Urls, Is.Empty);
    }

    [TestCase("manifest.json", "{}", "not a JSON array")]
    [TestCase("manifest.json", "[]", "holds no image")]
    [TestCase("manifest.json", "[5]", "not a list of images")]
    [TestCase("manifest.json", """[{"Config":5}]""", "Config")]
    [TestCase("manifest.json", """[{"Config":"../../../../etc/passwd"}]""", "has no config")]
    [TestCase("manifest.json", """[{"Config":"0123/VERSION","Layers":["0123/layer.tar"]}]""", "config '0123/VERSION'")]
    public void An_archive_whose_manifest_makes_no_sense_is_refused(string name, string content, string because)
    {
        Assert.That(() => Load(Archive.Docker().With(name, content).ToTar()), Throws.TypeOf<ImageException>().With.Message.Contains(because));
    }

    [Test]
    public async Task Names_that_are_none_are_told_and_the_image_is_loaded_without_them()
    {
        string[] hostile = ["../../etc/passwd", "Upper:1", @"line\nbreak", "", "a@sha256:00", new string('x', 5000)];
        var log = new EventList();
        var told = new List<string>();
        var catalog = new ImageCatalog(_store["logged"], logger: log);
        var archive = Archive.Docker(string.Join(',', hostile.Append("debian:12").Select(name => $"\"{name}\""))).ToTar();

        var images = await new ImageStore(catalog).LoadAllAsync(_store.Write("image.tar", archive), new LoadOptions { OnRefusedName = told.Add });

        Assert.That(images.Select(image => image.Reference.ToString()), Is.EqualTo(new[] { "debian:12" }));
        Assert.That(told, Is.EqualTo(hostile.Select(name => name.Replace(@"\n", "\n"))));
        Assert.That(log.Events, Has.Count.EqualTo(hostile.Length).And.All.StartsWith($"600 The archive calls the image debian:12 ({images[0].Digest.Hex[..12]}) '"));
        Assert.That(log.Events, Has.None.Contains("\n").And.All.Length.LessThan(400));
    }

    [Test]
    public async Task An_image_that_has_no_other_name_is_loaded_without_one()
    {
        var told = new List<string>();

        var image = await _store.Images.LoadAsync(_store.Write("image.tar", Archive.Docker("\"no name\"").ToTar()), new LoadOptions { OnRefusedName = told.Add });

        Assert.That(image.Reference.HasName, Is.False);
        Assert.That(told, Is.EqualTo(new[] { "no name" }));
    }

    [Test]
    public async Task Who_asks_for_a_name_is_not_told_of_others()
    {
        var told = new List<string>();

        await _store.Images.LoadAsync(_store.Write("image.tar", Archive.Docker("\"no name\",\"debian:12\"").ToTar()), new LoadOptions { OnRefusedName = told.Add }, "debian:12");

        Assert.That(told, Is.Empty);
    }

    private sealed class EventList : ILogger
    {
        public List<string> Events { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Events.Add($"{eventId.Id} {formatter(state, exception)}");
    }

    private Task<Image> Load(byte[] archive, string? reference = null) => _store.Images.LoadAsync(_store.Write("image.tar", archive), reference);
}

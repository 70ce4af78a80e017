using ContainerKit.Images;
using ContainerKit.Tests.Linux.Support;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Linux.Registry;

/// <summary>Images go to Debian's docker-registry and come back, by our hand and by skopeo's: plain, and with TLS and a password.</summary>
[Category("Peers")]
[TestFixture(false)]
[TestFixture(true)]
internal sealed class DebianRegistryTests(bool isProtected)
{
    private TemporaryDirectory _directory = null!;
    private TestCertificates _certificates = null!;
    private DebianRegistry _registry = null!;
    private RegistryClient _client = null!;
    private ImageStore _images = null!;
    private Image _image = null!;

    [OneTimeSetUp]
    public void StartRegistry()
    {
        Needs.Programs(DebianRegistry.Programs);
        _certificates = new TestCertificates();
        _registry = new DebianRegistry(isProtected ? _certificates : null);
    }

    [OneTimeTearDown]
    public void StopRegistry()
    {
        _registry?.Dispose();
        _certificates?.Dispose();
    }

    [SetUp]
    public async Task Import()
    {
        _directory = new TemporaryDirectory();
        _client = new RegistryClient(Options());
        _images = new ImageStore(new ImageCatalog(_directory["images"]), _client);
        await File.WriteAllBytesAsync(_directory["rootfs.tar"], SampleImage.Tar("noise", SampleImage.Noise(3_000_000, seed: TestContext.CurrentContext.Random.Next())));
        _image = await _images.ImportAsync(_directory["rootfs.tar"], "debian:12");
    }

    [TearDown]
    public void RemoveDirectory()
    {
        _client?.Dispose();
        _directory?.Dispose();
    }

    [Test]
    public async Task What_is_pushed_is_pulled_as_the_same_image()
    {
        await _images.PushAsync(_image, Name("team/app:1"));

        using var client = new RegistryClient(Options());
        var pulled = await Elsewhere(client).PullAsync(Name("team/app:1"));

        Assert.That(pulled.Digest, Is.EqualTo(_image.Digest));
        Assert.That(Layers(_directory["elsewhere"]), Is.EqualTo(Layers(_directory["images"])));
    }

    [Test]
    public async Task What_is_pushed_skopeo_pulls_as_the_same_image()
    {
        await _images.PushAsync(_image, Name("team/app:2"));

        _registry.Skopeo("src-", "copy", $"docker://{Name("team/app:2")}", $"oci:{_directory["theirs"]}:app:2");
        var theirs = await _images.LoadAsync(_directory["theirs"]);

        Assert.That(theirs.Digest, Is.EqualTo(_image.Digest));
    }

    [Test]
    public async Task What_skopeo_pushes_is_pulled_as_the_same_image([Values("oci", "v2s2")] string format)
    {
        _registry.Skopeo("dest-", "copy", "--format", format, $"oci:{_directory["images"]}:debian:12", $"docker://{Name("theirs:1")}");

        var pulled = await _images.PullAsync(Name("theirs:1"));

        Assert.That(pulled.Layers.Select(layer => layer.DiffId), Is.EqualTo(_image.Layers.Select(layer => layer.DiffId)));
        Assert.That(pulled.Digest, format == "oci" ? Is.EqualTo(_image.Digest) : Is.Not.EqualTo(_image.Digest));
    }

    [Test]
    public async Task Blobs_go_in_pieces_too()
    {
        using var client = new RegistryClient(Options() with { UploadChunkBytes = 700_000 });

        await new ImageStore(new ImageCatalog(_directory["images"]), client).PushAsync(_image, Name("pieces:1"));

        _registry.Skopeo("src-", "copy", $"docker://{Name("pieces:1")}", $"oci:{_directory["theirs"]}:pieces:1");
        Assert.That((await _images.LoadAsync(_directory["theirs"])).Digest, Is.EqualTo(_image.Digest));
    }

    [Test]
    public async Task A_layer_is_taken_from_another_repository()
    {
        await _images.PushAsync(_image, Name("base:1"));
        var sent = new Reports();

        await _images.PushAsync(_image, Name("derived:1"), new PushOptions { MountFrom = ["base"] }, sent);

        Assert.That(sent.Partial, Is.Empty);
        Assert.That((await _client.ResolveAsync(Name("derived:1")))?.Digest, Is.EqualTo(_image.Digest));
    }

    [Test]
    public async Task Tags_are_those_that_skopeo_lists()
    {
        await _images.PushAsync(_image, Name("tags:1"));
        await _images.PushAsync(_image, Name("tags:b"));

        var tags = await _client.TagsAsync(Name("tags")).ToListAsync();

        var theirs = System.Text.Json.Nodes.JsonNode.Parse(_registry.Skopeo("", "list-tags", $"docker://{Name("tags")}"))!["Tags"]!.AsArray().Select(tag => (string)tag!);
        Assert.That(tags, Is.EquivalentTo(theirs));
        Assert.That(tags, Is.EquivalentTo(new[] { "1", "b" }));
    }

    [Test]
    public async Task What_is_named_by_sha512_keeps_the_names_of_its_parts()
    {
        // The registry names every manifest by sha256, and knows blobs by both.
        var sample = SampleImage.OfSha512(400_000, 1000);
        Directory.CreateDirectory(_directory["layout/blobs/sha512"]);
        foreach (var blob in sample.Blobs.Append(sample.Manifest))
        {
            await File.WriteAllBytesAsync(_directory[$"layout/blobs/sha512/{SampleImage.Sha512(blob).Hex}"], blob);
        }

        _directory.Write("layout/oci-layout", """{"imageLayoutVersion":"1.0.0"}""");
        _directory.Write("layout/index.json", $$"""{"schemaVersion":2,"manifests":[{{SampleImage.Describe(sample.Manifest, sample.MediaType, isSha512: true)}}]}""");
        var image = await _images.LoadAsync(_directory["layout"]);

        await _images.PushAsync(image, Name("sha512:1"));
        using var client = new RegistryClient(Options());
        var pulled = await Elsewhere(client).PullAsync(Name("sha512:1"));

        Assert.That(image.Digest, Is.EqualTo(sample.Digest));
        Assert.That(pulled.Digest, Is.EqualTo(Digest.Of(sample.Manifest)));
        Assert.That(pulled.Layers.Select(layer => layer.Descriptor.Digest), Is.EqualTo(sample.Layers.Select(SampleImage.Sha512)));
    }

    [Test]
    public async Task What_is_deleted_is_gone()
    {
        await _images.PushAsync(_image, Name("gone:1"));

        await _client.DeleteAsync(Name($"gone@{_image.Digest}"));

        Assert.That(await _client.ResolveAsync(Name("gone:1")), Is.Null);
    }

    [Test]
    public async Task Nothing_that_is_there_is_sent_or_fetched_again()
    {
        await _images.PushAsync(_image, Name("again:1"));
        var moved = new Reports();

        await _images.PushAsync(_image, Name("again:2"), progress: moved);
        await _images.PullAsync(Name("again:2"), progress: moved);

        Assert.That(moved.Partial, Is.Empty);
    }

    [Test]
    public void A_wrong_password_is_refused_where_one_is_asked_for()
    {
        using var client = new RegistryClient(Options() with { Credentials = (_, _) => ValueTask.FromResult<RegistryCredentials?>(new RegistryCredentials(DebianRegistry.User, "wrong")) });

        Assert.That(() => new ImageStore(new ImageCatalog(_directory["images"]), client).PushAsync(_image, Name("refused:1")), isProtected ? Throws.TypeOf<RegistryException>().With.Property("IsTransient").False : Throws.Nothing);
    }

    private string Name(string repository) => $"{_registry.Host}/{repository}";

    private ImageStore Elsewhere(RegistryClient client) => new(new ImageCatalog(_directory["elsewhere"]), client);

    private RegistryOptions Options() => new()
    {
        AuthFiles = [],
        PlainHttp = isProtected ? [] : [_registry.Host],
        CertificateAuthorities = [_certificates.Authority],
        Credentials = (_, _) => ValueTask.FromResult(isProtected ? new RegistryCredentials(DebianRegistry.User, DebianRegistry.Password) : null),
    };

    private static string[] Layers(string store) => [.. new ImageCatalog(store).Blobs.List().Select(blob => blob.ToString()).Order(StringComparer.Ordinal)];

    /// <summary>Keeps what is told of blobs that are on their way: one that need not travel is only told to be there.</summary>
    private sealed class Reports : IProgress<ImageProgress>
    {
        private readonly System.Collections.Concurrent.ConcurrentQueue<ImageProgress> _reports = new();

        public IEnumerable<ImageProgress> Partial => _reports.Where(report => report.State == ImageProgressState.Running && report.BytesDone < report.BytesTotal);

        public void Report(ImageProgress value) => _reports.Enqueue(value);
    }
}

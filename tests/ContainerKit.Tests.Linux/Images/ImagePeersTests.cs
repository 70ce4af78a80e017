using ContainerKit.Images;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Images;

/// <summary>Images go to the peers and come back. Small ones: what is in their layers is another test's business.</summary>
public sealed class ImagePeersTests
{
    private TemporaryDirectory _directory = null!;
    private ImageStore _images = null!;
    private Image _image = null!;

    [SetUp]
    public async Task Import()
    {
        Needs.Program("tar");
        _directory = new TemporaryDirectory();
        _directory.Write("tree/etc/motd", "hello\n");
        _directory.Write("policy.json", """{"default":[{"type":"insecureAcceptAnything"}]}""");
        Shell.Run("tar", "-C", _directory["tree"], "--owner=0", "--group=0", "-cf", _directory["rootfs.tar"], ".");
        _images = new ImageStore(new ImageCatalog(_directory["images"]));
        _image = await _images.ImportAsync(_directory["rootfs.tar"], "debian:12");
    }

    [TearDown]
    public void RemoveDirectory() => _directory?.Dispose();

    [Test]
    public void Skopeo_reads_the_store_as_it_lies()
    {
        Needs.Program("skopeo");

        var said = Shell.Run("skopeo", "inspect", $"oci:{_directory["images"]}:debian:12");

        Assert.That(said, Does.Contain(_image.Digest.ToString()));
    }

    [Test]
    public void Umoci_reads_the_store_as_it_lies()
    {
        Needs.Program("umoci");

        Assert.That(Shell.Run("umoci", "list", "--layout", _directory["images"]), Is.EqualTo("debian:12"));
        Assert.That(Shell.Run("umoci", "stat", "--image", $"{_directory["images"]}:debian:12"), Does.Contain("ContainerKit import"));
    }

    [TestCase(ImageArchiveFormat.Oci, "oci-archive")]
    [TestCase(ImageArchiveFormat.OciDirectory, "oci")]
    [TestCase(ImageArchiveFormat.Docker, "docker-archive")]
    public async Task Skopeo_reads_what_is_saved_and_copies_it_back(ImageArchiveFormat format, string transport)
    {
        Needs.Program("skopeo");
        await _images.SaveAsync(_image, _directory["saved"], format);

        Skopeo($"{transport}:{_directory["saved"]}", $"oci:{_directory["back"]}:back:1");
        var back = await _images.LoadAsync(_directory["back"]);

        Assert.That(back.Reference.ToString(), Is.EqualTo("back:1"));
        Assert.That(back.ConfigDescriptor.Digest, Is.EqualTo(_image.ConfigDescriptor.Digest));
    }

    [TestCase("docker-archive", "v2s2")]
    [TestCase("oci-archive", "oci")]
    public async Task What_skopeo_writes_is_loaded(string transport, string format)
    {
        Needs.Program("skopeo");

        Skopeo($"oci:{_directory["images"]}:debian:12", $"{transport}:{_directory["theirs"]}:registry.example/theirs:1", "--format", format);
        var loaded = await _images.LoadAsync(_directory["theirs"]);

        Assert.That(loaded.Reference.ToString(), Is.EqualTo("registry.example/theirs:1"));
        Assert.That(loaded.Layers.Single().DiffId, Is.EqualTo(_image.Layers.Single().DiffId));
    }

    [Test]
    public async Task What_umoci_writes_is_loaded()
    {
        Needs.Program("umoci");
        Shell.Script(
            """
            umoci init --layout "$1" && umoci new --image "$1:mine" && umoci insert --rootless --image "$1:mine" "$2" /etc && umoci insert --rootless --opaque --image "$1:mine" "$2" /etc
            umoci config --image "$1:mine" --config.cmd sh --config.env A=b --config.label k=v
            """,
            _directory["umoci"],
            _directory["tree/etc"]);

        var loaded = await _images.LoadAsync(_directory["umoci"]);

        Assert.That(loaded.Reference.ToString(), Is.EqualTo("mine:latest"));
        Assert.That(loaded.Config.Command, Is.EqualTo(new[] { "sh" }));
        Assert.That(loaded.Layers, Has.Count.EqualTo(2));
        Assert.That(await Kinds(loaded.Layers[1]), Does.Contain(LayerEntryKind.Opaque));
    }

    [TestCase(ImageArchiveFormat.Oci)]
    [TestCase(ImageArchiveFormat.Docker)]
    public async Task Podman_loads_what_is_saved_and_saves_what_is_loaded(ImageArchiveFormat format)
    {
        Needs.Root();
        Needs.Program("podman");
        await _images.SaveAsync(_image, _directory["saved.tar"], format);

        var said = Podman("load", "-i", _directory["saved.tar"]);
        Podman("save", "--format", "docker-archive", "-o", _directory["docker.tar"], "docker.io/library/debian:12");
        Podman("save", "--format", "oci-archive", "-o", _directory["oci.tar"], "docker.io/library/debian:12");
        var docker = await _images.LoadAsync(_directory["docker.tar"]);
        var oci = await _images.LoadAsync(_directory["oci.tar"]);

        Assert.That(said, Does.Contain("docker.io/library/debian:12"));
        Assert.That(docker.Layers.Single().DiffId, Is.EqualTo(_image.Layers.Single().DiffId));
        Assert.That(oci.Layers.Single().DiffId, Is.EqualTo(_image.Layers.Single().DiffId));
    }

    private static async Task<List<LayerEntryKind>> Kinds(Layer layer)
    {
        var kinds = new List<LayerEntryKind>();
        await foreach (var entry in layer.EntriesAsync())
        {
            kinds.Add(entry.Kind);
        }

        return kinds;
    }

    private void Skopeo(string from, string to, params string[] options) =>
        Shell.Run("skopeo", ["--policy", _directory["policy.json"], "copy", "--quiet", .. options, from, to]);

    private string Podman(params string[] arguments) =>
        Shell.Run("podman", ["--root", _directory["podman"], "--runroot", _directory["podman-run"], "--storage-driver", "vfs", .. arguments]);
}

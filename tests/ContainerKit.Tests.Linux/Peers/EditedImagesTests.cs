using System.Text.Json.Nodes;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Peers;

/// <summary>Images that were edited without running anything, as the others read them.</summary>
[Category("Peers")]
internal sealed class EditedImagesTests
{
    private TemporaryDirectory _directory = null!;
    private ContainerHost _host = null!;
    private Image _base = null!;
    private Image _app = null!;

    [SetUp]
    public async Task MakeImages()
    {
        Needs.Root();
        Needs.Overlay();
        Needs.Programs("skopeo", "umoci", "podman", "setfattr");
        _directory = new TemporaryDirectory();
        _directory.Write("policy.json", """{"default":[{"type":"insecureAcceptAnything"}]}""");
        Shell.Script(
            """
            mkdir -p "$1/lower/etc" "$1/lower/lib" "$1/lower/gone/deep" "$1/upper/etc" "$1/upper/lib"; cd "$1/lower"
            echo hello > etc/motd; echo x > etc/hosts; head -c 100000 /dev/urandom > lib/so; ln lib/so lib/so.1; ln -s so lib/so.2; chown 7:8 etc/motd; chmod 4755 lib/so; mkfifo gone/deep/pipe
            setfattr -n user.note -v 0x0001ff etc/hosts; truncate -s 3M lib/holes; mknod null c 1 3
            cd ../upper; echo changed > etc/motd; touch etc/.wh.hosts .wh.gone; head -c 5000 /dev/urandom > lib/app; ln lib/app lib/app.1
            for each in lower upper; do find "$1/$each" -exec touch -h -d '2001-02-03 04:05:06.123456789' {} +; tar -C "$1/$each" --format=pax --xattrs --numeric-owner -cf "$1/$each.tar" .; done
            """,
            _directory["."]);
        _host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = _directory["store"] });
        _base = await _host.Images.ImportAsync(_directory["lower.tar"], "base:1");
        _app = await _host.Images.AppendAsync(_base, _directory["upper.tar"], "app:1");
    }

    [TearDown]
    public async Task Close()
    {
        await (_host?.DisposeAsync() ?? ValueTask.CompletedTask);
        _directory?.Dispose();
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Umoci_unpacks_a_squashed_image_as_it_unpacks_the_layers(bool keepsBase)
    {
        await _host.Images.SquashAsync(_app, "squashed:1", keepsBase ? _base : null);

        Assert.That(Unpack("squashed:1"), Is.EqualTo(Unpack("app:1")));
    }

    [Test]
    public async Task Umoci_unpacks_a_rebased_image_as_one_that_was_made_so()
    {
        var newer = await _host.BuildFrom(_base).AddFile("/etc/release", "2\n").BuildAsync("base:2");
        await _host.Images.RebaseAsync(_app, _base, newer, "rebased:1");
        await _host.Images.AppendAsync(newer, _directory["upper.tar"], "made:1");

        Assert.That(Unpack("rebased:1"), Is.EqualTo(Unpack("made:1")));
    }

    [Test]
    public async Task Skopeo_translates_to_Dockers_words_with_the_same_digests()
    {
        var docker = await _host.Images.ConvertAsync(_app, "docker:1", new ImageConversion { Manifest = ManifestFormat.Docker });

        Skopeo($"oci:{Store}:app:1", $"dir:{_directory["theirs"]}", "--format", "v2s2");

        Assert.That(Blobs(File.ReadAllText(Blob(docker.Digest))), Is.EqualTo(Blobs(File.ReadAllText(_directory["theirs/manifest.json"]))));
    }

    [Test]
    public async Task What_is_in_Dockers_words_comes_back_from_skopeo_in_OCIs_with_the_same_digests()
    {
        // It finds no image in Docker's words in an OCI layout, and has a directory of its own for such.
        var docker = await _host.Images.ConvertAsync(_app, "docker:1", new ImageConversion { Manifest = ManifestFormat.Docker });
        Directory.CreateDirectory(_directory["ours"]);
        File.WriteAllText(_directory["ours/version"], "Directory Transport Version: 1.1\n");
        File.Copy(Blob(docker.Digest), _directory["ours/manifest.json"]);
        foreach (var digest in docker.Layers.Select(layer => layer.Descriptor.Digest).Append(docker.ConfigDescriptor.Digest))
        {
            File.Copy(Blob(digest), _directory[$"ours/{digest.Hex}"]);
        }

        Skopeo($"dir:{_directory["ours"]}", $"oci:{_directory["back"]}:back:1", "--format", "oci");
        var back = await _host.Images.LoadAsync(_directory["back"]);

        Assert.That(back.Layers.Select(layer => layer.Descriptor), Is.EqualTo(_app.Layers.Select(layer => layer.Descriptor)));
        Assert.That((back.Config.DiffIds, back.Config.History.Count), Is.EqualTo((_app.Config.DiffIds, _app.Config.History.Count)));
    }

    [TestCase(LayerCompression.Zstd)]
    [TestCase(LayerCompression.None)]
    public async Task Podman_loads_an_archive_that_is_compressed_otherwise(LayerCompression compression)
    {
        await _host.Images.SaveAsync(_app, _directory["saved.tar"], ImageArchiveFormat.Oci, new ImageConversion { Compression = compression });

        Podman("load", "--quiet", "--input", _directory["saved.tar"]);
        Podman("save", "--quiet", "--format", "oci-archive", "--output", _directory["back.tar"], "app:1");
        var back = await _host.Images.LoadAsync(_directory["back.tar"]);

        Assert.That(back.Layers.Select(layer => layer.DiffId), Is.EqualTo(_app.Layers.Select(layer => layer.DiffId)));
        Assert.That(await _host.DiffAsync(_app, back).ToListAsync(), Is.Empty);
    }

    private string Store => _directory["store/images"];

    private string[] Unpack(string image)
    {
        var bundle = _directory[$"bundle-{Guid.NewGuid():N}"];
        Shell.Run("umoci", "unpack", "--image", $"{Store}:{image}", bundle);
        return TreeListing.Of($"{bundle}/rootfs");
    }

    private void Skopeo(string from, string to, params string[] options) =>
        Shell.Run("skopeo", ["--policy", _directory["policy.json"], "copy", "--quiet", .. options, from, to]);

    private void Podman(params string[] arguments) =>
        Shell.Run("podman", ["--root", _directory["p"], "--runroot", _directory["pr"], "--storage-driver", "vfs", .. arguments]);

    private string Blob(Digest digest) => $"{Store}/blobs/sha256/{digest.Hex}";

    private static List<string> Blobs(string manifest) =>
        [.. JsonNode.Parse(manifest)!["layers"]!.AsArray().Append(JsonNode.Parse(manifest)!["config"]).Select(blob => $"{blob!["mediaType"]} {blob["digest"]} {blob["size"]}")];
}

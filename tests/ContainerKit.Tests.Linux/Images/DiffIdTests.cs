using System.Text;
using ContainerKit.Images;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Images;

/// <summary>Layers are shared by what they say they are, so an image that lies about its layers must not get to define them for others.</summary>
[TestFixture("overlay")]
[TestFixture("vfs")]
internal sealed class DiffIdTests(string driver)
{
    private TemporaryDirectory _directory = null!;
    private ContainerHost _host = null!;

    [SetUp]
    public async Task OpenHost()
    {
        Needs.Overlay();
        _directory = new TemporaryDirectory();
        _host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = _directory["store"], StorageDriver = driver });
    }

    [TearDown]
    public async Task CloseHost()
    {
        await _host.DisposeAsync();
        _directory.Dispose();
    }

    [Test]
    public async Task A_layer_under_another_layers_diff_ID_is_refused_and_spoils_nothing()
    {
        var good = MakeTar("good");
        var liar = Smuggle(MakeTar("evil"), claimed: Digest.Of(good));

        var refusal = Assert.ThrowsAsync<ImageException>(() => _host.Container(liar).WithCommand("/x").CreateAsync());

        Assert.That(refusal.Message, Does.Contain("damaged").And.Contain(Digest.Of(good).ToString()));
        Assert.That(await NamesIn(await _host.Images.LoadAsync(MakeLayout("honest", good, Digest.Of(good)), "honest:1")), Has.Member("good").And.No.Member("evil"));
    }

    [Test]
    public async Task A_check_finds_a_layer_under_another_layers_diff_ID()
    {
        await _host.Images.LoadAsync(MakeLayout("honest", MakeTar("good"), Digest.Of(MakeTar("good"))), "honest:1");
        Assert.That((await _host.CheckAsync()).Problems, Is.Empty);

        Smuggle(MakeTar("evil"), claimed: Digest.Of(MakeTar("good")));

        Assert.That((await _host.CheckAsync()).Problems, Has.Exactly(1).Contains("liar:1"));
    }

    [Test]
    public void What_stands_behind_the_archives_end_counts_too()
    {
        var padded = MakeTar("good").Concat(new byte[512]).ToArray();
        var liar = Smuggle(padded, claimed: Digest.Of(MakeTar("good")));

        Assert.That(() => _host.Container(liar).WithCommand("/x").CreateAsync(), Throws.InstanceOf<ImageException>());
    }

    private async Task<List<string>> NamesIn(Image image)
    {
        await using var container = await _host.Container(image).WithCommand("/x").CreateAsync();
        var names = new List<string>();
        await foreach (var entry in container.Files.ListAsync("/"))
        {
            names.Add(entry.Name);
        }

        return names;
    }

    private byte[] MakeTar(string file)
    {
        var tree = _directory[$"tree-{file}"];
        Support.Shell.Script("""mkdir -p "$1" && touch "$1/$2" && tar -C "$1" --sort=name --mtime=@0 -cf "$1.tar" . """, tree, file);
        return File.ReadAllBytes($"{tree}.tar");
    }

    // Loading would notice it; pulling leaves it to the one who unpacks.
    private Image Smuggle(byte[] layer, Digest claimed)
    {
        var catalog = _host.Images.Catalog;
        using var lease = catalog.Lease(CancellationToken.None);
        var blob = catalog.Blobs.Add(layer, "application/vnd.oci.image.layer.v1.tar");
        return catalog.CreateImage(lease, new ImageConfig(), [new StoredLayer(blob, claimed)], ImageReference.Parse("liar:1"), CancellationToken.None);
    }

    private string MakeLayout(string name, byte[] layer, Digest claimed)
    {
        var layout = _directory[name];
        Directory.CreateDirectory(Path.Combine(layout, "blobs", "sha256"));
        var config = AddBlob($$$"""{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["{{{claimed}}}"]}}""");
        var manifest = AddBlob($$"""{"schemaVersion":2,"config":{{config}},"layers":[{{Add(layer, "application/vnd.oci.image.layer.v1.tar")}}]}""", "manifest");
        File.WriteAllText(Path.Combine(layout, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
        File.WriteAllText(Path.Combine(layout, "index.json"), $$"""{"schemaVersion":2,"manifests":[{{manifest}}]}""");
        return layout;

        string AddBlob(string json, string kind = "config") => Add(Encoding.UTF8.GetBytes(json), $"application/vnd.oci.image.{kind}.v1+json");

        string Add(byte[] content, string mediaType)
        {
            File.WriteAllBytes(Path.Combine(layout, "blobs", "sha256", Digest.Of(content).Hex), content);
            return $$"""{"mediaType":"{{mediaType}}","digest":"{{Digest.Of(content)}}","size":{{content.Length}}}""";
        }
    }
}

using ContainerKit.Tests.Images;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

internal sealed class MirrorTests : RegistryFixture
{
    private static readonly SampleImage Image = SampleImage.Of(1000);

    private TestRegistry _mirror = null!;

    [SetUp]
    public void StartMirror() => _mirror = Start();

    [TearDown]
    public async Task StopMirror() => await _mirror.DisposeAsync();

    [Test]
    public async Task A_mirror_that_has_the_image_is_all_that_is_asked()
    {
        _mirror.Content.Add("team/app", "1", Image);

        var pulled = await PullAsync("team/app:1", MirroredBy(_mirror.Host));

        Assert.That(pulled.Reference.Registry, Is.EqualTo(Registry.Host));
        Assert.That(Registry.Requests, Is.Empty);
    }

    [Test]
    public async Task Where_the_mirror_does_not_have_it_the_registry_is_asked()
    {
        Registry.Content.Add("team/app", "1", Image);

        var pulled = await PullAsync("team/app:1", MirroredBy(_mirror.Host));

        Assert.That(pulled.Digest, Is.EqualTo(Image.Digest));
        Assert.That(_mirror.Requests, Is.Not.Empty);
    }

    [Test]
    public async Task Where_the_mirror_is_not_there_the_registry_is_asked()
    {
        Registry.Content.Add("team/app", "1", Image);
        var options = MirroredBy(_mirror.Host) with { MaxAttempts = 1 };
        await _mirror.DisposeAsync();

        var pulled = await PullAsync("team/app:1", options);

        Assert.That(pulled.Digest, Is.EqualTo(Image.Digest));
    }

    [Test]
    public async Task Where_the_mirror_has_only_the_manifest_the_registry_gives_the_rest()
    {
        Registry.Content.Add("team/app", "1", Image);
        _mirror.Content.AddManifest("team/app", "1", Image.MediaType, Image.Manifest);

        var pulled = await PullAsync("team/app:1", MirroredBy(_mirror.Host));

        Assert.That(pulled.Digest, Is.EqualTo(Image.Digest));
        Assert.That(Registry.Downloads.Count(), Is.EqualTo(2));
    }

    [Test]
    public async Task Where_the_mirror_gives_other_bytes_the_registry_gives_the_right_ones()
    {
        Registry.Content.Add("team/app", "1", Image);
        _mirror.Content.Add("team/app", "1", Image);
        _mirror.Content["team/app"].Blobs[Digest.Of(Image.Layers[0])] = new byte[Image.Layers[0].Length];

        await PullAsync("team/app:1", MirroredBy(_mirror.Host));

        Assert.That(Stored(Digest.Of(Image.Layers[0])), Is.EqualTo(Image.Layers[0]));
    }

    [Test]
    public async Task A_blob_that_breaks_off_at_the_mirror_goes_on_at_the_registry()
    {
        const int Cut = 500;
        Registry.Content.Add("team/app", "1", Image);
        _mirror.Content.Add("team/app", "1", Image);
        _mirror.Faults.Add(new Fault("GET", Digest.Of(Image.Layers[0]).Hex) { ClosesAfter = Cut });
        _mirror.Faults.Add(new Fault("GET", Digest.Of(Image.Layers[0]).Hex) { Status = 404, Times = Fault.Always });

        await PullAsync("team/app:1", MirroredBy(_mirror.Host));

        Assert.That(Stored(Digest.Of(Image.Layers[0])), Is.EqualTo(Image.Layers[0]));
        Assert.That(Registry.Downloads.Single().Headers.GetValueOrDefault("Range"), Is.EqualTo($"bytes={Cut}-"));
    }

    [Test]
    public async Task A_mirror_may_keep_the_repositories_below_a_path()
    {
        _mirror.Content.Add("hub/team/app", "1", Image);

        var pulled = await PullAsync("team/app:1", MirroredBy($"{_mirror.Host}/hub"));

        Assert.That(pulled.Digest, Is.EqualTo(Image.Digest));
    }

    [Test]
    public async Task Mirrors_are_asked_in_order()
    {
        var second = Start();
        second.Content.Add("team/app", "1", Image);

        await PullAsync("team/app:1", MirroredBy(_mirror.Host, second.Host));

        Assert.That(_mirror.Requests, Is.Not.Empty);
        Assert.That(second.Downloads.Count(), Is.EqualTo(2));
        Assert.That(Registry.Requests, Is.Empty);
    }

    [Test]
    public async Task Docker_hub_has_mirrors_too()
    {
        _mirror.Content.Add("library/debian", "12", Image);

        var pulled = await Client(Options with { Mirrors = new Dictionary<string, IReadOnlyList<string>> { ["docker.io"] = [_mirror.Host] } }).PullAsync("debian:12");

        Assert.That(pulled.Reference.ToString(), Is.EqualTo("debian:12"));
        Assert.That(pulled.Digest, Is.EqualTo(Image.Digest));
    }

    [Test]
    public async Task A_push_goes_to_the_registry_itself()
    {
        var image = await Store.ImportAsync("debian:12");

        await Client(MirroredBy(_mirror.Host)).PushAsync(image, Name("team/app:1"));

        Assert.That(Registry.Content["team/app"].Tags["1"], Is.EqualTo(image.Digest));
        Assert.That(_mirror.Requests, Is.Empty);
    }

    private RegistryOptions MirroredBy(params string[] mirrors) => Options with { Mirrors = new Dictionary<string, IReadOnlyList<string>> { [Registry.Host] = mirrors } };
}

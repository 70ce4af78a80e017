using System.Net;
using ContainerKit.Tests.Images;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

internal sealed class PushTests : RegistryFixture
{
    /// <summary>Text that stays large when it is compressed: more than what the client sends in a single request.</summary>
    private static readonly string Large = Convert.ToBase64String(SampleImage.Noise(750_000, seed: 1));

    [Test]
    public async Task An_image_arrives_byte_by_byte()
    {
        var image = await Store.ImportAsync("debian:12");

        await Client().PushAsync(image, Name("team/app:1"));

        var content = Registry.Content["team/app"];
        Assert.That(content.Tags["1"], Is.EqualTo(image.Digest));
        Assert.That(content.Manifests[image.Digest].Content, Is.EqualTo(Stored(image.Digest)));
        Assert.That(content.Blobs.Keys, Is.EquivalentTo(new[] { image.ConfigDescriptor.Digest, image.Layers[0].Descriptor.Digest }));
        Assert.That(content.Uploads, Is.Empty);
    }

    [Test]
    public async Task What_was_pushed_is_pulled_as_the_same_image()
    {
        var image = await Store.ImportAsync("debian:12");
        await Client().PushAsync(image, Name("app:1"));
        using var other = new Store();

        var pulled = await Client(catalog: other.Catalog).PullAsync(Name("app:1"));

        Assert.That(pulled.Digest, Is.EqualTo(image.Digest));
        Assert.That(other.Files().Where(file => file.StartsWith("blobs", StringComparison.Ordinal)), Is.EqualTo(Store.Files().Where(file => file.StartsWith("blobs", StringComparison.Ordinal))));
    }

    [Test]
    public async Task A_name_stands_for_the_image_only_when_all_of_it_is_there()
    {
        var image = await Store.ImportAsync("debian:12");

        await Client().PushAsync(image, Name("app:1"));

        var requests = Registry.Requests.Where(request => request.Method is "PUT" or "PATCH" or "POST").ToList();
        Assert.That(requests[^1].Path, Is.EqualTo("/v2/app/manifests/1"));
        Assert.That(requests.Count(request => request.Path.Contains("/manifests/", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [Test]
    public async Task What_the_registry_has_is_not_sent_again()
    {
        var image = await Store.ImportAsync("debian:12");
        await Client().PushAsync(image, Name("app:1"));
        Registry.Forget();

        await Client().PushAsync(image, Name("app:2"));

        Assert.That(Registry.Requests.Where(request => request.Path.Contains("/uploads/", StringComparison.Ordinal)), Is.Empty);
        Assert.That(Registry.Content["app"].Tags["2"], Is.EqualTo(image.Digest));
    }

    [Test]
    public async Task Layers_of_a_repository_that_is_known_are_mounted()
    {
        Registry.Content.Add("team/base", "1", SampleImage.Of(1000));
        var image = await PullAsync("team/base:1");

        await Client().PushAsync(image, Name("team/app:1"));

        Assert.That(Registry.Content["team/app"].Blobs.Keys, Is.EquivalentTo(Registry.Content["team/base"].Blobs.Keys));
        Assert.That(Registry.Requests.Where(IsOf(image.Layers[0])), Has.Some.Matches<HttpRequest>(request => request.Query("from") == "team/base"));
        Assert.That(Registry.Requests.Where(request => request.Body.Length > 900), Is.Empty);
    }

    [Test]
    public async Task Layers_that_the_registry_does_not_mount_are_sent()
    {
        var content = new RegistryContent();
        content.Add("team/base", "1", SampleImage.Of(1000));
        var registry = Start(new RegistryRules { AllowsMount = false }, content);
        var image = await Client().PullAsync(Name("team/base:1", registry));

        await Client().PushAsync(image, Name("team/app:1", registry));

        Assert.That(content["team/app"].Blobs.Keys, Is.EquivalentTo(content["team/base"].Blobs.Keys));
        Assert.That(content["team/app"].Uploads, Is.Empty);
    }

    [Test]
    public async Task Blobs_go_in_pieces_when_asked()
    {
        var image = await Store.ImportAsync("debian:12", Large);

        await Client(Options with { UploadChunkBytes = 300_000 }).PushAsync(image, Name("app:1"));

        var layer = image.Layers[0].Descriptor;
        var pieces = Registry.Requests.Where(request => request.Method == "PATCH" && request.Body.Length > 0).ToList();
        Assert.That(pieces.Select(piece => piece.Body.Length), Is.All.LessThanOrEqualTo(300_000));
        Assert.That(pieces, Has.Count.GreaterThanOrEqualTo(2));
        Assert.That(Registry.Content["app"].Blobs[layer.Digest], Is.EqualTo(Stored(layer.Digest)));
    }

    [Test]
    public async Task Pieces_are_as_large_as_the_registry_wants_them_at_least()
    {
        var registry = Start(new RegistryRules { MinChunkBytes = 350_000 });
        var image = await Store.ImportAsync("debian:12", Large);

        await Client(Options with { UploadChunkBytes = 100 }).PushAsync(image, Name("app:1", registry));

        var layer = image.Layers[0].Descriptor;
        Assert.That(registry.Content["app"].Blobs[layer.Digest], Is.EqualTo(Stored(layer.Digest)));
        var pieces = registry.Requests.Where(request => request.Method == "PATCH").GroupBy(request => request.Path);
        Assert.That(pieces.SelectMany(blob => blob.SkipLast(1)).Select(piece => piece.Body.Length), Is.All.GreaterThanOrEqualTo(350_000));
    }

    [Test]
    public async Task An_upload_may_be_called_by_its_path_alone()
    {
        var registry = Start(new RegistryRules { TellsRelativeLocations = true });
        var image = await Store.ImportAsync("debian:12");

        await Client().PushAsync(image, Name("app:1", registry));

        Assert.That(registry.Content["app"].Tags["1"], Is.EqualTo(image.Digest));
    }

    [Test]
    public async Task A_piece_that_breaks_off_is_gone_on_with([Values(0, 1, 2, 100_000, 299_999)] int after)
    {
        var image = await Store.ImportAsync("debian:12", Large);
        Registry.Faults.Add(new Fault("PATCH", "/uploads/") { ResetsRequestAfter = after, After = 1, Times = 2 });

        await Client(Options with { UploadChunkBytes = 300_000 }).PushAsync(image, Name("app:1"));

        Assert.That(Registry.Content["app"].Blobs[image.Layers[0].Descriptor.Digest], Is.EqualTo(Stored(image.Layers[0].Descriptor.Digest)));
        Assert.That(Registry.Content["app"].Tags["1"], Is.EqualTo(image.Digest));
    }

    [TestCase("POST", "/uploads/")]
    [TestCase("PATCH", "/uploads/")]
    [TestCase("PUT", "/uploads/")]
    [TestCase("PUT", "/manifests/")]
    [TestCase("HEAD", "/blobs/")]
    public async Task A_request_whose_answer_is_lost_does_no_harm(string method, string part)
    {
        var image = await Store.ImportAsync("debian:12", Large);
        Registry.Faults.Add(new Fault(method, part) { ForgetsToAnswer = true });

        await Client(Options with { UploadChunkBytes = 300_000 }).PushAsync(image, Name("app:1"));

        Assert.That(Registry.Content["app"].Blobs[image.Layers[0].Descriptor.Digest], Is.EqualTo(Stored(image.Layers[0].Descriptor.Digest)));
        Assert.That(Registry.Content["app"].Tags["1"], Is.EqualTo(image.Digest));
    }

    [TestCase("POST", "/uploads/")]
    [TestCase("PATCH", "/uploads/")]
    [TestCase("PUT", "/uploads/")]
    [TestCase("PUT", "/manifests/")]
    [TestCase("HEAD", "/blobs/")]
    public async Task A_request_that_the_registry_is_too_busy_for_comes_again(string method, string part)
    {
        var image = await Store.ImportAsync("debian:12", Large);
        Registry.Faults.Add(new Fault(method, part) { Status = 503 });

        await Client(Options with { UploadChunkBytes = 300_000 }).PushAsync(image, Name("app:1"));

        Assert.That(Registry.Content["app"].Blobs[image.Layers[0].Descriptor.Digest], Is.EqualTo(Stored(image.Layers[0].Descriptor.Digest)));
        Assert.That(Registry.Content["app"].Tags["1"], Is.EqualTo(image.Digest));
    }

    [TestCase("/v2/app/blobs/uploads/nowhere")]
    [TestCase("//")]
    [TestCase("")]
    public async Task A_push_that_is_sent_nowhere_after_each_piece_comes_to_an_end(string location)
    {
        var image = await Store.ImportAsync("debian:12", Large);
        Registry.Faults.Add(new Fault("PATCH", "/uploads/") { Times = Fault.Always, Headers = new Dictionary<string, string?> { ["Location"] = location } });

        Assert.That(() => Client(Options with { UploadChunkBytes = 100_000, MaxAttempts = 3 }).PushAsync(image, Name("app:1")), Throws.TypeOf<RegistryException>());

        Assert.That(Registry.Requests, Has.Count.LessThan(100));
        Assert.That(Registry.Content["app"].Tags, Is.Empty);
    }

    [Test]
    public async Task A_registry_that_takes_no_pushes_says_so_once()
    {
        var image = await Store.ImportAsync("debian:12");
        Registry.Faults.Add(new Fault("POST", "/uploads/") { Status = 403, Times = Fault.Always });

        var refusal = Assert.ThrowsAsync<RegistryException>(() => Client().PushAsync(image, Name("app:1")))!;

        Assert.That(refusal, Has.Property("StatusCode").EqualTo(HttpStatusCode.Forbidden).And.Property("IsTransient").False);
        Assert.That(Registry.Content["app"].Tags, Is.Empty);
    }

    [Test]
    public async Task Progress_tells_how_far_each_layer_is()
    {
        var image = await Store.ImportAsync("debian:12", Large);
        var progress = new Recorder();

        await Client().PushAsync(image, Name("app:1"), progress: progress);

        var layer = image.Layers[0].Descriptor;
        Assert.That(progress.Of(layer.Digest)[0].State, Is.EqualTo(ImageProgressState.Waiting));
        Assert.That(progress.Of(layer.Digest).Count(report => report.State == ImageProgressState.Running), Is.GreaterThan(0));
        Assert.That(progress.Of(layer.Digest)[^1], Is.EqualTo(new ImageProgress(ImagePhase.Writing, layer.Digest.ToString(), layer.Size, layer.Size) { State = ImageProgressState.Done }));
    }

    [Test]
    public async Task Of_what_the_registry_has_or_takes_from_elsewhere_progress_tells_that_nothing_moved([Values("app:2", "other:1")] string name)
    {
        var image = await Store.ImportAsync("debian:12", Large);
        await Client().PushAsync(image, Name("app:1"));
        var progress = new Recorder();

        await Client().PushAsync(image, Name(name), new PushOptions { MountFrom = ["app"] }, progress);

        Assert.That(progress.Of(image.Layers[0].Descriptor.Digest).Select(report => report.State), Is.EqualTo(new[] { ImageProgressState.Waiting, ImageProgressState.AlreadyThere }));
    }

    [Test]
    public async Task A_layer_that_was_damaged_on_disk_never_becomes_a_name()
    {
        var image = await Store.ImportAsync("debian:12");
        var path = Store.Catalog.Blobs.PathOf(image.Layers[0].Descriptor.Digest);
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);

        Assert.That(() => Client().PushAsync(image, Name("app:1")), Throws.InstanceOf<ContainerKitException>());

        Assert.That(Registry.Content["app"].Tags, Is.Empty);
    }

    private static Func<HttpRequest, bool> IsOf(Layer layer) => request => request.Target.Contains(layer.Descriptor.Digest.Hex, StringComparison.Ordinal);
}

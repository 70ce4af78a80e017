using ContainerKit.Images;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

/// <summary>What several want at once comes once.</summary>
internal sealed class SingleFlightTests : RegistryFixture
{
    private static readonly SampleImage Image = SampleImage.Of(300_000);

    [Test]
    public async Task Tasks_that_pull_the_same_image_fetch_each_blob_once()
    {
        Registry.Content.Add("app", "1", Image);
        var client = Client();
        using var gate = new Gate(Registry, "/blobs/");

        var pulls = Enumerable.Range(0, 8).Select(_ => client.PullAsync(Name("app:1"))).ToList();
        await Registry.SeenAsync(IsManifest, pulls.Count);
        gate.Open();
        var images = await Task.WhenAll(pulls);

        Assert.That(images.Select(image => image.Digest), Is.All.EqualTo(Image.Digest));
        Assert.That(Registry.Downloads.Count(), Is.EqualTo(2));
    }

    [Test]
    public async Task Stores_on_one_directory_fetch_each_blob_once()
    {
        Registry.Content.Add("app", "1", Image);
        using var gate = new Gate(Registry, "/blobs/");

        var pulls = Enumerable.Range(0, 4).Select(_ => Client(catalog: new ImageCatalog(Store.Root)).PullAsync(Name("app:1"))).ToList();
        await Registry.SeenAsync(IsManifest, pulls.Count);
        gate.Open();
        await Task.WhenAll(pulls);

        Assert.That(Registry.Downloads.Count(), Is.EqualTo(2));
    }

    [Test]
    public async Task Images_that_share_a_layer_fetch_it_once()
    {
        var tar = SampleImage.Tar("mine", [1, 2, 3]);
        var tars = new[] { SampleImage.Tar("shared", new byte[1000]), tar };
        var other = SampleImage.From(Platform.Host, [.. tars.Select(SampleImage.Pack)], [.. tars.Select(each => Digest.Of(each))]);
        var one = SampleImage.From(Platform.Host, [SampleImage.Pack(tars[0])], [Digest.Of(tars[0])]);
        Registry.Content.Add("app", "1", one);
        Registry.Content.Add("app", "2", other);
        var client = Client();
        using var gate = new Gate(Registry, "/blobs/");

        var pulls = new[] { client.PullAsync(Name("app:1")), client.PullAsync(Name("app:2")) };
        await Registry.SeenAsync(IsManifest, pulls.Length);
        gate.Open();
        await Task.WhenAll(pulls);

        Assert.That(Registry.Downloads.Count(request => request.Path.EndsWith(Digest.Of(one.Layers[0]).ToString(), StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [Test]
    public async Task Whoever_waited_for_one_that_gave_up_fetches_it_itself()
    {
        Registry.Content.Add("app", "1", Image);
        var client = Client();
        using var gate = new Gate(Registry, "/blobs/");
        using var cancellation = new CancellationTokenSource();

        var first = client.PullAsync(Name("app:1"), cancellationToken: cancellation.Token);
        await Registry.SeenAsync(IsBlob);
        var second = client.PullAsync(Name("app:1"));
        await Registry.SeenAsync(IsManifest, 2);
        await cancellation.CancelAsync();
        gate.Open();

        Assert.That(() => first, Throws.InstanceOf<OperationCanceledException>());
        Assert.That((await second).Digest, Is.EqualTo(Image.Digest));
    }

    [Test]
    public async Task Tasks_that_push_the_same_image_send_each_blob_once()
    {
        var image = await Store.ImportAsync("debian:12");
        var client = Client();
        using var gate = new Gate(Registry, "/uploads/", "POST");

        var pushes = Enumerable.Range(0, 4).Select(i => client.PushAsync(image, Name($"app:{i}"))).ToList();
        await Registry.SeenAsync(request => request.Method == "POST");
        gate.Open();
        await Task.WhenAll(pushes);

        Assert.That(Registry.Requests.Count(request => request.Method == "POST"), Is.EqualTo(2));
        Assert.That(Registry.Content["app"].Tags.Keys, Is.EquivalentTo(new[] { "0", "1", "2", "3" }));
    }

    private static bool IsManifest(HttpRequest request) => request.Path.Contains("/manifests/", StringComparison.Ordinal);

    private static bool IsBlob(HttpRequest request) => request.Path.Contains("/blobs/", StringComparison.Ordinal);

    /// <summary>Holds answers back until it is opened.</summary>
    private sealed class Gate : IDisposable
    {
        private readonly TaskCompletionSource _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Gate(TestRegistry registry, string part, string method = "GET") =>
            registry.Faults.Add(new Fault(method, part) { Times = Fault.Always, Until = _source.Task });

        public void Open() => _source.TrySetResult();

        public void Dispose() => Open();
    }
}

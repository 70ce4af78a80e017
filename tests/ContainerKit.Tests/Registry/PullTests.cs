using System.Net;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

internal sealed class PullTests : RegistryFixture
{
    [Test]
    public async Task An_image_arrives_byte_by_byte()
    {
        var image = SampleImage.Of(100_000, 10);
        Registry.Content.Add("team/app", "1", image);

        var pulled = await PullAsync("team/app:1");

        Assert.That(pulled.Digest, Is.EqualTo(image.Digest));
        Assert.That(pulled.Reference, Is.EqualTo(ImageReference.Parse(Name("team/app:1"))));
        Assert.That(image.Blobs.Select(blob => Stored(Digest.Of(blob))), Is.EqualTo(image.Blobs));
        Assert.That(Stored(image.Digest), Is.EqualTo(image.Manifest));
        Assert.That((await Store.Images.FindAsync(Name("team/app:1")))?.Digest, Is.EqualTo(image.Digest));
    }

    [Test]
    public async Task Its_layers_can_be_read()
    {
        Registry.Content.Add("app", "1", SampleImage.Of(1000, 2000));

        var pulled = await PullAsync("app:1");
        var sizes = new List<long>();
        foreach (var layer in pulled.Layers)
        {
            await foreach (var entry in layer.EntriesAsync())
            {
                sizes.Add(entry.Metadata.Size);
            }
        }

        Assert.That(sizes, Is.EqualTo(new long[] { 1000, 2000 }));
    }

    [Test]
    public async Task What_is_in_the_store_is_not_fetched_again()
    {
        Registry.Content.Add("app", "1", SampleImage.Of(1000, 2000));
        await PullAsync("app:1");
        Registry.Forget();

        await PullAsync("app:1");

        Assert.That(Registry.Downloads, Is.Empty);
    }

    [Test]
    public async Task Every_blob_is_fetched_once()
    {
        var image = SampleImage.Of(1000, 2000);
        Registry.Content.Add("app", "1", image with { Layers = image.Layers });

        await PullAsync("app:1");

        Assert.That(Registry.Downloads.Select(request => request.Path).Distinct().Count(), Is.EqualTo(3));
        Assert.That(Registry.Downloads.Count(), Is.EqualTo(3));
    }

    [Test]
    public async Task A_layer_that_an_image_has_twice_is_fetched_once()
    {
        var tar = SampleImage.Tar("file", [1, 2, 3]);
        var layer = SampleImage.Pack(tar);
        Registry.Content.Add("app", "1", SampleImage.From(Platform.Host, [layer, layer], [Digest.Of(tar), Digest.Of(tar)]));

        var pulled = await PullAsync("app:1");

        Assert.That(pulled.Layers, Has.Count.EqualTo(2));
        Assert.That(Registry.Downloads.Count(), Is.EqualTo(2));
    }

    [Test]
    public async Task A_name_that_moved_brings_the_new_image()
    {
        Registry.Content.Add("app", "1", SampleImage.Of(10));
        var old = await PullAsync("app:1");
        Registry.Content.Add("app", "1", SampleImage.Of(20));

        var moved = await PullAsync("app:1");

        Assert.That(moved.Digest, Is.Not.EqualTo(old.Digest));
        Assert.That((await Store.Images.FindAsync(Name("app:1")))?.Digest, Is.EqualTo(moved.Digest));
    }

    [Test]
    public async Task An_image_can_be_called_by_its_digest()
    {
        var image = SampleImage.Of(10);
        Registry.Content.Add("app", "1", image);

        var pulled = await PullAsync($"app@{image.Digest}");

        Assert.That(pulled.Digest, Is.EqualTo(image.Digest));
        Assert.That(Registry.Requests.Select(request => request.Path), Has.Member($"/v2/app/manifests/{image.Digest}"));
    }

    [Test]
    public async Task Dockers_own_documents_are_as_good()
    {
        const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
        var image = SampleImage.Of(10).WithManifest(manifest => manifest
            .Replace(SampleImage.ManifestType, DockerManifest, StringComparison.Ordinal)
            .Replace(SampleImage.ConfigType, "application/vnd.docker.container.image.v1+json", StringComparison.Ordinal)
            .Replace(SampleImage.LayerType, "application/vnd.docker.image.rootfs.diff.tar.gzip", StringComparison.Ordinal));
        Registry.Content.Add("app", "1", image with { MediaType = DockerManifest });

        var pulled = await PullAsync("app:1");

        Assert.That(pulled.Digest, Is.EqualTo(image.Digest));
    }

    [Test]
    public async Task Blobs_come_from_where_the_registry_points_to()
    {
        var elsewhere = Start(content: Registry.Content);
        var registry = Start(new RegistryRules { BlobsAt = elsewhere.Address }, Registry.Content);
        registry.Content.Add("app", "1", SampleImage.Of(1000));

        await Client().PullAsync(Name("app:1", registry));

        Assert.That(elsewhere.Downloads.Count(), Is.EqualTo(2));
    }

    [Test]
    public async Task Progress_tells_how_far_each_layer_is()
    {
        var image = SampleImage.Of(300_000, 200_000);
        Registry.Content.Add("app", "1", image);
        var progress = new Recorder();

        await Client().PullAsync(Name("app:1"), progress: progress);

        foreach (var layer in image.Layers)
        {
            var reports = progress.Of(Digest.Of(layer));
            Assert.That(reports.Select(report => report.BytesDone), Is.Ordered);
            Assert.That(reports[0], Is.EqualTo(new ImageProgress(ImagePhase.Reading, Digest.Of(layer).ToString(), 0, layer.Length) { State = ImageProgressState.Waiting }));
            Assert.That(reports[1].State, Is.EqualTo(ImageProgressState.Running));
            Assert.That(reports[^1], Is.EqualTo(new ImageProgress(ImagePhase.Reading, Digest.Of(layer).ToString(), layer.Length, layer.Length) { State = ImageProgressState.Done }));
        }
    }

    [Test]
    public async Task Of_what_is_there_already_progress_tells_that_alone()
    {
        var image = SampleImage.Of(3000, 2000);
        Registry.Content.Add("app", "1", image);
        await PullAsync("app:1");
        var progress = new Recorder();

        await Client().PullAsync(Name("app:1"), progress: progress);

        foreach (var blob in image.Blobs)
        {
            Assert.That(progress.Of(Digest.Of(blob)), Is.EqualTo(new[] { new ImageProgress(ImagePhase.Reading, Digest.Of(blob).ToString(), blob.Length, blob.Length) { State = ImageProgressState.AlreadyThere } }));
        }
    }

    [Test]
    public void What_the_registry_does_not_have_is_said_and_not_tried_again()
    {
        Registry.Content.Add("app", "1", SampleImage.Of(10));

        var refusal = Assert.ThrowsAsync<RegistryException>(() => PullAsync("app:2"))!;

        Assert.That(refusal, Has.Property("StatusCode").EqualTo(HttpStatusCode.NotFound).And.Property("IsTransient").False);
        Assert.That(refusal.Message, Does.Contain(Registry.Host).And.Contain("2"));
        Assert.That(Registry.Requests.Count(request => request.Path.Contains("/manifests/", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [Test]
    public async Task A_registry_that_nobody_said_is_plain_gets_no_plain_request()
    {
        Registry.Content.Add("app", "1", SampleImage.Of(10));

        var refusal = Assert.ThrowsAsync<RegistryException>(() => PullAsync("app:1", Options with { PlainHttp = [], MaxAttempts = 1 }))!;

        Assert.That(refusal.Hint, Does.Contain("PlainHttp"));
        Assert.That(Registry.Requests.Where(request => request.Path.StartsWith("/v2", StringComparison.Ordinal)), Is.Empty);
        await AssertNothingArrived();
    }
}

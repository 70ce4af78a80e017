using System.Globalization;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

internal sealed class ResumeTests : RegistryFixture
{
    private const int Cut = 60_000;

    private static readonly SampleImage Image = SampleImage.Of(200_000);

    private static readonly byte[] Layer = Image.Layers[0];

    private static string LayerPath => $"/v2/app/blobs/{Digest.Of(Layer)}";

    private IEnumerable<long> Starts => Registry.Requests.Where(request => request.Path == LayerPath).Select(request =>
        long.Parse(request.Headers.GetValueOrDefault("Range", "bytes=0-")["bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture));

    [SetUp]
    public void Fill() => Registry.Content.Add("app", "1", Image);

    [Test]
    public async Task A_blob_that_ends_too_early_goes_on_where_it_ended()
    {
        Registry.Faults.Add(new Fault("GET", LayerPath) { ClosesAfter = Cut });

        await PullAsync("app:1");

        Assert.That(Stored(Digest.Of(Layer)), Is.EqualTo(Layer));
        Assert.That(Starts, Is.EqualTo(new long[] { 0, Cut }));
    }

    [Test]
    public async Task A_blob_whose_connection_is_reset_again_and_again_arrives_in_the_end([Values(10_000, 33_333, 100_000)] int every)
    {
        Registry.Faults.Add(new Fault("GET", LayerPath) { ResetsAfter = every, Times = Fault.Always });

        await PullAsync("app:1", Options with { MaxAttempts = 3 });

        Assert.That(Stored(Digest.Of(Layer)), Is.EqualTo(Layer));
        Assert.That(Starts, Is.Ordered);
    }

    [Test]
    public async Task What_one_attempt_has_left_the_next_goes_on_with()
    {
        Registry.Faults.Add(new Fault("GET", LayerPath) { ClosesAfter = Cut });
        var refusal = Assert.ThrowsAsync<RegistryException>(() => PullAsync("app:1", Options with { MaxAttempts = 1 }))!;
        Assert.That(Store.Catalog.Blobs.Contains(Digest.Of(Layer)), Is.False);
        Registry.Forget();

        await PullAsync("app:1");

        Assert.That(refusal.IsTransient, Is.True);
        Assert.That(Starts, Is.EqualTo(new long[] { Cut }));
        Assert.That(Stored(Digest.Of(Layer)), Is.EqualTo(Layer));
        Assert.That(Store.Files().Where(file => file.StartsWith(".tmp", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public async Task A_registry_that_knows_no_ranges_begins_again()
    {
        Registry.Faults.Add(new Fault("GET", LayerPath) { ClosesAfter = Cut });
        Registry.Faults.Add(new Fault("GET", LayerPath) { IgnoresRange = true, Times = Fault.Always });

        await PullAsync("app:1");

        Assert.That(Stored(Digest.Of(Layer)), Is.EqualTo(Layer));
    }

    [TestCase("bytes 0-10/11")]
    [TestCase("bytes 99999-199999/200000")]
    [TestCase("bytes */200000")]
    [TestCase("lines 1-2/3")]
    [TestCase(null)]
    public async Task A_part_that_is_not_the_one_that_was_asked_for_is_not_put_in_its_place_and_the_whole_is_asked_for(string? range)
    {
        Registry.Faults.Add(new Fault("GET", LayerPath) { ClosesAfter = Cut });
        Registry.Faults.Add(new Fault("GET", LayerPath) { Headers = new Dictionary<string, string?> { ["Content-Range"] = range } });

        await PullAsync("app:1");

        Assert.That(Stored(Digest.Of(Layer)), Is.EqualTo(Layer));
        Assert.That(Starts, Is.EqualTo(new long[] { 0, Cut, 0 }));
    }

    [Test]
    public async Task What_lies_there_and_is_something_else_does_not_stay_in_the_way([Values(10, 100_000, 1_000_000)] int bytes)
    {
        await File.WriteAllBytesAsync(Store.Catalog.Blobs.PathOfPart(Digest.Of(Layer)), new byte[bytes]);

        await PullAsync("app:1");

        Assert.That(Stored(Digest.Of(Layer)), Is.EqualTo(Layer));
    }

    [Test]
    public async Task As_many_bytes_as_there_should_be_but_others_are_fetched_again()
    {
        await File.WriteAllBytesAsync(Store.Catalog.Blobs.PathOfPart(Digest.Of(Layer)), new byte[Layer.Length]);

        await PullAsync("app:1");

        Assert.That(Stored(Digest.Of(Layer)), Is.EqualTo(Layer));
    }

    [Test]
    public async Task A_blob_that_was_all_here_but_for_its_name_gets_it()
    {
        await File.WriteAllBytesAsync(Store.Catalog.Blobs.PathOfPart(Digest.Of(Layer)), Layer);

        await PullAsync("app:1");

        Assert.That(Stored(Digest.Of(Layer)), Is.EqualTo(Layer));
    }

    [Test]
    public async Task What_an_earlier_attempt_left_is_told_to_be_verified()
    {
        File.WriteAllBytes(Store.Catalog.Blobs.PathOfPart(Digest.Of(Layer)), Layer[..Cut]);
        var progress = new Recorder();

        await Client().PullAsync(Name("app:1"), progress: progress);

        Assert.That(
            progress.Of(Digest.Of(Layer)).Select(report => report.State).Distinct(),
            Is.EqualTo(new[] { ImageProgressState.Waiting, ImageProgressState.Verifying, ImageProgressState.Running, ImageProgressState.Done }));
        Assert.That(progress.Of(Digest.Of(Layer)).Single(report => report.State == ImageProgressState.Verifying).BytesDone, Is.EqualTo(Cut));
    }

    [Test]
    public async Task Progress_does_not_go_back_when_a_blob_goes_on()
    {
        Registry.Faults.Add(new Fault("GET", LayerPath) { ClosesAfter = Cut, Times = 2 });
        var progress = new Recorder();

        await Client().PullAsync(Name("app:1"), progress: progress);

        Assert.That(progress.Of(Digest.Of(Layer)).Select(report => report.BytesDone), Is.Ordered);
        Assert.That(progress.Of(Digest.Of(Layer))[^1].BytesDone, Is.EqualTo(Layer.Length));
    }
}

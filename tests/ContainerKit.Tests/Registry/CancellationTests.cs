using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

/// <summary>Who gives up leaves nothing that can be seen, and something to go on with.</summary>
internal sealed class CancellationTests : RegistryFixture
{
    private static readonly SampleImage Image = SampleImage.Of(200_000);

    private static string LayerPath => $"/v2/app/blobs/{Digest.Of(Image.Layers[0])}";

    [TestCase("/manifests/")]
    [TestCase("/blobs/")]
    public async Task A_pull_that_is_given_up_leaves_no_image_and_no_half_blob(string part)
    {
        Registry.Content.Add("app", "1", Image);
        Registry.Faults.Add(new Fault("GET", part) { StallsAfter = 100, Times = Fault.Always });
        using var cancellation = new CancellationTokenSource();

        var pull = Client().PullAsync(Name("app:1"), cancellationToken: cancellation.Token);
        await Registry.SeenAsync(request => request.Path.Contains(part, StringComparison.Ordinal));
        await cancellation.CancelAsync();

        Assert.That(() => pull, Throws.InstanceOf<OperationCanceledException>());
        await AssertNothingArrived();
    }

    [Test]
    public async Task What_had_arrived_by_then_is_not_fetched_again()
    {
        Registry.Content.Add("app", "1", Image);
        Registry.Faults.Add(new Fault("GET", LayerPath) { StallsAfter = 50_000 });
        using var cancellation = new CancellationTokenSource();
        var progress = new Watcher(Digest.Of(Image.Layers[0]));

        var pull = Client().PullAsync(Name("app:1"), progress: progress, cancellationToken: cancellation.Token);
        await progress.Reached;
        await cancellation.CancelAsync();
        Assert.That(() => pull, Throws.InstanceOf<OperationCanceledException>());
        Registry.Forget();
        await PullAsync("app:1");

        Assert.That(Registry.Requests.Single(request => request.Path == LayerPath).Headers.GetValueOrDefault("Range"), Does.Match("^bytes=[1-9][0-9]*-$"));
        Assert.That(Stored(Digest.Of(Image.Layers[0])), Is.EqualTo(Image.Layers[0]));
    }

    [TestCase("HEAD", "/blobs/")]
    [TestCase("POST", "/uploads/")]
    [TestCase("PUT", "/uploads/")]
    [TestCase("PUT", "/manifests/")]
    public async Task A_push_that_is_given_up_names_nothing(string method, string part)
    {
        var never = new TaskCompletionSource();
        var image = await Store.ImportAsync("debian:12");
        Registry.Faults.Add(new Fault(method, part) { Until = never.Task, Times = Fault.Always });
        using var cancellation = new CancellationTokenSource();

        var push = Client().PushAsync(image, Name("app:1"), cancellationToken: cancellation.Token);
        await Registry.SeenAsync(request => request.Method == method && request.Path.Contains(part, StringComparison.Ordinal));
        await cancellation.CancelAsync();

        Assert.That(() => push, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Registry.Content["app"].Tags, Is.Empty);
    }

    [Test]
    public void Whoever_gave_up_before_asks_nothing()
    {
        Registry.Content.Add("app", "1", Image);

        Assert.That(() => Client().PullAsync(Name("app:1"), cancellationToken: new CancellationToken(canceled: true)), Throws.InstanceOf<OperationCanceledException>());

        Assert.That(Registry.Requests, Is.Empty);
    }

    [Test]
    public async Task A_pull_that_waits_between_two_attempts_is_given_up_at_once()
    {
        Registry.Content.Add("app", "1", Image);
        Registry.Faults.Add(new Fault("GET", "/manifests/") { Status = 503, Times = Fault.Always });
        using var cancellation = new CancellationTokenSource();

        var pull = Client(Options with { RetryDelay = TimeSpan.FromHours(1), MaxRetryDelay = TimeSpan.FromHours(1) }).PullAsync(Name("app:1"), cancellationToken: cancellation.Token);
        await Registry.SeenAsync(request => request.Path.Contains("/manifests/", StringComparison.Ordinal));
        await cancellation.CancelAsync();

        Assert.That(() => pull, Throws.InstanceOf<OperationCanceledException>());
    }

    /// <summary>Says when some of a blob has arrived.</summary>
    private sealed class Watcher(Digest digest) : IProgress<ImageProgress>
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Reached => _reached.Task;

        public void Report(ImageProgress value)
        {
            if (value.Item == digest.ToString() && value.BytesDone > 0)
            {
                _reached.TrySetResult();
            }
        }
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

/// <summary>What those hear of pulls who observe the process.</summary>
internal sealed class PullTelemetryTests : RegistryFixture
{
    [Test]
    public async Task A_pull_is_told_with_its_image_and_counts_what_the_registry_sent()
    {
        Registry.Content.Add("app", "1", SampleImage.Of(100_000, 2000));
        using var told = new Told();

        await PullAsync("app:1");
        var first = told.Bytes;
        await PullAsync("app:1");

        var pulls = told.Of(Name("app:1"));
        Assert.That(pulls.Select(pull => (pull.OperationName, pull.Status)), Is.EqualTo(new[] { ("containerkit.pull", ActivityStatusCode.Unset), ("containerkit.pull", ActivityStatusCode.Unset) }));
        Assert.That(first, Is.GreaterThan(0));
        Assert.That(told.Bytes, Is.EqualTo(first));
    }

    [Test]
    public void A_pull_that_fails_is_told_with_its_reason()
    {
        using var told = new Told();

        var failure = Assert.CatchAsync<RegistryException>(() => PullAsync("app:none"));

        var pull = told.Of(Name("app:none")).Single();
        Assert.That(pull.Status, Is.EqualTo(ActivityStatusCode.Error));
        Assert.That(failure.Message, Does.StartWith("Cannot pull").And.EndsWith(pull.StatusDescription!));
        Assert.That(pull.GetTagItem("error.type"), Is.EqualTo(typeof(RegistryException).FullName));
    }

    // Other tests of this process pull as well; whoever counts counts only what this test's own flow of control does.
    private sealed class Told : IDisposable
    {
        private readonly AsyncLocal<bool> _isMine = new() { Value = true };
        private readonly ConcurrentQueue<Activity> _ended = [];
        private readonly ActivityListener _activities;
        private readonly MeterListener _metrics = new();
        private long _bytes;

        public Told()
        {
            _activities = new ActivityListener
            {
                ShouldListenTo = source => source.Name == Telemetry.Name,
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
                ActivityStopped = _ended.Enqueue,
            };
            ActivitySource.AddActivityListener(_activities);
            _metrics.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == Telemetry.Name && instrument.Name == "containerkit.pull.bytes")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _metrics.SetMeasurementEventCallback<long>((_, value, _, _) => Interlocked.Add(ref _bytes, _isMine.Value ? value : 0));
            _metrics.Start();
        }

        public long Bytes => Interlocked.Read(ref _bytes);

        public IReadOnlyList<Activity> Of(string image) => [.. _ended.Where(activity => Equals(activity.GetTagItem("container.image.name"), image))];

        public void Dispose()
        {
            _metrics.Dispose();
            _activities.Dispose();
        }
    }
}

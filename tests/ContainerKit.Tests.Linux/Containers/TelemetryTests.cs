using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers;

/// <summary>What those hear who observe the process.</summary>
[NonParallelizable]
internal sealed class TelemetryTests : DetachedFixture
{
    [Test]
    public async Task A_life_is_told_as_activities_that_name_the_container()
    {
        using var told = new ToldActivities();
        await using var running = await Shell("sleep 1000").WithName("told").StartAsync();
        await running.ExecAsync(["sh", "-c", "exit 4"]);
        await running.Container.CommitAsync("told:1");

        Assert.That(told.Names(running.Id), Is.EqualTo(new[] { "containerkit.create", "containerkit.start", "containerkit.exec", "containerkit.commit" }));
        Assert.That(told.Of("containerkit.start", running.Id).TagObjects, Is.SupersetOf(new KeyValuePair<string, object?>[]
        {
            new("container.name", "told"),
            new("container.image.name", "tools:1"),
            new("container.command", "sh"),
            new("containerkit.driver", Host.StorageDriver),
            new("containerkit.detached", false),
        }));
        Assert.That(told.Of("containerkit.exec", running.Id).GetTagItem("process.exit.code"), Is.EqualTo(4));
    }

    [Test]
    public async Task A_wait_for_readiness_is_told_and_one_that_fails_with_its_reason()
    {
        using var told = new ToldActivities();
        await using var running = await Shell("echo up; sleep 1000").WithReadiness(Ready.WhenLogged("up")).StartAsync();
        var failure = Assert.CatchAsync<ContainerNotReadyException>(() => running.WaitUntilReadyAsync(Ready.WhenListening(9).Within(TimeSpan.FromMilliseconds(200))));

        var waits = told.All(running.Id).Where(activity => activity.OperationName == "containerkit.ready").ToArray();

        Assert.That(waits.Select(wait => wait.Status), Is.EqualTo(new[] { ActivityStatusCode.Unset, ActivityStatusCode.Error }));
        Assert.That(waits[1].StatusDescription, Is.EqualTo(failure.Message));
        Assert.That(waits[1].GetTagItem("error.type"), Is.EqualTo(typeof(ContainerNotReadyException).FullName));
    }

    [Test]
    public async Task Builds_and_unpacking_are_told_with_the_image_and_only_what_is_new_is_unpacked()
    {
        using var told = new ToldActivities();
        var image = await Host.BuildFrom(Tools).AddFile("/etc/told", "new\n").BuildAsync("built:1");
        await Host.Container(image).WithCommand("true").RunAsync();
        await Host.Container(image).WithCommand("true").RunAsync();
        var failure = Assert.CatchAsync<CommandFailedException>(() => Host.BuildFrom(Tools).Run("sh", "-c", "exit 3").BuildAsync("broken:1"));

        Assert.That(told.OfImage("containerkit.build", "built:1").Single().Status, Is.EqualTo(ActivityStatusCode.Unset));
        Assert.That(told.OfImage("containerkit.unpack", "built:1").Single().GetTagItem("containerkit.driver"), Is.EqualTo(Host.StorageDriver));
        var broken = told.OfImage("containerkit.build", "broken:1").Single();
        Assert.That((broken.Status, broken.StatusDescription), Is.EqualTo((ActivityStatusCode.Error, failure.Message)));
    }

    [Test]
    public async Task A_start_that_fails_is_told_with_its_reason()
    {
        using var told = new ToldActivities();
        await using var container = await Host.Container(Tools).WithCommand("/no/such/program").CreateAsync();
        var failure = Assert.CatchAsync<IsolationException>(() => container.StartAsync());

        var start = told.Of("containerkit.start", container.Id);

        Assert.That((start.Status, start.StatusDescription), Is.EqualTo((ActivityStatusCode.Error, failure.Message)));
        Assert.That(start.GetTagItem("error.type"), Is.EqualTo(typeof(IsolationException).FullName));
    }

    [Test]
    public async Task Work_inside_a_caller_s_activity_belongs_to_it_and_leaves_it_current()
    {
        using var told = new ToldActivities();
        using var mine = new Activity("mine").Start();
        await using var running = await Shell("sleep 1000").StartAsync();
        await running.ExecAsync(["true"]);

        Assert.That(Activity.Current, Is.SameAs(mine));
        Assert.That(told.Of("containerkit.exec", running.Id).ParentSpanId, Is.EqualTo(mine.SpanId));
    }

    [Test]
    public async Task Operations_are_counted_and_timed_failures_apart()
    {
        using var metrics = new ToldMetrics();
        await Shell("true").RunAsync();
        await using var container = await Host.Container(Tools).WithCommand("/no/such/program").CreateAsync();
        Assert.CatchAsync<IsolationException>(() => container.StartAsync());

        Assert.That(metrics.Sum("containerkit.operations", "start", hasFailed: false), Is.EqualTo(1));
        Assert.That(metrics.Sum("containerkit.operations", "start", hasFailed: true), Is.EqualTo(1));
        Assert.That(metrics.Sum("containerkit.operation.duration", "start", hasFailed: false), Is.GreaterThan(0).And.LessThan(30));
    }

    [Test]
    public async Task What_containers_use_is_read_when_somebody_asks_also_of_those_that_others_run()
    {
        Needs.Root();
        Needs.CgroupController("memory");
        Needs.CgroupController("pids");
        Needs.CgroupController("cpuacct");
        await using var running = await Shell("i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; echo done; sleep 1000").WithStatistics().WithName("gauged").StartAsync(Detached);
        await NextLine(running);
        using var metrics = new ToldMetrics();

        var read = metrics.Observe(running.Id);

        Assert.That(read.Keys, Is.EquivalentTo(new[] { "container.cpu.time", "container.memory.usage", "containerkit.container.processes" }));
        Assert.That(read["container.cpu.time"], Is.GreaterThan(0));
        Assert.That(read["container.memory.usage"], Is.GreaterThan(0));
        Assert.That(read["containerkit.container.processes"], Is.EqualTo(2));
        await running.KillAsync();
        await running.WaitForExitAsync();
        Assert.That(() => metrics.Observe(running.Id), Is.Empty.After(5_000, 50));
    }

    [Test]
    public async Task The_groups_of_programs_that_join_are_no_containers()
    {
        await using var running = await Shell("sleep 1000").StartAsync();
        await running.ExecAsync(["true"]);
        using var metrics = new ToldMetrics();

        Assert.That(metrics.ObserveContainers(), Has.None.StartsWith("execs-"));
    }

    [Test]
    public void While_nobody_listens_nothing_is_made() => Assert.That(ToldOperation.Begin(ToldOperation.Start), Is.Null);

    private sealed class ToldActivities : IDisposable
    {
        private readonly ConcurrentQueue<Activity> _ended = [];
        private readonly ActivityListener _listener;

        public ToldActivities()
        {
            _listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name == Telemetry.Name,
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
                ActivityStopped = _ended.Enqueue,
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public IEnumerable<string> Names(string container) => All(container).Select(activity => activity.OperationName);

        public Activity Of(string name, string container) => All(container).Single(activity => activity.OperationName == name);

        public void Dispose() => _listener.Dispose();

        public IEnumerable<Activity> OfImage(string name, string image) => _ended.Where(activity => activity.OperationName == name && Equals(activity.GetTagItem("container.image.name"), image));

        public IEnumerable<Activity> All(string container) => _ended.Where(activity => Equals(activity.GetTagItem("container.id"), container));
    }

    private sealed class ToldMetrics : IDisposable
    {
        private readonly ConcurrentQueue<(string Name, double Value, Dictionary<string, object?> Tags)> _told = [];
        private readonly MeterListener _listener = new();

        public ToldMetrics()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == Telemetry.Name)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Keep(instrument, value, tags));
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Keep(instrument, value, tags));
            _listener.Start();
        }

        public double Sum(string name, string operation, bool hasFailed) => _told
            .Where(told => told.Name == name && Equals(told.Tags["containerkit.operation"], operation) && told.Tags.ContainsKey("error.type") == hasFailed)
            .Sum(told => told.Value);

        public Dictionary<string, double> Observe(string container)
        {
            _told.Clear();
            _listener.RecordObservableInstruments();
            return _told.Where(told => Equals(told.Tags.GetValueOrDefault("container.id"), container)).ToDictionary(told => told.Name, told => told.Value);
        }

        public string?[] ObserveContainers()
        {
            _told.Clear();
            _listener.RecordObservableInstruments();
            return [.. _told.Select(told => told.Tags.GetValueOrDefault("container.id") as string)];
        }

        public void Dispose() => _listener.Dispose();

        private void Keep(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
            _told.Enqueue((instrument.Name, value, new Dictionary<string, object?>(tags.ToArray())));
    }
}

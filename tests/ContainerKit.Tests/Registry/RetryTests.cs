using System.Net;
using ContainerKit.Registry;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

internal sealed class RetryTests : RegistryFixture
{
    private static readonly SampleImage Image = SampleImage.Of(1000);

    [SetUp]
    public void Fill() => Registry.Content.Add("app", "1", Image);

    [Test]
    public async Task What_may_pass_is_waited_for([Values(408, 429, 500, 502, 503, 504)] int status, [Values("/manifests/", "/blobs/")] string part)
    {
        Registry.Faults.Add(new Fault("GET", part) { Status = status, Times = 2 });

        var pulled = await PullAsync("app:1");

        Assert.That(pulled.Digest, Is.EqualTo(Image.Digest));
    }

    [TestCase(400)]
    [TestCase(404)]
    [TestCase(410)]
    [TestCase(501)]
    public void What_will_not_pass_is_not_waited_for(int status)
    {
        Registry.Faults.Add(new Fault("GET", "/manifests/") { Status = status, Times = Fault.Always });

        var refusal = Assert.ThrowsAsync<RegistryException>(() => PullAsync("app:1"))!;

        Assert.That(refusal, Has.Property("IsTransient").False.And.Property("StatusCode").EqualTo((HttpStatusCode)status));
        Assert.That(Registry.Requests.Count(request => request.Path.Contains("/manifests/", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [Test]
    public void Patience_has_an_end()
    {
        Registry.Faults.Add(new Fault("GET", "/manifests/") { Status = 503, Times = Fault.Always });

        var refusal = Assert.ThrowsAsync<RegistryException>(() => PullAsync("app:1", Options with { MaxAttempts = 3 }))!;

        Assert.That(refusal, Has.Property("IsTransient").True.And.Property("StatusCode").EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(Registry.Requests.Count(request => request.Path.Contains("/manifests/", StringComparison.Ordinal)), Is.EqualTo(3));
    }

    [Test]
    public async Task A_registry_that_asks_to_come_at_once_is_asked_at_once()
    {
        Registry.Faults.Add(new Fault("GET", "/manifests/") { Status = 429, Headers = new Dictionary<string, string?> { ["Retry-After"] = "0" } });

        // A back-off of its own would take as long as a test may.
        var pulled = await PullAsync("app:1", Options with { RetryDelay = TimeSpan.FromHours(1), MaxRetryDelay = TimeSpan.FromHours(1) });

        Assert.That(pulled.Digest, Is.EqualTo(Image.Digest));
    }

    [Test]
    public void A_registry_that_asks_to_come_much_later_is_not_waited_for()
    {
        Registry.Faults.Add(new Fault("GET", "/manifests/") { Status = 429, Times = Fault.Always, Headers = new Dictionary<string, string?> { ["Retry-After"] = "3600" } });

        var refusal = Assert.ThrowsAsync<RegistryException>(() => PullAsync("app:1"))!;

        Assert.That(refusal, Has.Property("IsTransient").True.And.Property("StatusCode").EqualTo(HttpStatusCode.TooManyRequests));
        Assert.That(refusal.Hint, Does.Contain("again in 3600 s"));
        Assert.That(Registry.Requests.Count(request => request.Path.Contains("/manifests/", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [TestCase("/manifests/")]
    [TestCase("/blobs/")]
    public async Task A_connection_that_breaks_before_the_answer_is_made_anew(string part)
    {
        Registry.Faults.Add(new Fault("GET", part) { ForgetsToAnswer = true, Times = 2 });

        var pulled = await PullAsync("app:1");

        Assert.That(pulled.Digest, Is.EqualTo(Image.Digest));
    }

    [TestCase("/manifests/")]
    [TestCase("/blobs/")]
    public async Task A_connection_that_falls_silent_is_given_up_and_made_anew(string part)
    {
        Registry.Faults.Add(new Fault("GET", part) { StallsAfter = 10 });

        var pulled = await PullAsync("app:1", Options with { Timeout = TimeSpan.FromMilliseconds(250) });

        Assert.That(pulled.Digest, Is.EqualTo(Image.Digest));
    }

    [TestCase("/manifests/")]
    [TestCase("/blobs/")]
    public async Task A_registry_that_sends_a_byte_now_and_then_is_given_up_as_one_that_is_silent(string part)
    {
        Registry.Faults.Add(new Fault("GET", part) { Trickles = TimeSpan.FromMilliseconds(50) });

        var pulled = await PullAsync("app:1", Options with { Timeout = TimeSpan.FromMilliseconds(500) });

        Assert.That(pulled.Digest, Is.EqualTo(Image.Digest));
    }

    [Test]
    public async Task A_registry_that_is_not_there_is_a_failure_that_may_pass()
    {
        var gone = Start();
        var name = Name("app:1", gone);
        var options = Options with { MaxAttempts = 2 };
        await gone.DisposeAsync();

        var refusal = Assert.ThrowsAsync<RegistryException>(() => Client(options).PullAsync(name))!;

        Assert.That(refusal, Has.Property("IsTransient").True.And.Property("StatusCode").Null);
    }

    [Test]
    public void Pauses_double_up_to_the_longest_and_are_never_all_alike()
    {
        var policy = new RetryPolicy(10, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(20));

        Assert.That(Enumerable.Range(1, 7).Select(attempt => policy.PauseAfter(attempt, null, chance: 1)?.TotalSeconds), Is.EqualTo(new double?[] { 1, 2, 4, 8, 16, 20, 20 }));
        Assert.That(policy.PauseAfter(1, null, chance: 0), Is.LessThan(policy.PauseAfter(1, null, chance: 1)!.Value));
        Assert.That(policy.PauseAfter(10, null, chance: 1), Is.Null);
    }

    [Test]
    public void What_the_registry_asks_for_takes_the_place_of_a_pause()
    {
        var policy = new RetryPolicy(10, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(20));

        Assert.That(policy.PauseAfter(1, TimeSpan.FromSeconds(7), chance: 0.5), Is.EqualTo(TimeSpan.FromSeconds(7)));
        Assert.That(policy.PauseAfter(1, TimeSpan.FromSeconds(21), chance: 0.5), Is.Null);
    }
}

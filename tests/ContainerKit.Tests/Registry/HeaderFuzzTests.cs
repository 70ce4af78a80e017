using ContainerKit.Registry;
using ContainerKit.Tests.Images;
using ContainerKit.Tests.Shared.Registry;
using ContainerKit.Tests.Support;
using FsCheck;
using FsCheck.Fluent;

namespace ContainerKit.Tests.Registry;

/// <summary>Whatever a registry writes into its headers, the client succeeds or refuses in a sentence, and comes to an end.</summary>
internal sealed class HeaderFuzzTests : RegistryFixture
{
    private const int Some = 25;
    private const int Many = 1500;

    private static readonly SampleImage Image = SampleImage.Of(2000);

    private static readonly Gen<string> Values = Gen.OneOf(
        Properties.TextOf(
            "Bearer ", "Basic ", "realm=", "\"", "scope=", "service=", ",", " ", "=", "\\", "http://127.0.0.1:1/", "/v2/", "?", "n=1", "<", ">", ";", "rel=\"next\"", "bytes ", "bytes=", "0-", "-", "1999", "2000",
            "/", "*", "99999999999999999999", "0", "sha256:", new string('a', 64), "application/json", "charset=", "Fri, 31 Dec 9999 23:59:59 GMT", "\u007f", "é", ":", "#", "%", "%zz", "..", "chunked", "gzip"),
        Properties.AnyText.Select(text => string.Concat(text.Where(c => c is >= ' ' and <= 'ÿ'))));

    private static readonly string[] Forms = ["", "{0}", "Bearer realm=\"{0}\"", "http://127.0.0.1:{0}", "//{0}", "bytes {0}/2000", "<{0}>; rel=\"next\"", "0-{0}", "sha256:{0}"];

    private static readonly Gen<string> Headers =
        from form in Gen.Elements(Forms)
        from value in Values
        select form.Replace("{0}", value, StringComparison.Ordinal);

    private RegistryOptions Impatient => WithCredentials with { Timeout = TimeSpan.FromMilliseconds(50), MaxAttempts = 2, MaxRetryDelay = TimeSpan.Zero, UploadChunkBytes = 100_000 };

    [TestCase("/manifests/", null, "Docker-Content-Digest")]
    [TestCase("/manifests/", null, "Content-Type")]
    [TestCase("/manifests/", null, "Content-Encoding")]
    [TestCase("/manifests/", null, "Content-Length")]
    [TestCase("/manifests/", 401, "WWW-Authenticate")]
    [TestCase("/blobs/", null, "Transfer-Encoding")]
    [TestCase("/blobs/", null, "Content-Length")]
    [TestCase("/blobs/", 307, "Location")]
    [TestCase("/blobs/", 429, "Retry-After")]
    [TestCase("/blobs/", 206, "Content-Range")]
    public void A_header_of_an_answer_to_a_pull_is_understood_or_refused(string part, int? status, string header)
    {
        Registry.Content.Add("app", "1", Image);

        Properties.Hold(Headers, Some, value =>
        {
            using var store = new Store();
            Spoil("GET", part, status, header, value);
            Tolerate.Only<ContainerKitException>(() => Client(Impatient, store.Catalog).PullAsync(Name("app:1")).GetAwaiter().GetResult());
            AssertVerified(store);
        });
    }

    [TestCase("POST", "/uploads/", "Location")]
    [TestCase("POST", "/uploads/", "OCI-Chunk-Min-Length")]
    [TestCase("PATCH", "/uploads/", "Location")]
    [TestCase("PATCH", "/uploads/", "Range")]
    [TestCase("PUT", "/uploads/", "Docker-Content-Digest")]
    [TestCase("PUT", "/manifests/", "Docker-Content-Digest")]
    public async Task A_header_of_an_answer_to_a_push_is_understood_or_refused(string method, string part, string header)
    {
        var image = await Store.ImportAsync("debian:12", Convert.ToBase64String(SampleImage.Noise(400_000, seed: 1)));

        Properties.Hold(Headers, Some, value =>
        {
            Spoil(method, part, null, header, value);
            Registry.Content["app"].Blobs.Clear();
            Tolerate.Only<ContainerKitException>(() => Client(Impatient).PushAsync(image, Name("app:1")).GetAwaiter().GetResult());
        });
    }

    [Test]
    public void A_link_to_the_next_page_is_understood_or_refused()
    {
        Registry.Content.Add("app", "1", Image);

        Properties.Hold(Headers, Some, value =>
        {
            Spoil("GET", "/tags/list", null, "Link", value);
            Tolerate.Only<ContainerKitException>(() => Asking(Impatient).TagsAsync(Name("app")).ToListAsync().AsTask().GetAwaiter().GetResult());
        });
    }

    [Test]
    public void A_challenge_is_read_whatever_it_says() => Properties.Hold(Headers, Many, value => Assert.That(Challenge.ParseAll(value), Is.Not.Null));

    [Test]
    public void What_is_quoted_in_a_challenge_is_read_as_it_was_meant() => Properties.Hold(Values, Many, value =>
    {
        var quoted = value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);

        var read = Challenge.ParseAll($"Basic realm=\"x\", Bearer service=\"a\", realm=\"{quoted}\"");

        Assert.That(read.Single(challenge => challenge.IsBearer).Find("realm"), Is.EqualTo(value));
    });

    [Test]
    public void A_pause_that_a_registry_asks_for_is_never_negative() => Properties.Hold(Headers, Many, value =>
    {
        using var response = new HttpResponseMessage();
        response.Headers.TryAddWithoutValidation("Retry-After", value);

        Assert.That(RetryPolicy.AskedBy(response.Headers, DateTimeOffset.UtcNow) ?? TimeSpan.Zero, Is.GreaterThanOrEqualTo(TimeSpan.Zero));
    });

    private void Spoil(string method, string part, int? status, string header, string value)
    {
        Registry.Faults.Clear();
        Registry.Faults.Add(new Fault(method, part) { Status = status, Times = Fault.Always, Headers = new Dictionary<string, string?> { [header] = value } });
    }
}

using System.Net;
using System.Text;

namespace ContainerKit.Tests.Registry;

/// <summary>Where credentials go, and where they never go: seen by a handler in place of the network.</summary>
public sealed class AuthOriginTests
{
    private const string Registry = "https://r.example";
    private static readonly string Password = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("user:secret"));

    [Test]
    public async Task A_password_goes_to_the_registry_that_asks_for_it()
    {
        var seen = await ListTagsAsync(request => request.Headers.Authorization is null ? Asks("Basic realm=\"x\"") : Tags());

        Assert.That(seen, Is.EqualTo(new[] { $"{Registry} -", $"{Registry} {Password}" }));
    }

    [Test]
    public async Task A_token_service_of_the_registrys_origin_gets_the_password_and_the_registry_the_token()
    {
        var seen = await ListTagsAsync(request => request switch
        {
            { RequestUri.AbsolutePath: "/token" } => Token(),
            { Headers.Authorization: null } => Asks($"Bearer realm=\"{Registry}/token\",service=\"r\""),
            _ => Tags(),
        });

        Assert.That(seen, Is.EqualTo(new[] { $"{Registry} -", $"{Registry} {Password}", $"{Registry} Bearer t" }));
    }

    [TestCase("https://other.example/token")]
    [TestCase("https://r.example:444/token")]
    [TestCase("https://r.example.evil.example/token")]
    [TestCase("https://r.example@evil.example/token")]
    public async Task A_token_service_of_another_origin_is_asked_without_the_password(string realm)
    {
        var seen = await ListTagsAsync(request => request switch
        {
            { RequestUri.AbsolutePath: "/token" } => Token(),
            { Headers.Authorization: null } => Asks($"Bearer realm=\"{realm}\""),
            _ => Tags(),
        });

        Assert.That(string.Join(' ', seen), Does.Not.Contain(Password));
    }

    [Test]
    public async Task A_trusted_token_service_gets_the_password()
    {
        var options = new RegistryOptions { TrustedTokenRealms = ["https://auth.example"] };
        var seen = await ListTagsAsync(request => request switch
        {
            { RequestUri.AbsolutePath: "/token" } => Token(),
            { Headers.Authorization: null } => Asks("Bearer realm=\"https://auth.example/token\""),
            _ => Tags(),
        }, options);

        Assert.That(seen, Does.Contain($"https://auth.example {Password}"));
    }

    [Test]
    public void A_token_service_without_TLS_is_refused() => Assert.That(
        () => ListTagsAsync(_ => Asks("Bearer realm=\"http://r.example/token\"")),
        Throws.TypeOf<RegistryException>().With.Message.Contains("no HTTPS address"));

    [Test]
    public void A_registry_to_which_the_password_was_not_enough_says_how_to_trust_its_token_service() => Assert.That(
        () => ListTagsAsync(request => request.RequestUri!.AbsolutePath == "/token" ? Token() : Asks("Bearer realm=\"https://auth.example/token\"")),
        Throws.TypeOf<RegistryException>().With.Property(nameof(RegistryException.Hint)).Contains("TrustedTokenRealms").And.Property(nameof(RegistryException.StatusCode)).EqualTo(HttpStatusCode.Unauthorized));

    [Test]
    public void A_token_service_that_gives_nothing_without_the_password_that_it_was_not_given_is_named_in_the_hint() => Assert.That(
        () => ListTagsAsync(request => request.RequestUri!.AbsolutePath == "/token" ? new HttpResponseMessage(HttpStatusCode.Unauthorized) : Asks("Bearer realm=\"https://auth.example/token\"")),
        Throws.TypeOf<RegistryException>().With.Property(nameof(RegistryException.Hint)).Contains("TrustedTokenRealms").And.Property(nameof(RegistryException.Hint)).Contains("https://auth.example"));

    [Test]
    public void Whoever_was_let_in_as_anybody_has_not_logged_in()
    {
        using var client = new RegistryClient(OptionsFor([], request => request switch
        {
            { RequestUri.AbsolutePath: "/token" } => Token(),
            { Headers.Authorization: null } => Asks("Bearer realm=\"https://auth.example/token\""),
            _ => Json("{}"),
        }));

        Assert.That(
            () => client.LoginAsync("r.example", new RegistryCredentials("user", "secret")),
            Throws.TypeOf<RegistryException>().With.Message.Contains("has not seen").And.Property(nameof(RegistryException.Hint)).Contains("TrustedTokenRealms"));
    }

    [Test]
    public async Task Where_the_registry_redirects_to_gets_nothing_and_no_answer_to_its_question()
    {
        var seen = new List<string>();
        var refused = await CatchAsync(() => ListTagsAsync(request => request.RequestUri!.Host switch
        {
            "cdn.example" => Asks("Basic realm=\"give\""),
            _ when request.Headers.Authorization is null => Asks("Basic realm=\"x\""),
            _ => Redirect("https://cdn.example/list"),
        }, seen: seen));

        Assert.Multiple(() =>
        {
            Assert.That(seen, Is.EqualTo(new[] { $"{Registry} -", $"{Registry} {Password}", "https://cdn.example -" }));
            Assert.That(refused!.Message, Does.Contain("cdn.example"));
        });
    }

    [Test]
    public void A_redirect_out_of_TLS_is_not_followed() => Assert.That(
        () => ListTagsAsync(_ => Redirect("http://r.example/list")),
        Throws.TypeOf<RegistryException>().With.Message.Contains("is not HTTPS"));

    [Test]
    public void A_registry_that_redirects_for_ever_is_left() => Assert.That(
        () => ListTagsAsync(request => Redirect(request.RequestUri + "x")),
        Throws.TypeOf<RegistryException>().With.Message.Contains("redirects more than"));

    [Test]
    public async Task A_wrong_password_is_sent_once()
    {
        var seen = new List<string>();
        await CatchAsync(() => ListTagsAsync(_ => Asks("Basic realm=\"x\""), seen: seen));

        Assert.That(seen, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task What_a_registry_asks_to_wait_is_waited()
    {
        var answers = new Queue<HttpResponseMessage>([Busy("0"), Busy("1"), Tags()]);
        var begun = DateTime.UtcNow;

        await ListTagsAsync(_ => answers.Dequeue());

        Assert.That(DateTime.UtcNow - begun, Is.GreaterThan(TimeSpan.FromSeconds(0.9)));
    }

    [Test]
    public void Who_asks_to_wait_too_long_is_left_at_once() => Assert.That(
        () => ListTagsAsync(_ => Busy("3600")),
        Throws.TypeOf<RegistryException>().With.Property(nameof(RegistryException.IsTransient)).True);

    [Test]
    public void Credentials_keep_their_secret_when_they_are_shown() =>
        Assert.That(new RegistryCredentials("user", "secret") { IdentityToken = "secret" }.ToString(), Does.Not.Contain("secret"));

    private static async Task<RegistryException?> CatchAsync(Func<Task> work)
    {
        try
        {
            await work();
            return null;
        }
        catch (RegistryException e)
        {
            return e;
        }
    }

    private static async Task<List<string>> ListTagsAsync(Func<HttpRequestMessage, HttpResponseMessage> answer, RegistryOptions? options = null, List<string>? seen = null)
    {
        seen ??= [];
        using var client = new RegistryClient(OptionsFor(seen, answer, options));
        await foreach (var tag in client.TagsAsync("r.example/app"))
        {
            Assert.That(tag, Is.EqualTo("1"));
        }

        return seen;
    }

    private static RegistryOptions OptionsFor(List<string> seen, Func<HttpRequestMessage, HttpResponseMessage> answer, RegistryOptions? options = null) => (options ?? new RegistryOptions()) with
    {
        AuthFiles = [],
        RetryDelay = TimeSpan.Zero,
        Credentials = (_, _) => ValueTask.FromResult<RegistryCredentials?>(new RegistryCredentials("user", "secret")),
        MessageHandler = () => new Network(seen, answer),
    };

    private static HttpResponseMessage Tags() => Json("""{"name":"app","tags":["1"]}""");

    private static HttpResponseMessage Token() => Json("""{"token":"t"}""");

    private static HttpResponseMessage Json(string json) => new(HttpStatusCode.OK) { Content = new StringContent(json, Encoding.UTF8, "application/json") };

    private static HttpResponseMessage Redirect(string to) => new(HttpStatusCode.TemporaryRedirect) { Headers = { Location = new Uri(to) } };

    private static HttpResponseMessage Asks(string challenge) => With(HttpStatusCode.Unauthorized, "WWW-Authenticate", challenge);

    private static HttpResponseMessage Busy(string seconds) => With(HttpStatusCode.TooManyRequests, "Retry-After", seconds);

    private static HttpResponseMessage With(HttpStatusCode status, string header, string value)
    {
        var response = new HttpResponseMessage(status);
        response.Headers.TryAddWithoutValidation(header, value);
        return response;
    }

    private sealed class Network(List<string> seen, Func<HttpRequestMessage, HttpResponseMessage> answer) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            seen.Add($"{request.RequestUri!.GetLeftPart(UriPartial.Authority)} {request.Headers.Authorization?.ToString() ?? "-"}");
            var response = answer(request);
            response.RequestMessage = request;
            return Task.FromResult(response);
        }
    }
}

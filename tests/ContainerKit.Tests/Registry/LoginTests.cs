using System.Net;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

internal sealed class LoginTests : RegistryFixture
{
    [Test]
    public async Task Whoever_is_known_pulls_and_pushes([Values(Authentication.Basic, Authentication.Bearer)] Authentication authentication)
    {
        var registry = Protected(authentication);

        var image = await Client(WithCredentials).PullAsync(Name("app:1", registry));
        await Client(WithCredentials).PushAsync(image, Name("other:1", registry));

        Assert.That(registry.Content["other"].Tags["1"], Is.EqualTo(image.Digest));
    }

    [Test]
    public async Task Whoever_is_not_known_gets_nothing([Values(Authentication.Basic, Authentication.Bearer)] Authentication authentication)
    {
        var registry = Protected(authentication);

        var refusal = Assert.ThrowsAsync<RegistryException>(() => Client().PullAsync(Name("app:1", registry)))!;

        Assert.That(refusal, Has.Property("StatusCode").EqualTo(HttpStatusCode.Unauthorized).And.Property("IsTransient").False);
        Assert.That(refusal.Hint, Does.Contain("credentials"));
        await AssertNothingArrived();
    }

    [Test]
    public void A_wrong_password_is_tried_once_and_told_to_nobody([Values(Authentication.Basic, Authentication.Bearer)] Authentication authentication)
    {
        var registry = Protected(authentication);
        var options = Options with { Credentials = (_, _) => ValueTask.FromResult<RegistryCredentials?>(new RegistryCredentials("user", "wrong-password")) };

        var refusal = Assert.ThrowsAsync<RegistryException>(() => Client(options).PullAsync(Name("app:1", registry)))!;

        Assert.That(refusal.ToString() + refusal.Hint, Does.Not.Contain("wrong-password"));
        Assert.That(registry.Requests.Count(request => request.Authorization is not null), Is.EqualTo(1));
    }

    [Test]
    public async Task Credentials_are_not_sent_before_they_are_asked_for()
    {
        Registry.Content.Add("app", "1", SampleImage.Of(10));

        await PullAsync("app:1", WithCredentials);

        Assert.That(Registry.Requests.Where(request => request.Authorization is not null), Is.Empty);
    }

    [Test]
    public async Task One_token_serves_for_all_of_an_image()
    {
        var registry = Protected(Authentication.Bearer);

        await Client(WithCredentials).PullAsync(Name("app:1", registry));

        Assert.That(registry.Requests.Count(request => request.Path == "/token"), Is.EqualTo(1));
        Assert.That(registry.Requests.Single(request => request.Path == "/token").Query("scope"), Is.EqualTo("repository:app:pull"));
    }

    [Test]
    public async Task A_token_that_expires_in_between_is_had_anew()
    {
        var registry = Protected(Authentication.Bearer);
        var client = Client(WithCredentials);
        await client.PullAsync(Name("app:1", registry));
        registry.ExpireTokens();

        await client.PullAsync(Name("app:2", registry));

        Assert.That(registry.Requests.Count(request => request.Path == "/token"), Is.EqualTo(2));
    }

    [Test]
    public async Task A_password_goes_to_the_token_service_and_not_to_the_registry()
    {
        var registry = Protected(Authentication.Bearer);

        await Client(WithCredentials).PullAsync(Name("app:1", registry));

        Assert.That(registry.Requests.Where(request => request.Path != "/token").Select(request => request.Authorization).OfType<string>(), Is.All.StartsWith("Bearer "));
    }

    [Test]
    public async Task Anybody_gets_a_token_where_that_is_allowed()
    {
        var registry = Protected(Authentication.Bearer, new RegistryRules { AllowsAnonymousPull = true });

        var image = await Client().PullAsync(Name("app:1", registry));

        Assert.That(image.Digest, Is.EqualTo(registry.Content["app"].Tags["1"]));
        Assert.That(() => Client().PushAsync(image, Name("other:1", registry)), Throws.TypeOf<RegistryException>());
        Assert.That(registry.Content["other"].Tags, Is.Empty);
    }

    [Test]
    public async Task An_identity_token_stands_for_a_password()
    {
        var registry = Protected(Authentication.Bearer, new RegistryRules { IdentityToken = "stands-for-me" });
        var options = Options with { Credentials = (_, _) => ValueTask.FromResult<RegistryCredentials?>(new RegistryCredentials("", "") { IdentityToken = "stands-for-me" }) };

        await Client(options).PullAsync(Name("app:1", registry));

        Assert.That(registry.Requests.Count(request => request.Path == "/token" && request.Method == "POST"), Is.EqualTo(1));
    }

    [Test]
    public async Task Credentials_are_asked_for_by_registry_and_repository()
    {
        var registry = Protected(Authentication.Basic);
        var asked = new HashSet<CredentialRequest>();
        var options = Options with
        {
            Credentials = (request, _) =>
            {
                asked.Add(request);
                return ValueTask.FromResult<RegistryCredentials?>(new RegistryCredentials("user", "secret"));
            },
        };

        await Client(options).PullAsync(Name("app:1", registry));

        Assert.That(asked, Is.EqualTo(new[] { new CredentialRequest(registry.Host, "app") }));
    }

    [Test]
    public async Task A_file_that_docker_wrote_is_read()
    {
        var registry = Protected(Authentication.Basic);
        var file = Store.Write("config.json", System.Text.Encoding.UTF8.GetBytes(
            $$"""{"auths":{"{{registry.Host}}":{"auth":"{{Convert.ToBase64String("user:secret"u8)}}"} } }"""));

        var image = await Client(Options with { AuthFiles = [file] }).PullAsync(Name("app:1", registry));

        Assert.That(image.Digest, Is.EqualTo(registry.Content["app"].Tags["1"]));
    }

    [TestCase("Bearer realm=\"{0}/token\",service=\"test\",scope=\"repository:app:pull\"")]
    [TestCase("Basic realm=\"test\"")]
    [TestCase("Basic realm=\"test\", Bearer realm=\"{0}/token\"")]
    [TestCase("Bearer")]
    [TestCase("Negotiate")]
    [TestCase("")]
    public async Task A_registry_that_is_never_content_is_not_asked_for_ever(string challenge)
    {
        var registry = Protected(Authentication.None);
        registry.Faults.Add(new Fault("GET", "/v2/")
        {
            Status = 401,
            Times = Fault.Always,
            Headers = new Dictionary<string, string?> { ["WWW-Authenticate"] = string.Format(System.Globalization.CultureInfo.InvariantCulture, challenge, registry.Address) },
        });

        Assert.ThrowsAsync<RegistryException>(() => Client(WithCredentials).PullAsync(Name("app:1", registry)));

        Assert.That(registry.Requests, Has.Count.LessThanOrEqualTo(4));
        await AssertNothingArrived();
    }

    private TestRegistry Protected(Authentication authentication, RegistryRules? rules = null)
    {
        var registry = Start((rules ?? new RegistryRules()) with { Authentication = authentication });
        registry.Content.Add("app", "1", SampleImage.Of(1000, 20));
        registry.Content.Add("app", "2", SampleImage.Of(2000));
        return registry;
    }
}

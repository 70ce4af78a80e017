using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

/// <summary>What is a secret between us and a registry reaches nobody whom the registry names (CVE-2020-15157 and its kind).</summary>
internal sealed class StrangerTests : RegistryFixture
{
    private TestRegistry _stranger = null!;

    [SetUp]
    public void StartStranger() => _stranger = Start(new RegistryRules { Authentication = Authentication.Basic });

    [TearDown]
    public async Task StopStranger() => await _stranger.DisposeAsync();

    [TestCase(Authentication.Basic)]
    [TestCase(Authentication.Bearer)]
    public async Task Where_a_blob_is_redirected_to_gets_no_credentials_even_if_it_asks(Authentication authentication)
    {
        var registry = Start(new RegistryRules { Authentication = authentication, BlobsAt = _stranger.Address });
        registry.Content.Add("app", "1", SampleImage.Of(10));

        Assert.ThrowsAsync<RegistryException>(() => Client(WithCredentials).PullAsync(Name("app:1", registry)));

        Assert.That(_stranger.Requests, Is.Not.Empty);
        Assert.That(_stranger.Requests.Where(request => request.Authorization is not null), Is.Empty);
        await AssertNothingArrived();
    }

    [Test]
    public void A_manifest_that_is_redirected_takes_no_credentials_along()
    {
        var registry = Start(new RegistryRules { Authentication = Authentication.Basic });
        registry.Faults.Add(new Fault("GET", "/manifests/")
        {
            Status = 307,
            After = 1,
            Times = Fault.Always,
            Headers = new Dictionary<string, string?> { ["Location"] = $"{_stranger.Address}/v2/app/manifests/1" },
        });

        Assert.ThrowsAsync<RegistryException>(() => Client(WithCredentials).PullAsync(Name("app:1", registry)));

        Assert.That(_stranger.Requests, Is.Not.Empty);
        Assert.That(_stranger.Requests.Where(request => request.Authorization is not null), Is.Empty);
    }

    [Test]
    public void A_token_service_of_another_origin_gets_no_password()
    {
        var registry = Start(new RegistryRules { Authentication = Authentication.Bearer, TokenRealm = $"{_stranger.Address}/token" });
        registry.Content.Add("app", "1", SampleImage.Of(10));

        var refusal = Assert.ThrowsAsync<RegistryException>(() => Client(WithCredentials).PullAsync(Name("app:1", registry)))!;

        Assert.That(_stranger.Requests.Where(request => request.Authorization is not null || request.Target.Contains("secret", StringComparison.Ordinal)), Is.Empty);
        Assert.That(refusal.ToString(), Does.Not.Contain("secret"));
    }

    [Test]
    public void A_token_service_of_another_origin_gets_no_identity_token()
    {
        var registry = Start(new RegistryRules { Authentication = Authentication.Bearer, TokenRealm = $"{_stranger.Address}/token" });
        registry.Content.Add("app", "1", SampleImage.Of(10));
        var options = Options with { Credentials = (_, _) => ValueTask.FromResult<RegistryCredentials?>(new RegistryCredentials("", "") { IdentityToken = "stands-for-me" }) };

        Assert.ThrowsAsync<RegistryException>(() => Client(options).PullAsync(Name("app:1", registry)));

        Assert.That(_stranger.Requests.Where(request => request.Body.Length > 0 || request.Authorization is not null), Is.Empty);
    }

    [Test]
    public async Task A_token_service_of_another_origin_that_the_user_trusts_gets_the_password()
    {
        // The same server under another name of this machine is another origin.
        var registry = Start(new RegistryRules { Authentication = Authentication.Bearer });
        registry.Content.Add("app", "1", SampleImage.Of(10));
        var realm = $"http://localhost:{registry.Host.Split(':')[1]}";
        registry.Faults.Add(new Fault("GET", "/manifests/")
        {
            Status = 401,
            Headers = new Dictionary<string, string?> { ["WWW-Authenticate"] = $"Bearer realm=\"{realm}/token\",service=\"test\"" },
        });

        var image = await Client(WithCredentials with { TrustedTokenRealms = [realm] }).PullAsync(Name("app:1", registry));

        Assert.That(image.Digest, Is.EqualTo(registry.Content["app"].Tags["1"]));
    }

    [Test]
    public async Task Where_an_upload_is_sent_to_gets_no_credentials()
    {
        var image = await Store.ImportAsync("debian:12");
        var registry = Start(new RegistryRules { Authentication = Authentication.Basic });
        registry.Faults.Add(new Fault("POST", "/uploads/")
        {
            Status = 202,
            After = 1,
            Times = Fault.Always,
            Headers = new Dictionary<string, string?> { ["Location"] = $"{_stranger.Address}/v2/app/blobs/uploads/1" },
        });

        Assert.ThrowsAsync<RegistryException>(() => Client(WithCredentials).PushAsync(image, Name("app:1", registry)));

        Assert.That(_stranger.Requests.Where(request => request.Authorization is not null), Is.Empty);
        Assert.That(registry.Content["app"].Tags, Is.Empty);
    }

    [Test]
    public async Task A_layer_that_is_said_to_lie_elsewhere_is_not_looked_for_there()
    {
        var image = SampleImage.Of(10);
        var foreign = image.WithManifest(manifest => manifest
            .Replace(SampleImage.LayerType, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", StringComparison.Ordinal)
            .Replace("}]}", $",\"urls\":[\"{_stranger.Address}/v2/app/blobs/{Digest.Of(image.Layers[0])}\"]}}]}}", StringComparison.Ordinal));
        Registry.Content.Add("app", "1", foreign);
        _ = Registry.Content["app"].Blobs.TryRemove(Digest.Of(image.Layers[0]), out _);

        var pulled = await PullAsync("app:1", WithCredentials);

        Assert.That(_stranger.Requests, Is.Empty);
        Assert.That(pulled.Layers[0].IsForeign);
        Assert.That(() => pulled.Layers[0].OpenAsync(), Throws.TypeOf<ImageException>().With.Property("Hint").Contains(_stranger.Address.ToString()));
        Assert.That(_stranger.Requests, Is.Empty);
    }

    [Test]
    public void A_mirror_gets_no_credentials_of_the_registry()
    {
        var options = Options with
        {
            Mirrors = new Dictionary<string, IReadOnlyList<string>> { [Registry.Host] = [_stranger.Host] },
            Credentials = (request, _) => ValueTask.FromResult(request.Registry == Registry.Host ? new RegistryCredentials("user", "secret") : null),
        };
        Registry.Content.Add("app", "1", SampleImage.Of(10));

        Assert.That(() => PullAsync("app:1", options), Throws.Nothing);

        Assert.That(_stranger.Requests, Is.Not.Empty);
        Assert.That(_stranger.Requests.Where(request => request.Authorization is not null), Is.Empty);
    }

    [Test]
    public async Task From_tls_nobody_is_led_to_plain_http()
    {
        using var certificates = new TestCertificates();
        var plain = Start();
        var registry = Start(new RegistryRules { Certificate = certificates.Server, BlobsAt = plain.Address });
        registry.Content.Add("app", "1", SampleImage.Of(10));
        plain.Content.Add("app", "1", SampleImage.Of(10));

        Assert.ThrowsAsync<RegistryException>(() => Client(Options with { PlainHttp = [], CertificateAuthorities = [certificates.Authority] }).PullAsync(Name("app:1", registry)));

        Assert.That(plain.Requests, Is.Empty);
        await AssertNothingArrived();
    }
}

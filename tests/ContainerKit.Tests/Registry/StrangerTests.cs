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
    public async Task A_foreign_layer_is_fetched_when_asked_for_and_nobody_is_told_who_we_are()
    {
        var maker = Start();
        var image = PutForeign(maker.Address);
        maker.Content["app"].Blobs[Digest.Of(image.Layers[0])] = image.Layers[0];

        var pulled = await Client(WithCredentials).PullAsync(Name("app:1"), new PullOptions { ForeignLayers = true });

        await using var tar = await pulled.Layers[0].OpenAsync();
        Assert.That(() => tar.CopyTo(Stream.Null), Throws.Nothing);
        Assert.That(maker.Requests.Where(request => request.Authorization is not null), Is.Empty);
    }

    [Test]
    public async Task A_foreign_layers_place_that_asks_who_we_are_is_not_answered()
    {
        PutForeign(_stranger.Address);

        Assert.That(() => Client(WithCredentials).PullAsync(Name("app:1"), new PullOptions { ForeignLayers = true }), Throws.TypeOf<RegistryException>());

        Assert.That(_stranger.Requests, Is.Not.Empty);
        Assert.That(_stranger.Requests.Where(request => request.Authorization is not null), Is.Empty);
        await AssertNothingArrived();
    }

    [Test]
    public async Task A_foreign_layer_that_lies_on_the_registry_itself_gets_no_credentials_either()
    {
        var registry = Start(new RegistryRules { Authentication = Authentication.Basic });
        PutForeign(registry.Address, registry);

        Assert.That(() => Client(WithCredentials).PullAsync(Name("app:1", registry), new PullOptions { ForeignLayers = true }), Throws.TypeOf<RegistryException>());

        Assert.That(registry.Downloads.Where(request => request.Path.EndsWith(Digest.Of(SampleImage.Of(10).Layers[0]).Hex, StringComparison.Ordinal)).Select(request => request.Authorization), Is.All.Null.And.Not.Empty);
    }

    [Test]
    public async Task A_foreign_layer_of_other_bytes_gets_no_name()
    {
        var maker = Start();
        var image = PutForeign(maker.Address);
        maker.Content["app"].Blobs[Digest.Of(image.Layers[0])] = [.. image.Layers[0].Reverse()];

        Assert.That(() => Client().PullAsync(Name("app:1"), new PullOptions { ForeignLayers = true }), Throws.TypeOf<ImageException>().With.Message.Contains("damaged"));

        await AssertNothingArrived();
    }

    [TestCase("http://198.51.100.1/layer", "not HTTPS")]
    [TestCase("file:///etc/passwd", "no address of the web")]
    [TestCase("nowhere", "no address of the web")]
    public void A_foreign_layer_in_a_place_that_is_none_is_not_looked_for(string url, string because)
    {
        PutForeign(url, at: url);

        Assert.That(() => Client().PullAsync(Name("app:1"), new PullOptions { ForeignLayers = true }), Throws.InstanceOf<ContainerKitException>().With.Message.Contains(because));
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

    // An image whose layer only its maker has.
    private SampleImage PutForeign(string maker, TestRegistry? registry = null, string? at = null)
    {
        var image = SampleImage.Of(10);
        var layer = Digest.Of(image.Layers[0]);
        var foreign = image.WithManifest(manifest => manifest
            .Replace(SampleImage.LayerType, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", StringComparison.Ordinal)
            .Replace("}]}", $",\"urls\":[\"{at ?? $"{maker}/v2/app/blobs/{layer}"}\"]}}]}}", StringComparison.Ordinal));
        var content = (registry ?? Registry).Content;
        content.Add("app", "1", foreign);
        _ = content["app"].Blobs.TryRemove(layer, out _);
        return image;
    }
}

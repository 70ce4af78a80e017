using System.Security.Cryptography.X509Certificates;
using ContainerKit.Registry;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

internal sealed class TlsTests : RegistryFixture
{
    private static readonly SampleImage Image = SampleImage.Of(1000);

    private TestCertificates _certificates = null!;

    private RegistryOptions Trusting => Options with { PlainHttp = [], CertificateAuthorities = [_certificates.Authority] };

    [SetUp]
    public void MakeCertificates() => _certificates = new TestCertificates();

    [TearDown]
    public void RemoveCertificates() => _certificates.Dispose();

    [Test]
    public async Task An_authority_of_ones_own_is_trusted()
    {
        var registry = Protected();

        var pulled = await Client(Trusting).PullAsync(Name("app:1", registry));
        await Client(Trusting).PushAsync(pulled, Name("other:1", registry));

        Assert.That(registry.Content["other"].Tags["1"], Is.EqualTo(Image.Digest));
    }

    [Test]
    public void An_authority_that_nobody_knows_is_not()
    {
        var registry = Protected();

        var refusal = Assert.ThrowsAsync<RegistryException>(() => Client(Options with { PlainHttp = [] }).PullAsync(Name("app:1", registry)))!;

        Assert.That(refusal.IsTransient, Is.False);
        Assert.That(refusal.Hint, Does.Contain("CertificateAuthorities"));
        Assert.That(registry.Requests, Is.Empty);
    }

    [Test]
    public void Another_authority_of_ones_own_is_not_enough()
    {
        using var others = new TestCertificates();
        var registry = Protected();

        Assert.ThrowsAsync<RegistryException>(() => Client(Trusting with { CertificateAuthorities = [others.Authority] }).PullAsync(Name("app:1", registry)));

        Assert.That(registry.Requests, Is.Empty);
    }

    [Test]
    public void A_certificate_for_another_name_is_refused()
    {
        var registry = Start(new RegistryRules { Certificate = _certificates.Other });

        Assert.ThrowsAsync<RegistryException>(() => Client(Trusting).PullAsync(Name("app:1", registry)));

        Assert.That(registry.Requests, Is.Empty);
    }

    [Test]
    public async Task A_registry_that_wants_a_certificate_gets_it()
    {
        var registry = Protected(wantsClientCertificate: true);
        var certificates = new Dictionary<string, X509Certificate2> { [registry.Host] = _certificates.Client };

        var pulled = await Client(Trusting with { ClientCertificates = certificates }).PullAsync(Name("app:1", registry));

        Assert.That(pulled.Digest, Is.EqualTo(Image.Digest));
        Assert.That(() => Client(Trusting with { MaxAttempts = 1 }).PullAsync(Name("app:1", registry)), Throws.TypeOf<RegistryException>());
    }

    [Test]
    public async Task A_mirror_gets_a_certificate_of_its_own()
    {
        var mirror = Protected(wantsClientCertificate: true);

        var pulled = await Client(Trusting with
        {
            Mirrors = new Dictionary<string, IReadOnlyList<string>> { ["registry.example"] = [mirror.Host] },
            ClientCertificates = new Dictionary<string, X509Certificate2> { [mirror.Host] = _certificates.Client },
        }).PullAsync("registry.example/app:1");

        Assert.That(pulled.Digest, Is.EqualTo(Image.Digest));
    }

    [Test]
    public void A_certificate_is_shown_to_its_registry_and_not_to_where_that_points()
    {
        var elsewhere = Protected(wantsClientCertificate: true);
        var registry = Start(new RegistryRules { Certificate = _certificates.Server, WantsClientCertificate = true, BlobsAt = elsewhere.Address });
        registry.Content.Add("app", "1", Image);
        var certificates = new Dictionary<string, X509Certificate2> { [registry.Host] = _certificates.Client };

        Assert.That(() => Client(Trusting with { ClientCertificates = certificates, MaxAttempts = 1 }).PullAsync(Name("app:1", registry)), Throws.TypeOf<RegistryException>());

        Assert.That(registry.Requests, Is.Not.Empty);
        Assert.That(elsewhere.Requests, Is.Empty);
    }

    [Test]
    public async Task Of_several_authorities_each_counts()
    {
        using var others = new TestCertificates();
        var registry = Protected();

        var pulled = await Client(Trusting with { CertificateAuthorities = [others.Authority, _certificates.Authority] }).PullAsync(Name("app:1", registry));

        Assert.That(pulled.Digest, Is.EqualTo(Image.Digest));
    }

    [Test]
    public void A_registry_that_wants_a_certificate_and_says_so_is_told_with_the_cure()
    {
        var alert = new HttpRequestException("An error occurred while sending the request.", new IOException("The decryption failed.", new InvalidOperationException("SSL routines::tlsv13 alert certificate required")));

        var refusal = RegistryErrors.Unreachable(RegistryEndpoint.Of("registry.example", Options), new Uri("https://registry.example/v2/"), alert);

        Assert.That(refusal.Message, Does.EndWith("An error occurred while sending the request: SSL routines::tlsv13 alert certificate required."));
        Assert.That(refusal.Hint, Does.Contain("ClientCertificates").And.Contain("--cert"));
    }

    [Test]
    public void A_certificate_whose_time_is_over_is_refused() => Refused(_certificates.Expired);

    [Test]
    public void A_certificate_for_clients_is_no_servers() => Refused(_certificates.Misused);

    [Test]
    public async Task Credentials_go_over_tls()
    {
        var registry = Start(new RegistryRules { Authentication = Authentication.Bearer, Certificate = _certificates.Server });
        registry.Content.Add("app", "1", Image);

        var pulled = await Client(WithCredentials with { PlainHttp = [], CertificateAuthorities = [_certificates.Authority] }).PullAsync(Name("app:1", registry));

        Assert.That(pulled.Digest, Is.EqualTo(Image.Digest));
    }

    private void Refused(X509Certificate2 certificate)
    {
        var registry = Start(new RegistryRules { Certificate = certificate });

        Assert.ThrowsAsync<RegistryException>(() => Client(Trusting).PullAsync(Name("app:1", registry)));

        Assert.That(registry.Requests, Is.Empty);
    }

    private TestRegistry Protected(bool wantsClientCertificate = false)
    {
        var registry = Start(new RegistryRules { Certificate = _certificates.Server, WantsClientCertificate = wantsClientCertificate });
        registry.Content.Add("app", "1", Image);
        return registry;
    }
}

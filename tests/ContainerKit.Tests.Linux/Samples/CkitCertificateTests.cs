using System.Security.Cryptography.X509Certificates;
using ContainerKit.Images;
using ContainerKit.Tests.Linux.Registry;
using ContainerKit.Tests.Linux.Support;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Linux.Samples;

/// <summary>Debian's registry lets in only who shows it a certificate, and shows one that an authority between signed: by the library, and by ckit.</summary>
[Category("Peers")]
internal sealed class CkitCertificateTests : CkitFixture
{
    private TestCertificates _certificates = null!;
    private DebianRegistry _registry = null!;
    private TemporaryDirectory _files = null!;

    [OneTimeSetUp]
    public void StartRegistry()
    {
        Needs.Programs(DebianRegistry.Programs);
        _certificates = new TestCertificates();
        _registry = new DebianRegistry(_certificates, wantsCertificate: true);
        _files = new TemporaryDirectory();
        _files.Write("client.crt", _certificates.Client.ExportCertificatePem());
        _files.Write("client.key", _certificates.ClientKeyPem);
        _files.Write("both.pem", _certificates.ClientKeyPem + "\n" + _certificates.Client.ExportCertificatePem());
        _files.Write("garbage.pem", "nothing");
        _files.Write("authorities.pem", _certificates.Between.ExportCertificatePem() + "\n" + _certificates.Authority.ExportCertificatePem());
    }

    [OneTimeTearDown]
    public void StopRegistry()
    {
        _registry?.Dispose();
        _certificates?.Dispose();
        _files?.Dispose();
    }

    [Test]
    public async Task The_library_shows_its_certificate_and_trusts_through_the_authority_between()
    {
        using var client = new RegistryClient(new RegistryOptions
        {
            AuthFiles = [],
            CertificateAuthorities = [_certificates.Authority],
            ClientCertificates = new Dictionary<string, X509Certificate2> { [_registry.Host] = _certificates.Client },
        });
        var images = new ImageStore(new ImageCatalog(_files["library"]), client);
        var image = await images.ImportAsync(RootFileSystem, "box:1");

        await images.PushAsync(image, $"{_registry.Host}/library:1");

        Assert.That((await client.ResolveAsync($"{_registry.Host}/library:1"))?.Digest, Is.EqualTo(image.Digest));
    }

    [TestCase("client.crt", "client.key", "")]
    [TestCase("both.pem", null, "both")]
    public void Ckit_pushes_and_pulls_with_a_certificate(string certificate, string? key, string store)
    {
        string[] how = ["--ca", key is null ? _files["authorities.pem"] : _registry.AuthorityFile, "--cert", _files[certificate], .. key is null ? Array.Empty<string>() : ["--key", _files[key]]];

        Output(["push", .. how, "box:1", $"{_registry.Host}/box:1"]);
        var pulled = CkitIn($"pulled-{store}", ["pull", .. how, $"{_registry.Host}/box:1"]);
        var tags = Output(["tags", .. how, $"{_registry.Host}/box"]);

        Assert.That((pulled.ExitCode, tags), Is.EqualTo((0, "1")), pulled.Error);
    }

    [Test]
    public void Who_shows_none_or_another_is_not_let_in_and_who_does_not_know_the_authority_does_not_go_in()
    {
        using var others = new TestCertificates();
        _files.Write("other.pem", others.ClientKeyPem + "\n" + others.Client.ExportCertificatePem());
        var name = $"{_registry.Host}/box:refused";

        var none = Ckit("push", "--ca", _registry.AuthorityFile, "box:1", name);
        var another = Ckit("push", "--ca", _registry.AuthorityFile, "--cert", _files["other.pem"], "box:1", name);
        var unknown = Ckit("push", "--cert", _files["both.pem"], "box:1", name);

        Assert.That((none.ExitCode, another.ExitCode, unknown.ExitCode), Is.EqualTo((125, 125, 125)));
        // The alert that says why may be lost: the registry closes the connection right behind it.
        Assert.That(new[] { none.Error, another.Error }, Has.All.Contains("cannot be spoken to"));
        Assert.That(unknown.Error, Does.Contain("--ca"));
    }

    [Test]
    public void What_is_no_certificate_is_named()
    {
        var name = $"{_registry.Host}/box:1";

        Assert.That(Ckit("pull", "--key", _files["client.key"], name).Error, Does.Contain("--key belongs to a --cert"));
        Assert.That(Ckit("pull", "--cert", _files["garbage.pem"], name).Error, Does.Contain("garbage.pem' is no certificate"));
        Assert.That(Ckit("pull", "--cert", _files["client.crt"], name).Error, Does.Contain("client.crt' is no certificate with its key"));
        Assert.That(Ckit("pull", "--ca", _files["garbage.pem"], name).Error, Does.Contain("holds no certificate"));
        Assert.That(Ckit("pull", "--cert", _files["missing.pem"], name).Error, Does.Contain("missing.pem"));
    }
}

using ContainerKit.Tests.Linux.Support;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Linux.Registry;

/// <summary>The registry in memory, on which the client's tests stand, is one for others too.</summary>
[Category("Peers")]
internal sealed class TestRegistryTests
{
    private TemporaryDirectory _directory = null!;
    private TestCertificates _certificates = null!;

    [SetUp]
    public void MakeDirectory()
    {
        Needs.Program("skopeo");
        _directory = new TemporaryDirectory();
        _certificates = new TestCertificates();
        _directory.Write("policy.json", """{"default":[{"type":"insecureAcceptAnything"}]}""");
        _directory.Write("certificates/ca.crt", _certificates.Authority.ExportCertificatePem());
    }

    [TearDown]
    public void RemoveDirectory()
    {
        _certificates?.Dispose();
        _directory?.Dispose();
    }

    [Test]
    public async Task Skopeo_pulls_from_it_and_pushes_to_it([Values] Authentication authentication, [Values] bool isTls)
    {
        var image = SampleImage.Of(100_000, 1_000);
        await using var registry = new TestRegistry(new RegistryRules { Authentication = authentication, Certificate = isTls ? _certificates.Server : null });
        registry.Content.Add("team/app", "1", image);

        Skopeo("copy", "src-", $"docker://{registry.Host}/team/app:1", $"oci:{_directory["layout"]}:app:1");
        Skopeo("copy", "dest-", $"oci:{_directory["layout"]}:app:1", $"docker://{registry.Host}/other/app:2");

        Assert.That(registry.Content["other/app"].Tags["2"], Is.EqualTo(image.Digest));
        Assert.That(registry.Content["other/app"].Blobs.Keys, Is.EquivalentTo(image.Blobs.Select(blob => Digest.Of(blob))));
    }

    [Test]
    public async Task Skopeo_lists_its_tags_page_by_page()
    {
        await using var registry = new TestRegistry(new RegistryRules { PageSize = 2, Certificate = _certificates.Server });
        registry.Content.Add("app", "1", SampleImage.Of(10));
        registry.Content.Add("app", "2", SampleImage.Of(10));
        registry.Content.Add("app", "3", SampleImage.Of(10));

        var tags = Skopeo("list-tags", "", $"docker://{registry.Host}/app");

        Assert.That(tags, Does.Contain("\"1\"").And.Contain("\"2\"").And.Contain("\"3\""));
        Assert.That(registry.Requests.Count(request => request.Path == "/v2/app/tags/list"), Is.EqualTo(2));
    }

    private string Skopeo(string command, string prefix, params string[] arguments) => Shell.Run(
        "skopeo",
        ["--policy", _directory["policy.json"], command, $"--{prefix}cert-dir", _directory["certificates"], $"--{prefix}tls-verify={(command == "list-tags" ? "true" : "false")}", $"--{prefix}creds", "user:secret", .. arguments]);
}

using System.Text;
using System.Text.Json.Nodes;
using ContainerKit.Registry;

namespace ContainerKit.Tests.Registry;

public sealed class AuthFileTests
{
    [TestCase("https://index.docker.io/v1/", "docker.io", "library/debian")]
    [TestCase("docker.io", "docker.io", "library/debian")]
    [TestCase("registry.example", "registry.example", "a/b")]
    [TestCase("https://registry.example/v2/", "registry.example", "a/b")]
    [TestCase("REGISTRY.example:5000", "registry.example:5000", "a/b")]
    [TestCase("registry.example/a", "registry.example", "a/b")]
    [TestCase("registry.example/a/b", "registry.example", "a/b")]
    public void An_entry_is_found_however_docker_and_podman_spell_it(string key, string registry, string repository) =>
        Assert.That(Parse(Entries((key, "user:pass:word"))).Find(new CredentialRequest(registry, repository)), Is.EqualTo(new RegistryCredentials("user", "pass:word")));

    [TestCase("registry.example/a", "registry.example", "ab/c")]
    [TestCase("registry.example:5000", "registry.example", "a")]
    [TestCase("example", "registry.example", "a")]
    public void An_entry_is_not_for_others(string key, string registry, string repository) =>
        Assert.That(Parse(Entries((key, "user:password"))).Find(new CredentialRequest(registry, repository)), Is.Null);

    [Test]
    public void The_longest_path_counts()
    {
        var file = Parse(Entries(("r.example", "all:x"), ("r.example/team", "team:x")));

        Assert.Multiple(() =>
        {
            Assert.That(file.Find(new CredentialRequest("r.example", "team/app"))!.Username, Is.EqualTo("team"));
            Assert.That(file.Find(new CredentialRequest("r.example", "other"))!.Username, Is.EqualTo("all"));
        });
    }

    [Test]
    public void An_identity_token_is_read() =>
        Assert.That(Parse("""{"auths":{"r.example":{"identitytoken":"t"}}}""").Find(new CredentialRequest("r.example", "a"))!.IdentityToken, Is.EqualTo("t"));

    [Test]
    public void Helpers_are_read_and_an_empty_entry_is_none()
    {
        var file = Parse("""{"auths":{"r.example":{}},"credHelpers":{"https://r.example":"one"},"credsStore":"all"}""");

        Assert.Multiple(() =>
        {
            Assert.That(file.HelperOf("r.example"), Is.EqualTo("one"));
            Assert.That(file.HelperOf("other.example"), Is.Null);
            Assert.That(file.DefaultHelper, Is.EqualTo("all"));
            Assert.That(file.Find(new CredentialRequest("r.example", "a")), Is.Null);
        });
    }

    [TestCase("""{"auths":{"r":{"auth":"!"}}}""", "base64")]
    [TestCase("""{"auths":[]}""", "'auths'")]
    [TestCase("nonsense", "JSON")]
    public void What_is_no_auth_file_is_refused_with_its_name(string json, string reason) =>
        Assert.That(() => Parse(json), Throws.TypeOf<RegistryException>().With.Message.Contains("auth file 'x'").And.Message.Contains(reason));

    [Test]
    public void A_file_that_was_named_must_be_there()
    {
        var absent = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"));

        Assert.Multiple(() =>
        {
            Assert.That(AuthFile.TryRead(absent, isRequired: false), Is.Null);
            Assert.That(() => AuthFile.TryRead(absent, isRequired: true), Throws.TypeOf<RegistryException>());
        });
    }

    private static AuthFile Parse(string json) => AuthFile.Parse(Encoding.UTF8.GetBytes(json), "auth file 'x'");

    private static string Entries(params (string Key, string Secret)[] entries) => new JsonObject
    {
        ["auths"] = new JsonObject(entries.Select(entry =>
            KeyValuePair.Create(entry.Key, (JsonNode?)new JsonObject { ["auth"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(entry.Secret)) }))),
    }.ToJsonString();
}

using System.Text;
using System.Text.Json.Nodes;
using ContainerKit.Registry;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

/// <summary>Logging in and out: what a registry says of credentials, and what then stands in the file.</summary>
internal sealed class KeptLoginTests : RegistryFixture
{
    private static readonly RegistryCredentials Right = new("user", "secret");
    private static readonly RegistryCredentials Wrong = new("user", "guess");

    private string AuthFilePath => Store["auth/config.json"];

    private RegistryOptions WithFile => Options with { AuthFiles = [AuthFilePath] };

    [Test]
    public async Task Whoever_has_logged_in_pulls_without_saying_more([Values(Authentication.Basic, Authentication.Bearer)] Authentication authentication)
    {
        var registry = Start(new RegistryRules { Authentication = authentication });
        registry.Content.Add("app", "1", SampleImage.Of(10));

        await Asking(WithFile).LoginAsync(registry.Host, Right);
        var image = await Client(WithFile).PullAsync(Name("app:1", registry));

        Assert.That(image.Digest, Is.EqualTo(registry.Content["app"].Tags["1"]));
        if (!OperatingSystem.IsWindows())
        {
            Assert.That(File.GetUnixFileMode(AuthFilePath), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }
    }

    [Test]
    public void What_the_registry_does_not_accept_is_not_kept([Values(Authentication.Basic, Authentication.Bearer)] Authentication authentication)
    {
        var registry = Start(new RegistryRules { Authentication = authentication });

        var refusal = Assert.ThrowsAsync<RegistryException>(() => Asking(WithFile).LoginAsync(registry.Host, Wrong))!;

        Assert.That(refusal.ToString(), Does.Not.Contain("guess"));
        Assert.That(refusal.Hint, Does.Contain("are right"));
        Assert.That(File.Exists(AuthFilePath), Is.False);
    }

    [Test]
    public async Task What_else_is_in_the_file_stays_there()
    {
        Keep("""{"auths":{"other.example":{"auth":"YTpi"},"https://HOST/v2/":{"auth":"b2xkOm9sZA=="}},"HttpHeaders":{"X-Y":"z"},"detachKeys":"ctrl-e"}""");

        await Asking(WithFile).LoginAsync(Registry.Host, Right);

        var document = Kept();
        Assert.That(document["HttpHeaders"]!["X-Y"]!.GetValue<string>(), Is.EqualTo("z"));
        Assert.That(document["detachKeys"]!.GetValue<string>(), Is.EqualTo("ctrl-e"));
        Assert.That(document["auths"]!.AsObject().Select(entry => entry.Key), Is.EquivalentTo(new[] { "other.example", Registry.Host }));
        Assert.That(document["auths"]![Registry.Host]!["auth"]!.GetValue<string>(), Is.EqualTo(Convert.ToBase64String("user:secret"u8)));
        Assert.That(Directory.GetFiles(Path.GetDirectoryName(AuthFilePath)!), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task Credentials_go_to_the_file_that_would_be_read_before_all_others()
    {
        var first = Store["first.json"];
        Keep("""{"auths":{"HOST":{"auth":"b2xkOm9sZA=="}}}""");
        var options = Options with { AuthFiles = [first, AuthFilePath] };

        await Asking(options).LoginAsync(Registry.Host, Right);

        Assert.That(File.Exists(first), Is.False);
        Assert.That(AuthFile.TryRead(AuthFilePath, isRequired: true)!.Find(new CredentialRequest(Registry.Host, "a")), Is.EqualTo(Right));
    }

    [Test]
    public async Task Logging_out_forgets_this_registry_in_all_files()
    {
        var first = Store["first.json"];
        Keep("""{"auths":{"https://HOST/v1/":{"auth":"YTpi"}}}""");
        File.WriteAllText(first, $$"""{"auths":{"b.example":{"auth":"YTpi"},"{{Registry.Host}}":{"auth":"YTpi"} } }""");
        var client = Asking(Options with { AuthFiles = [first, AuthFilePath, Store["none.json"]] });

        Assert.That((await client.LogoutAsync(Registry.Host), await client.LogoutAsync(Registry.Host)), Is.EqualTo((true, false)));

        Assert.That(AuthFile.TryRead(first, isRequired: true)!.Has("b.example"), Is.True);
        Assert.That(Kept()["auths"]!.AsObject(), Is.Empty);
    }

    [Test]
    public void A_file_that_is_none_is_left_as_it_is()
    {
        Keep("nonsense");

        Assert.That(() => Asking(WithFile).LoginAsync(Registry.Host, Right), Throws.TypeOf<RegistryException>().With.Message.Contains("JSON"));
        Assert.That(File.ReadAllText(AuthFilePath), Is.EqualTo("nonsense"));
    }

    [TestCase("")]
    [TestCase("a:b")]
    public void A_name_that_could_not_be_told_from_its_password_is_refused(string name) =>
        Assert.That(() => Asking(WithFile).LoginAsync(Registry.Host, new RegistryCredentials(name, "x")), Throws.ArgumentException);

    [Test]
    [Platform("Linux")]
    public async Task A_file_that_is_linked_to_is_changed_where_it_is()
    {
        var elsewhere = Store.Write("elsewhere.json", Encoding.UTF8.GetBytes("{}"));
        Directory.CreateDirectory(Path.GetDirectoryName(AuthFilePath)!);
        File.CreateSymbolicLink(AuthFilePath, elsewhere);

        await Asking(WithFile).LoginAsync(Registry.Host, Right);

        Assert.That(File.ResolveLinkTarget(AuthFilePath, returnFinalTarget: true)!.FullName, Is.EqualTo(elsewhere));
        Assert.That(AuthFile.TryRead(elsewhere, isRequired: true)!.Has(Registry.Host), Is.True);
    }

    private JsonObject Kept() => JsonNode.Parse(File.ReadAllBytes(AuthFilePath))!.AsObject();

    private void Keep(string json)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(AuthFilePath)!);
        File.WriteAllText(AuthFilePath, json.Replace("HOST", Registry.Host, StringComparison.Ordinal));
    }
}

using ContainerKit.Tests.Linux.Registry;
using ContainerKit.Tests.Linux.Support;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Linux.Samples;

/// <summary>ckit pull and push, with a registry in memory, and with Debian's.</summary>
[Category("Slow")]
internal sealed class CkitRegistryTests : CkitFixture
{
    [Test]
    public async Task What_is_pushed_is_pulled_into_another_store_and_runs()
    {
        await using var registry = new TestRegistry();

        var pushed = Output("push", "--insecure", "box:1", $"{registry.Host}/team/box:2");
        var pulled = CkitIn("pulled", "pull", "--insecure", $"{registry.Host}/team/box:2");
        var ran = CkitIn("pulled", "run", "--rm", $"{registry.Host}/team/box:2", "cat", "/etc/motd");

        Assert.That(pushed, Is.EqualTo($"{registry.Host}/team/box:2@{registry.Content["team/box"].Tags["2"]}"));
        Assert.That(pulled.Output, Is.EqualTo($"{registry.Host}/team/box:2\n"), pulled.Error);
        Assert.That(ran.Output, Is.EqualTo("hello from below\n"), ran.Error);
    }

    [Test]
    public async Task A_container_is_run_of_an_image_that_is_fetched_for_it_when_that_is_asked_for()
    {
        await using var registry = new TestRegistry();
        var name = $"{registry.Host}/team/box:3";
        Output("push", "--insecure", "box:1", name);

        var unasked = CkitIn("fetching", "run", "--rm", name, "cat", "/etc/motd");
        var asked = CkitIn("fetching", "run", "--rm", "--pull", "missing", "--insecure", name, "cat", "/etc/motd");
        var requests = registry.Requests.Count;
        var again = CkitIn("fetching", "run", "--rm", "--pull", "missing", "--insecure", name, "cat", "/etc/motd");

        Assert.That((unasked.ExitCode, asked.ExitCode, again.ExitCode), Is.EqualTo((125, 0, 0)), asked.Error + again.Error);
        Assert.That((asked.Output, again.Output), Is.EqualTo(("hello from below\n", "hello from below\n")));
        Assert.That(registry.Requests, Has.Count.EqualTo(requests));
    }

    [Test]
    public async Task Credentials_are_given_by_an_option()
    {
        await using var registry = new TestRegistry(new RegistryRules { Authentication = Authentication.Bearer });
        registry.Content.Add("app", "1", SampleImage.Of(100));

        var right = Ckit("pull", "--insecure", "--creds", "user:secret", $"{registry.Host}/app:1");
        var wrong = CkitIn("wrong", "pull", "--insecure", "--creds", "user:guess", $"{registry.Host}/app:1");

        Assert.That(right.ExitCode, Is.Zero, right.Error);
        Assert.That(wrong.ExitCode, Is.EqualTo(125));
        Assert.That(wrong.Error, Does.StartWith("ckit: Cannot pull ").And.Not.Contain("guess"));
    }

    [Test]
    public async Task Whoever_has_logged_in_need_not_say_it_again_until_logging_out()
    {
        await using var registry = new TestRegistry(new RegistryRules { Authentication = Authentication.Basic });
        registry.Content.Add("app", "1", SampleImage.Of(100));
        string[] how = ["--insecure", "--authfile", HostDirectory + "/auth.json"];

        var wrong = Ckit(["login", .. how, "-u", "user", "-p", "guess", registry.Host]);
        var right = Shell.Script("""echo secret | "$@" """, [SamplePrograms.PathOf("ckit"), "--root", HostDirectory + "/store", "login", .. how, "-u", "user", "--password-stdin", registry.Host]);
        var pull = Ckit(["pull", .. how, $"{registry.Host}/app:1"]);
        var logout = Ckit(["logout", .. how, registry.Host]);
        var late = CkitIn("late", ["pull", .. how, $"{registry.Host}/app:1"]);

        Assert.That((wrong.ExitCode, pull.ExitCode, logout.ExitCode, late.ExitCode), Is.EqualTo((125, 0, 0, 125)), pull.Error + logout.Error);
        Assert.That(wrong.Error, Does.Not.Contain("guess"));
        Assert.That((right, logout.Output), Is.EqualTo(("Login Succeeded", $"Removed the credentials of {registry.Host}\n")));
    }

    [Test]
    public async Task Credentials_that_others_must_not_see_come_by_standard_input()
    {
        await using var registry = new TestRegistry(new RegistryRules { Authentication = Authentication.Basic });
        registry.Content.Add("app", "1", SampleImage.Of(100));
        registry.Content.Add("app", "2", SampleImage.Of(200));

        var tags = Shell.Script(
            """echo user:secret | "$@" """, SamplePrograms.PathOf("ckit"), "--root", Path.Combine(HostDirectory, "store"), "tags", "--insecure", "--creds-stdin", $"{registry.Host}/app");

        Assert.That(tags, Is.EqualTo("1\n2"));
    }

    [Test]
    public async Task What_a_registry_has_is_listed_and_deleted()
    {
        await using var registry = new TestRegistry();
        var image = SampleImage.Of(100);
        registry.Content.Add("app", "1", image);
        registry.Content.Add("app", "2", image);
        registry.Content["app"].Manifests[Digest.Of("{}"u8)] = new StoredManifest(
            SampleImage.ManifestType,
            System.Text.Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"artifactType":"text/signature","subject":{{SampleImage.Describe(image.Manifest, SampleImage.ManifestType)}}}"""));

        Assert.That(Output("referrers", "--insecure", $"{registry.Host}/app:1"), Does.Contain("text/signature"));
        Assert.That(Ckit("delete", "--insecure", $"{registry.Host}/app").ExitCode, Is.EqualTo(125));
        Assert.That(Output("delete", "--insecure", $"{registry.Host}/app:1"), Is.EqualTo($"{registry.Host}/app:1"));
        Assert.That(Output("tags", "--insecure", $"{registry.Host}/app"), Is.EqualTo("2"));
    }

    [Test]
    public async Task Damage_is_repaired_in_plain_http_without_naming_the_registry([Values] bool isNamed)
    {
        await using var registry = new TestRegistry();
        var image = SampleImage.Of(100);
        registry.Content.Add("app", "1", image);
        var store = $"damaged-{isNamed}";
        CkitIn(store, "pull", "--insecure", $"{registry.Host}/app:1");
        File.WriteAllText($"{HostDirectory}/{store}/images/blobs/sha256/{Digest.Of(image.Layers[0]).Hex}", "garbled");

        var without = CkitIn(store, "check", "--repair");
        var repaired = CkitIn(store, ["check", "--repair", "--insecure", .. isNamed ? new[] { registry.Host } : []]);

        Assert.That((without.ExitCode, repaired.ExitCode), Is.EqualTo((125, 0)), repaired.Output + repaired.Error);
        Assert.That(repaired.Output, Does.Contain("It was fetched again."));
    }

    [Test]
    public async Task A_mirror_is_asked_first()
    {
        await using var registry = new TestRegistry();
        await using var mirror = new TestRegistry();
        mirror.Content.Add("app", "1", SampleImage.Of(100));

        Output("pull", "--insecure", "--mirror", mirror.Host, $"{registry.Host}/app:1");

        Assert.That(registry.Requests, Is.Empty);
    }

    [Test]
    public async Task A_platform_is_chosen_by_an_option()
    {
        await using var registry = new TestRegistry();
        var arm = SampleImage.For(Platform.LinuxArm64, 20);
        registry.Content.AddIndex("app", "1", SampleImage.For(Platform.LinuxAmd64, 10), arm);

        Output("pull", "--insecure", "--platform", "linux/arm64", $"{registry.Host}/app:1");

        Assert.That(Output("images", "--digests"), Does.Contain(arm.Digest.ToString()));
    }

    [Test]
    public async Task Without_its_option_no_registry_is_spoken_to_in_plain_http()
    {
        await using var registry = new TestRegistry();
        registry.Content.Add("app", "1", SampleImage.Of(100));

        var result = Ckit("pull", $"{registry.Host}/app:1");

        Assert.That(result.ExitCode, Is.EqualTo(125));
        Assert.That(result.Error, Does.Contain("--insecure"));
    }

    [Test]
    [Category("Peers")]
    public void Debians_registry_gives_back_what_it_was_given([Values] bool isProtected)
    {
        Needs.Programs(DebianRegistry.Programs);
        using var certificates = new TestCertificates();
        using var registry = new DebianRegistry(isProtected ? certificates : null);
        string[] access = isProtected ? ["--ca", registry.AuthorityFile, "--creds", $"{DebianRegistry.User}:{DebianRegistry.Password}"] : ["--insecure"];

        Output(["push", .. access, "box:1", $"{registry.Host}/box:1"]);
        var store = $"debian-{isProtected}";
        var pulled = CkitIn(store, ["pull", .. access, $"{registry.Host}/box:1"]);

        Assert.That(pulled.ExitCode, Is.Zero, pulled.Error);
        Assert.That(CkitIn(store, "cat", $"{registry.Host}/box:1", "/etc/motd").Output, Is.EqualTo("hello from below\n"));
    }
}

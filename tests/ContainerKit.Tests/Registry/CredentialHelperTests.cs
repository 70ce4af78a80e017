using ContainerKit.Registry;
using ContainerKit.Tests.Support;

namespace ContainerKit.Tests.Registry;

/// <summary>Programs that know credentials: scripts, found by PATH as docker finds its helpers.</summary>
[Platform("Linux")]
[NonParallelizable]
public sealed class CredentialHelperTests
{
    private TemporaryFolder _folder = null!;
    private string? _path;

    [SetUp]
    public void PutScriptsInPath()
    {
        _folder = new TemporaryFolder();
        _path = Environment.GetEnvironmentVariable("PATH");
        Environment.SetEnvironmentVariable("PATH", _folder.Path + Path.PathSeparator + _path);
    }

    [TearDown]
    public void TakeThemAway()
    {
        Environment.SetEnvironmentVariable("PATH", _path);
        _folder.Dispose();
    }

    [Test]
    public async Task A_helper_is_asked_get_and_told_the_registry()
    {
        Write("asked", """read server; echo "{\"Username\":\"$1\",\"Secret\":\"$server\"}" """);

        Assert.That(await CredentialHelper.GetAsync("asked", "r.example", default), Is.EqualTo(new RegistryCredentials("get", "r.example")));
    }

    [Test]
    public async Task A_helper_that_has_a_token_says_so_by_the_name()
    {
        Write("token", """echo '{"Username":"<token>","Secret":"t"}'""");

        Assert.That((await CredentialHelper.GetAsync("token", "r.example", default))!.IdentityToken, Is.EqualTo("t"));
    }

    [Test]
    public async Task What_a_helper_keeps_it_gives_back_until_it_is_erased()
    {
        var kept = _folder["kept"];
        Write("keeper", $$"""
            case $1 in
                store) cat > {{kept}} ;;
                get) [ -f {{kept}} ] && cat {{kept}} || { echo 'credentials not found in native keychain'; exit 1; } ;;
                erase) rm {{kept}} ;;
            esac
            """);
        var file = _folder.Write("config.json", """{"credsStore":"keeper"}"""u8);
        var credentials = new RegistryCredentials("user", "pass:word");

        await Login.KeepAsync(file, "r.example", credentials, default);

        Assert.That(await CredentialHelper.GetAsync("keeper", "r.example", default), Is.EqualTo(credentials));
        Assert.That(File.ReadAllText(file), Does.Contain("r.example").And.Not.Contain("auth\""));
        Assert.That((await Login.ForgetAsync(file, "r.example", default), await Login.ForgetAsync(file, "r.example", default)), Is.EqualTo((true, false)));
        Assert.That(File.Exists(kept), Is.False);
    }

    [Test]
    public async Task A_helper_that_does_not_know_the_registry_is_no_failure()
    {
        Write("empty", "echo 'credentials not found in native keychain'; exit 1");

        Assert.That(await CredentialHelper.GetAsync("empty", "r.example", default), Is.Null);
    }

    [TestCase("echo 'no key ring here'; exit 3", "no key ring here")]
    [TestCase("echo nonsense", "JSON")]
    [TestCase("echo '{}'", "Username")]
    [TestCase("head -c 200000 /dev/zero", "bytes")]
    public void A_helper_that_fails_is_named_with_what_it_says(string script, string said)
    {
        Write("broken", script);

        Assert.That(
            () => CredentialHelper.GetAsync("broken", "r.example", default),
            Throws.TypeOf<RegistryException>().With.Message.Contains("docker-credential-broken").And.Message.Contains(said));
    }

    [TestCase("absent", "is not in PATH")]
    [TestCase("../x", "cannot be one")]
    [TestCase("", "cannot be one")]
    public void A_helper_that_is_not_there_or_no_name_is_refused(string name, string reason) => Assert.That(
        () => CredentialHelper.GetAsync(name, "r.example", default),
        Throws.TypeOf<RegistryException>().With.Message.Contains(reason));

    [Test]
    public void A_helper_that_does_not_answer_is_not_waited_for_when_the_caller_gives_up()
    {
        Write("slow", "sleep 600");
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));

        Assert.That(() => CredentialHelper.GetAsync("slow", "r.example", soon.Token), Throws.InstanceOf<OperationCanceledException>());
    }

    private void Write(string name, string script)
    {
        var path = _folder[$"docker-credential-{name}"];
        File.WriteAllText(path, $"#!/bin/sh\n{script}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }
    }
}

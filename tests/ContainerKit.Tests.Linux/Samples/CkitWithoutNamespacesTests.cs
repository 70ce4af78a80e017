using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Samples;

/// <summary>An ordinary user who has a range of ids, where user namespaces are forbidden: images are to be had, containers are not.</summary>
internal sealed class CkitWithoutNamespacesTests : CkitFixture
{
    // A user namespace has limits of its own. The user in it is still himself, and not root.
    private const string Forbid = """echo 0 > /proc/sys/user/max_user_namespaces; exec "$@" """;

    [OneTimeSetUp]
    public void OnlyAsOrdinaryUser()
    {
        Needs.OrdinaryUser();
        Needs.SubordinateIds();
    }

    [Test]
    public void Images_are_imported_listed_inspected_and_read()
    {
        foreach (var arguments in (string[][])[["import", RootFileSystem, "box:2"], ["images"], ["inspect", "box:2"], ["layers", "box:2"], ["ps", "-a"], ["info"]])
        {
            var result = Forbidden(arguments);

            Assert.That(result.ExitCode, Is.Zero, $"ckit {string.Join(' ', arguments)}: {result.Error}");
        }
    }

    [Test]
    public void A_container_is_refused_with_the_reason_and_what_to_do()
    {
        var result = Forbidden("run", "--rm", "box:1", "true");

        Assert.That(result.ExitCode, Is.EqualTo(125));
        Assert.That(result.Error, Does.Contain("user namespace").And.Contain("user.max_user_namespaces").And.Not.Contain("No space"));
    }

    [Test]
    public void A_container_that_cannot_be_removed_stays_whole()
    {
        Output("create", "--name", "stays", "box:1", "cat", "/etc/motd");

        Assert.That(Forbidden("rm", "stays").ExitCode, Is.Not.Zero);

        Output("cp", "stays:/etc/motd", $"{HostDirectory}/motd");
        Assert.That(File.ReadAllText($"{HostDirectory}/motd"), Is.EqualTo("hello from below\n"));
        Output("rm", "stays");
    }

    private ShellResult Forbidden(params string[] arguments) => Shell.Try(
        "unshare", ["--user", "--map-current-user", "--keep-caps", "sh", "-c", Forbid, "sh", SamplePrograms.PathOf("ckit"), "--root", $"{HostDirectory}/store", .. arguments]);
}

using ContainerKit.Tests.Linux.Isolation;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Samples;

/// <summary>Docker's security options on the command line, and the host's keyring, which only a process tree of its own can have.</summary>
internal sealed class CkitSecurityTests : CkitFixture
{
    private string Profile => Path.Combine(HostDirectory, "profile.json");

    private string Store => Path.Combine(HostDirectory, "store");

    private string ProberFile => Path.Combine(HostDirectory, "prober");

    [SetUp]
    public void WriteProfile() => File.WriteAllText(Profile, """
        {"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["unlink","unlinkat"],"action":"SCMP_ACT_ERRNO","errnoRet":77}]}
        """);

    [TestCase("=")]
    [TestCase(":")]
    public void A_profile_is_read_from_a_file(string sign)
    {
        var result = Ckit("run", "--rm", "--security-opt", $"seccomp{sign}{Profile}", "box:1", "rm", "/etc/motd");

        Assert.That(result.Error, Does.Contain("File descriptor in bad state"));
    }

    [Test]
    public void A_container_shows_what_it_was_given()
    {
        var id = Output("create", "--security-opt", $"seccomp={Profile}", "--security-opt", "no-new-privileges=false", "--security-opt", "label=type:web_t", "--device", "/dev/null:/dev/nothing:rw", "box:1", "true");

        var shown = Output("inspect", id);
        Output("rm", id);

        Assert.That(shown, Does.Contain("no-new-privileges=false").And.Contain("SCMP_ACT_ALLOW").And.Contain("label=system_u:system_r:web_t:s0").And.Contain("/dev/nothing"));
    }

    [Test]
    public void A_device_is_there_under_its_name()
    {
        Needs.FuseDevice();

        Assert.That(RunInBox(["--device", "/dev/fuse"], "sh", "-c", "exec 3<>/dev/fuse && echo open"), Is.EqualTo("open"));
    }

    [TestCase("--security-opt", "seccomp=/no/such/file", "/no/such/file")]
    [TestCase("--security-opt", "systempaths=unconfined", "no security option 'systempaths=unconfined'")]
    [TestCase("--security-opt", "apparmor=web", "does not run AppArmor")]
    [TestCase("--security-opt", "label=u:r:t:s0", "does not run SELinux")]
    [TestCase("--device", "/dev/null:r", "not with 'r'")]
    [TestCase("--device", "/dev/null:/dev/nothing:rx", "r, w and m")]
    public void What_cannot_be_had_is_an_error(string option, string value, string message)
    {
        Needs.That(!File.Exists("/sys/module/apparmor/parameters/enabled") && !File.Exists("/sys/fs/selinux/enforce"), "this host has AppArmor or SELinux");

        var result = Ckit("run", "--rm", option, value, "box:1", "true");

        Assert.That((result.ExitCode, result.Error), Is.EqualTo((125, result.Error)));
        Assert.That(result.Error, Does.Contain(message));
    }

    [Test]
    public void The_keys_of_the_hosts_session_are_not_the_containers()
    {
        Prober.Build(ProberFile);

        var host = Shell.Run(ProberFile, "with-key", ProberFile, "read-key");
        var container = Shell.Run(
            ProberFile, "with-key", SamplePrograms.PathOf("ckit"), "--root", Store, "run", "--rm", "--security-opt", "seccomp=unconfined", "-v", $"{ProberFile}:/prober:ro", "box:1", "/prober", "read-key");

        // EACCES, or ENOKEY from a user namespace.
        Assert.That((host, container), Is.EqualTo(("secret", "errno 13")).Or.EqualTo(("secret", "errno 126")));
    }

    [Test]
    public void A_user_namespace_and_a_root_of_ones_own_do_not_keep_the_sessions_keys_away()
    {
        Needs.UserNamespaces();
        Prober.Build(ProberFile);

        var namespaced = Shell.Run(ProberFile, "with-key", HostPath.Find("unshare")!, "--user", "--mount", "--pid", "--fork", ProberFile, "read-key");

        Assert.That(namespaced, Is.EqualTo("secret"));
    }
}

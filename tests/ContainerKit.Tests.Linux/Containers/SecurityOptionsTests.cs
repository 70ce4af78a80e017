using ContainerKit.Isolation;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers;

/// <summary>What a description says about system calls, privileges, labels and devices, seen from inside.</summary>
[TestFixture(UserNamespaceMode.Default)]
[TestFixture(UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture(UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class SecurityOptionsTests(UserNamespaceMode userNamespace) : ContainerFixture
{
    private const string NoDirectories = """
        {"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":77}]}
        """;

    private const string Errno77 = "File descriptor in bad state";

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [Test]
    public async Task What_is_dropped_by_name_stays_dropped_beside_all()
    {
        var result = await Shell("grep CapEff /proc/self/status").WithCapability("ALL").WithoutCapability("SYS_RESOURCE").RunAsync();

        var effective = Convert.ToUInt64(result.StandardOutput.Split(':')[1].Trim(), 16);
        Assert.That((effective >> (int)Capability.SysResource & 1, effective >> (int)Capability.SysTime & 1), Is.EqualTo((0UL, 1UL)));
    }

    [Test]
    public async Task A_profile_of_ones_own_takes_the_place_of_the_default_one()
    {
        var result = await Shell("mkdir /new; grep Seccomp: /proc/self/status")
            .WithSeccomp(SeccompProfile.Parse(NoDirectories)).WithExitCheck(ExitCheck.None).RunAsync();

        Assert.That(result.StandardError, Does.Contain(Errno77));
        Assert.That(result.StandardOutput, Is.EqualTo("Seccomp:\t2\n"));
    }

    [Test]
    public async Task Programs_that_join_have_the_profile_too()
    {
        await using var running = await Shell("sleep 100").WithSeccomp(SeccompProfile.Parse(NoDirectories)).StartAsync();

        var result = await running.ExecAsync(["mkdir", "/new"]);

        Assert.That(result.StandardError, Does.Contain(Errno77));
    }

    [Test]
    public async Task A_container_keeps_its_profile_for_whoever_starts_it_later()
    {
        var name = $"kept-{userNamespace}";
        await using (await Shell("mkdir /new").WithName(name).WithSeccomp(SeccompProfile.Parse(NoDirectories)).CreateAsync())
        {
        }

        await using var other = await OpenHost();
        var found = await other.FindContainerAsync(name);
        await using var running = await found!.StartAsync();
        var error = await new StreamReader(running.StandardError).ReadToEndAsync();
        await running.WaitForExitAsync();
        await running.DisposeAsync();
        await found.RemoveAsync();

        Assert.That(error, Does.Contain(Errno77));
    }

    [Test]
    public async Task Unconfined_is_without_a_filter_of_ours()
    {
        var result = await Shell("grep Seccomp_filters /proc/self/status").WithSeccomp(SeccompProfile.Unconfined).RunAsync();
        var outside = Support.Shell.Run("grep", "Seccomp_filters", "/proc/self/status");

        Assert.That(result.StandardOutput.TrimEnd('\n'), Is.EqualTo(outside));
    }

    [Test]
    public void A_profile_that_no_filter_can_stand_for_is_refused_when_it_is_given()
    {
        Assert.That(
            () => Shell("true").WithSeccomp(SeccompProfile.Parse("""{"defaultAction":"SCMP_ACT_NOTIFY"}""")),
            Throws.TypeOf<IsolationException>().With.Message.Contains("SCMP_ACT_NOTIFY"));
    }

    [TestCase(true, "NoNewPrivs:\t1\n")]
    [TestCase(false, "NoNewPrivs:\t0\n")]
    public async Task Set_user_id_programs_count_only_where_that_was_asked_for(bool value, string line)
    {
        var result = await Shell("grep NoNewPrivs /proc/self/status").WithNoNewPrivileges(value).RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo(line));
    }

    [Test]
    public void Labels_are_refused_where_the_host_has_none()
    {
        Needs.That(!File.Exists("/sys/module/apparmor/parameters/enabled") && !File.Exists("/sys/fs/selinux/enforce"), "this host has AppArmor or SELinux");

        Assert.That(() => Shell("true").WithAppArmorProfile("web").RunAsync(), Throws.TypeOf<HostCapabilityException>().With.Property("Capability").EqualTo("apparmor"));
        Assert.That(() => Shell("true").WithSelinuxLabel("u:r:t:s0").RunAsync(), Throws.TypeOf<HostCapabilityException>().With.Property("Capability").EqualTo("selinux"));
    }

    [TestCase("")]
    [TestCase("a\nb")]
    public void A_label_that_is_none_is_refused_when_it_is_given(string label)
    {
        Assert.That(() => Shell("true").WithAppArmorProfile(label), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => Shell("true").WithSelinuxLabel(label), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => Shell("true").WithSelinuxLabel("no-label"), Throws.InstanceOf<ArgumentException>());
    }

    [Test]
    public async Task A_device_of_the_host_opens_where_it_was_asked_for()
    {
        Needs.FuseDevice();

        var result = await Shell("exec 3<>/dev/inside/fuse && echo open; stat -c '%F %t:%T' /dev/inside/fuse").WithDevice("/dev/fuse", "/dev/inside/fuse").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("open\ncharacter special file a:e5\n"));
    }

    [Test]
    public async Task The_node_stays_the_hosts()
    {
        Needs.FuseDevice();
        var before = Support.Shell.Run("stat", "-c", "%a %u %g %Z", "/dev/fuse");

        var result = await Shell("chmod 600 /dev/fuse; chown 1:1 /dev/fuse; rm -f /dev/fuse; exec 3<>/dev/fuse && echo open").WithDevice("/dev/fuse").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("open\n"), result.StandardError);
        Assert.That(Support.Shell.Run("stat", "-c", "%a %u %g %Z", "/dev/fuse"), Is.EqualTo(before));
    }

    [Test]
    public async Task A_device_that_was_not_given_opens_by_no_node_that_the_container_makes()
    {
        Needs.FuseDevice();

        // In a user namespace no node can be made at all.
        var isMade = userNamespace == UserNamespaceMode.Default && Environment.IsPrivilegedProcess;
        var result = await Shell("mknod /dev/node c 10 229 && stat -c %F /dev/node && (exec 3<>/dev/node) && echo open; exit 0").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo(isMade ? "character special file\n" : ""));
        Assert.That(result.StandardError, Does.Contain(isMade ? "Permission denied" : "Operation not permitted"));
    }

    [TestCase("/etc/passwd", "no device")]
    [TestCase("/dev", "no device")]
    [TestCase("/dev/no-such-device", "not there")]
    public void What_is_no_device_is_refused(string path, string reason)
    {
        Assert.That(() => Shell("true").WithDevice(path, "/dev/it").RunAsync(), Throws.TypeOf<IsolationException>().With.Message.Contains($"'{path}' is {reason}"));
    }
}

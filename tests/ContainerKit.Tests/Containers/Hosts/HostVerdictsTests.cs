using ContainerKit.Containers.Hosts;
using ContainerKit.Isolation.Cgroups;
using ContainerKit.Linux;
using ContainerKit.Storage;

namespace ContainerKit.Tests.Containers.Hosts;

public class HostVerdictsTests
{
    private static readonly HostFacts Ubuntu = new()
    {
        IsRoot = false,
        UserName = "jo",
        Kernel = new Version(6, 8, 0),
        StoreDirectory = "/home/jo/store",
        FileSystems = new HashSet<string> { "ext4", "overlay" },
        Namespaces = new HashSet<string> { "user", "net", "mnt", "cgroup" },
        Settings = new Dictionary<string, string>
        {
            ["user/max_user_namespaces"] = "127000",
            ["kernel/apparmor_restrict_unprivileged_userns"] = "0",
            ["kernel/seccomp/actions_avail"] = "kill_process kill_thread trap errno user_notif trace log allow",
            ["vm/memfd_noexec"] = "0",
        },
        Calls = new Dictionary<string, int>
        {
            ["pidfd_open"] = Errno.EINVAL,
            ["openat2"] = Errno.EINVAL,
            ["mount_setattr"] = Errno.EINVAL,
            ["fsopen"] = Errno.EPERM,
        },
        MapHelpers = ["/usr/bin/newuidmap", "/usr/bin/newgidmap"],
        SubordinateIds = SubordinateIds.For(1000, 1000, "jo", "jo:100000:65536\n", "jo:100000:65536\n"),
        Drivers = [new DriverVerdict("overlay", null), new DriverVerdict("vfs", null)],
        ControllerPlaces = new Dictionary<string, string> { ["memory"] = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice" },
        MissingControllers = new Dictionary<string, string> { ["cpu"] = "'/sys/fs/cgroup/a' does not have it" },
    };

    [TestCase("overlay")]
    [TestCase("vfs")]
    [TestCase("user-namespaces")]
    [TestCase("subordinate-ids")]
    [TestCase("seccomp")]
    [TestCase("pidfd")]
    [TestCase("memfd-exec")]
    [TestCase("cgroup-memory")]
    [TestCase("fuse")]
    public void An_ordinary_desktop_can_do_the_usual(string name)
    {
        var capability = HostVerdicts.Report(Ubuntu)[name];

        Assert.That((capability!.IsAvailable, capability.Hint), Is.EqualTo((true, (string?)null)));
    }

    [Test]
    public void AppArmor_takes_namespaces_from_ordinary_users_and_overlay_with_them()
    {
        var report = HostVerdicts.Report(With("kernel/apparmor_restrict_unprivileged_userns", "1"));

        Assert.Multiple(() =>
        {
            Assert.That(report["user-namespaces"]!.IsAvailable, Is.False);
            Assert.That(report["user-namespaces"]!.Hint, Does.Contain("AppArmor profile"));
            Assert.That(report["overlay"]!.Detail, Does.Contain("AppArmor"));
            Assert.That(report["vfs"]!.IsAvailable, Is.True);
        });
    }

    [Test]
    public void An_ordinary_users_way_out_is_found_or_named_with_its_package()
    {
        var without = HostVerdicts.Report(Ubuntu)["pasta"]!;
        var with = HostVerdicts.Report(Ubuntu with { PastaPath = "/usr/bin/pasta" })["pasta"]!;
        var shut = HostVerdicts.Report(Ubuntu with { PastaPath = "/usr/bin/pasta", TunError = Errno.EACCES })["pasta"]!;

        Assert.Multiple(() =>
        {
            Assert.That(without.IsAvailable, Is.False);
            Assert.That(without.Hint, Does.Contain("Debian's package passt"));
            Assert.That(with.IsAvailable, Is.True);
            Assert.That(shut.IsAvailable, Is.False);
            Assert.That(shut.Hint, Does.Contain("/dev/net/tun"));
        });
    }

    [TestCase("user/max_user_namespaces", "0", "sysctl user.max_user_namespaces")]
    [TestCase("kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1")]
    public void A_setting_that_forbids_is_named_with_its_cure(string setting, string value, string cure)
    {
        var capability = HostVerdicts.Report(With(setting, value))["user-namespaces"];

        Assert.That(capability!.IsAvailable, Is.False);
        Assert.That(capability.Hint, Does.Contain(cure));
    }

    [Test]
    public void What_was_really_refused_counts_more_than_settings()
    {
        var report = HostVerdicts.Report(Ubuntu with { UserNamespaceRefusal = "unshare: Operation not permitted." });

        Assert.That(report["user-namespaces"]!.Detail, Is.EqualTo("unshare: Operation not permitted"));
    }

    [Test]
    public void Ids_that_nobody_lent_can_be_had_for_the_asking()
    {
        var capability = HostVerdicts.Report(Ubuntu with { SubordinateIds = null })["subordinate-ids"];

        Assert.That(capability!.Hint, Does.Contain("usermod --add-subuids").And.Contain("jo"));
    }

    [Test]
    public void Root_is_lent_ids_for_its_containers_too()
    {
        var without = HostVerdicts.Report(Ubuntu with { IsRoot = true, SubordinateIds = null })["subordinate-ids"]!;
        var with = HostVerdicts.Report(Ubuntu with { IsRoot = true, SubordinateIds = SubordinateIds.ForOthers("containers", "containers:9:7", "containers:9:7") })["subordinate-ids"]!;

        Assert.That((without.IsAvailable, without.Hint), Is.EqualTo((false, "Append the line 'containers:2147483648:65536' to both, or another range that nobody has.")));
        Assert.That((with.IsAvailable, with.Detail), Is.EqualTo((true, "7 ids are lent to root's containers")));
    }

    [Test]
    public void Lent_ids_are_of_no_use_without_the_helpers()
    {
        var capability = HostVerdicts.Report(Ubuntu with { MapHelpers = ["/usr/bin/newuidmap"] })["subordinate-ids"];

        Assert.That(capability!.Hint, Does.Contain("uidmap"));
    }

    [Test]
    public void A_missing_controller_says_why()
    {
        var capability = HostVerdicts.Report(Ubuntu)["cgroup-cpu"];

        Assert.That(capability!.Detail, Is.EqualTo("'/sys/fs/cgroup/a' does not have it"));
        Assert.That(capability.Hint, Does.Contain("root").And.Not.Contain("Delegate=yes"));
    }

    [Test]
    public void A_missing_controller_of_version_2_can_be_delegated()
    {
        var unified = new CgroupHierarchy(CgroupVersion.V2, new HashSet<string>(), "/sys/fs/cgroup", "/sys/fs/cgroup/a");

        var capability = HostVerdicts.Report(Ubuntu with { Cgroups = new CgroupLayout([unified]) })["cgroup-cpu"]!;

        Assert.That(capability.Hint, Does.Contain("Delegate=yes"));
    }

    [Test]
    public void A_group_of_version_1_is_roots_alone_and_nobody_delegates_it()
    {
        var freezer = new CgroupHierarchy(CgroupVersion.V1, new HashSet<string> { "freezer" }, "/sys/fs/cgroup/freezer", "/sys/fs/cgroup/freezer/jo");

        var capability = HostVerdicts.Report(Ubuntu with { Cgroups = new CgroupLayout([freezer]) })["cgroup-freezer"]!;

        Assert.That(capability.Detail, Is.EqualTo("'/sys/fs/cgroup/freezer/jo' cannot be written by this user"));
        Assert.That(capability.Hint, Is.EqualTo("Run as root: only groups of version 2 are handed to ordinary users."));
    }

    [Test]
    public void A_store_that_overlay_cannot_stand_on_is_what_has_to_move_and_not_the_kernel()
    {
        var report = HostVerdicts.Report(Ubuntu with { IsRoot = true, Kernel = new Version(6, 18), OverlayError = Errno.EINVAL, OverlayLayerError = Errno.EINVAL });

        Assert.That(report["overlay-lowerdirs"]!.Detail, Is.EqualTo("trying it in '/home/jo/store' failed: Invalid argument"));
        Assert.That(report["overlay-lowerdirs"]!.Hint, Does.StartWith("Put the store on ext4").And.Not.Contain("modprobe"));
        Assert.That(report["overlay"]!.Hint, Does.Not.Contain("modprobe"));
    }

    [Test]
    public void An_older_kernel_takes_the_layers_in_one_setting()
    {
        var capability = HostVerdicts.Report(Ubuntu with { IsRoot = true, Kernel = new Version(6, 1), OverlayError = 0, OverlayLayerError = Errno.EINVAL })["overlay-lowerdirs"]!;

        Assert.That((capability.IsAvailable, capability.Detail), Is.EqualTo((false, "Linux 6.8 brings it")));
    }

    [Test]
    public void What_only_root_may_an_ordinary_user_may_not()
    {
        var capability = HostVerdicts.Report(Ubuntu with { Kernel = new Version(6, 18) })["fuse-passthrough"]!;

        Assert.That((capability.IsAvailable, capability.Hint), Is.EqualTo((false, "Run as root.")));
    }

    [Test]
    public void Memory_that_may_not_run_is_no_disaster()
    {
        var capability = HostVerdicts.Report(With("vm/memfd_noexec", "2"))["memfd-exec"];

        Assert.That((capability!.IsAvailable, capability.Detail), Is.EqualTo((false, "vm.memfd_noexec is 2, so programs cannot run from memory; a nameless file in the store stands in")));
    }

    [Test]
    public void A_bare_host_can_do_nothing_and_says_so_in_every_line()
    {
        var bare = new HostFacts
        {
            IsRoot = false,
            UserName = "jo",
            Kernel = new Version(4, 19),
            StoreDirectory = "/s",
            FuseError = Errno.ENOENT,
            ReflinkError = Errno.EOPNOTSUPP,
            Drivers = [new DriverVerdict("overlay", "The kernel has no overlay file system.")],
        };

        var report = HostVerdicts.Report(bare);

        Assert.That(report.Capabilities.Where(c => c.IsAvailable).Select(c => c.Name), Is.EqualTo(new[] { "memfd-exec" }));
        Assert.That(report.Capabilities.Select(c => c.Detail), Is.All.Not.Empty);
    }

    [Test]
    public void Names_are_unique() => Assert.That(HostVerdicts.Report(Ubuntu).Capabilities.Select(c => c.Name), Is.Unique);

    [Test]
    public void The_table_is_readable()
    {
        var report = new HostReport([new HostCapability("overlay", true, "works in '/s'"), new HostCapability("fuse", false, "there is no /dev/fuse", "Load it.")]);

        Assert.That(report.ToString(), Is.EqualTo("""
            yes  overlay  works in '/s'
            no   fuse     there is no /dev/fuse
                          Load it.

            """));
    }

    private static HostFacts With(string setting, string value) =>
        Ubuntu with { Settings = new Dictionary<string, string>(Ubuntu.Settings) { [setting] = value } };
}

using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers;

/// <summary>What becomes of mounts below a bind mount, and whose its files are.</summary>
[TestFixture(UserNamespaceMode.Default)]
[TestFixture(UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class BindMountTests(UserNamespaceMode userNamespace) : ContainerFixture
{
    private string _shared = "";

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [SetUp]
    public void MakeSource()
    {
        Needs.Root();
        _shared = Directory.CreateDirectory(Path.Combine(HostDirectory, $"{Guid.NewGuid():N}")).FullName;
        Support.Shell.Script("mkdir \"$1\"/below; mount -t tmpfs shared \"$1\"; mkdir \"$1\"/below; mount --make-shared \"$1\"", _shared);
    }

    [TearDown]
    public void RemoveSource()
    {
        if (_shared.Length > 0)
        {
            Support.Shell.Script("umount -R \"$1\"", _shared);
        }
    }

    [TestCase(MountPropagation.Private, "")]
    [TestCase(MountPropagation.Slave, "late\n")]
    [TestCase(MountPropagation.Shared, "late\n")]
    public async Task A_mount_that_the_host_makes_later_is_seen_by_those_who_asked_for_it(MountPropagation propagation, string seen)
    {
        await using var container = await Shell("sleep 1000").WithBindMount(_shared, "/data", new BindMountOptions { Propagation = propagation }).StartAsync();

        Support.Shell.Script("mount -t tmpfs below \"$1\"/below; touch \"$1\"/below/late", _shared);

        Assert.That((await container.ExecAsync(["ls", "/data/below"])).StandardOutput, Is.EqualTo(seen));
    }

    [TestCase(MountPropagation.Private, false)]
    [TestCase(MountPropagation.Slave, false)]
    [TestCase(MountPropagation.Shared, true)]
    public async Task A_mount_that_the_container_makes_is_the_hosts_only_when_shared(MountPropagation propagation, bool isSeen)
    {
        Needs.That(userNamespace == UserNamespaceMode.Default, "a file system that a user namespace has mounted is nothing that the host would take");
        await using var container = await Shell("sleep 1000").WithCapability("SYS_ADMIN")
            .WithBindMount(_shared, "/data", new BindMountOptions { Propagation = propagation }).StartAsync();

        var mounting = await container.ExecAsync(["mount", "-t", "tmpfs", "inner", "/data/below"]);

        Assert.That(mounting.ExitStatus.IsSuccess, mounting.StandardError);
        Assert.That(await File.ReadAllTextAsync("/proc/self/mountinfo"), isSeen ? Does.Contain($"{_shared}/below ") : Does.Not.Contain($"{_shared}/below "));
    }

    [TestCase(MountPropagation.Slave)]
    [TestCase(MountPropagation.Shared)]
    public void Where_the_host_shares_nothing_there_is_nothing_to_pass_on(MountPropagation propagation)
    {
        Support.Shell.Script("mount --make-private \"$1\"", _shared);

        Assert.That(
            () => Shell("true").WithBindMount(_shared, "/data", new BindMountOptions { Propagation = propagation }).RunAsync(),
            Throws.TypeOf<HostCapabilityException>().With.Message.EqualTo($"Cannot pass on mounts below '{_shared}': it lies on the mount '{_shared}', which the host does not share.")
                .And.Property("Hint").Contains("--make-rshared"));
    }

    [Test]
    public async Task Id_mapped_files_belong_inside_to_whom_they_belong_on_the_host()
    {
        Needs.That(userNamespace == UserNamespaceMode.SubordinateIds, "without a user namespace the ids are the host's anyway");
        var source = Directory.CreateDirectory(Path.Combine(HostDirectory, "owned")).FullName;
        Support.Shell.Script("touch \"$1\"/www; chown 33:4 \"$1\"/www", source);

        var mapped = await Shell("stat -c %u:%g /data /data/www; touch /data/made; chown 33:33 /data/made").WithBindMount(source, "/data", new BindMountOptions { IdMapped = true }).RunAsync();
        var plain = await Shell("stat -c %u:%g /data/www").WithBindMount(source, "/data").RunAsync();

        Assert.That((mapped.StandardOutput, plain.StandardOutput), Is.EqualTo(("0:0\n33:4\n", "65534:65534\n")));
        Assert.That(Support.Shell.Run("stat", "-c", "%u:%g", $"{source}/made"), Is.EqualTo("33:33"));
    }

    [Test]
    public void Without_a_user_namespace_there_are_no_ids_to_show()
    {
        Needs.That(userNamespace == UserNamespaceMode.Default, "here there is one");

        Assert.That(
            () => Shell("true").WithBindMount(HostDirectory, "/data", new BindMountOptions { IdMapped = true }).RunAsync(),
            Throws.TypeOf<HostCapabilityException>().With.Property("Capability").EqualTo("id-mapped-mounts").And.Message.Contains("it has none of its own"));
    }

    [Test]
    public void A_file_system_that_cannot_be_shown_so_is_named()
    {
        Needs.That(userNamespace == UserNamespaceMode.SubordinateIds, "without a user namespace there are no ids to show");

        Assert.That(
            () => Shell("true").WithBindMount("/proc/self", "/data", new BindMountOptions { IdMapped = true }).RunAsync(),
            Throws.TypeOf<HostCapabilityException>().With.Property("Capability").EqualTo("id-mapped-mounts").And.Message.Contains("'/proc/self'"));
    }
}

/// <summary>What an ordinary user cannot have of bind mounts.</summary>
internal sealed class BindMountOfOrdinaryUserTests : ContainerFixture
{
    [OneTimeSetUp]
    public void NotAsRoot() => Needs.OrdinaryUser();

    [TestCase(true, MountPropagation.Private, "id-mapped-mounts")]
    [TestCase(false, MountPropagation.Shared, "shared-mounts")]
    public void Only_root_can_have_that(bool isIdMapped, MountPropagation propagation, string capability)
    {
        Assert.That(
            () => Shell("true").WithBindMount(HostDirectory, "/data", new BindMountOptions { IdMapped = isIdMapped, Propagation = propagation }).RunAsync(),
            Throws.TypeOf<HostCapabilityException>().With.Property("Capability").EqualTo(capability));
    }
}

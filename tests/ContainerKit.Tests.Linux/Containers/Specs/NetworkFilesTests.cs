namespace ContainerKit.Tests.Linux.Containers.Specs;

/// <summary>What containers on the host's network, and those without any, see of three files in /etc.</summary>
[TestFixture("overlay", UserNamespaceMode.Default)]
[TestFixture("vfs", UserNamespaceMode.Default, Category = "Modes")]
[TestFixture("aufs", UserNamespaceMode.Default)]
[TestFixture("overlay", UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture("overlay", UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class NetworkFilesTests(string driver, UserNamespaceMode userNamespace) : ContainerFixture
{
    protected override string Driver => driver;

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [Test]
    public async Task On_the_hosts_network_they_are_the_hosts_and_name_the_container()
    {
        var host = File.Exists("/etc/resolv.conf") ? await File.ReadAllTextAsync("/etc/resolv.conf") : "";

        var result = await Shell("cat /etc/resolv.conf; echo --; cat /etc/hostname; grep -c web /etc/hosts; stat -c %u:%g:%a /etc/hosts").WithNetwork(NetworkMode.Host).WithHostname("web").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo($"{host}--\nweb\n1\n0:0:644\n"));
    }

    [Test]
    public async Task They_are_no_change_of_the_container_and_in_no_image()
    {
        await using var container = await Shell("echo 192.0.2.1 there >> /etc/hosts; echo 1 > /made").WithNetwork(NetworkMode.Host).CreateAsync();
        await using (var running = await container.StartAsync())
        {
            Assert.That((await running.WaitForExitAsync()).IsSuccess);
        }

        var image = await container.CommitAsync($"committed:{TestContext.CurrentContext.Test.ID}");

        Assert.That(await Diff(container), Is.EqualTo(new[] { "A /made" }));
        Assert.That((await Host.Container(image).WithCommand("ls", "/etc").RunAsync()).StandardOutput, Is.EqualTo("group\nmotd\npasswd\n"));
    }

    [Test]
    public async Task Without_a_network_the_images_own_are_what_there_is()
    {
        var result = await Shell("ls /etc").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("group\nmotd\npasswd\n"));
    }

    [Test]
    public async Task A_command_of_a_build_can_look_names_up()
    {
        var built = await Host.BuildFrom(Tools).Run("sh", "-c", "ls /etc > /seen").BuildAsync("built:1");

        var result = await Host.Container(built).WithCommand("sh", "-c", "cat /seen; echo --; ls /etc").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("group\nhostname\nhosts\nmotd\npasswd\nresolv.conf\n--\ngroup\nmotd\npasswd\n"));
    }

    [Test]
    public async Task A_link_of_the_image_that_leads_nowhere_makes_room()
    {
        await using var linked = await Host.Container(Tools).CreateAsync();
        await linked.Files.CreateSymbolicLinkAsync("/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf");
        await linked.Files.CreateSymbolicLinkAsync("/etc/hosts", "/etc/motd");
        var image = await linked.CommitAsync($"linked:{TestContext.CurrentContext.Test.ID}");

        var result = await Host.Container(image).WithCommand("sh", "-c", "test -f /etc/resolv.conf && readlink /etc/hosts; grep -c web /etc/motd").WithNetwork(NetworkMode.Host).WithHostname("web").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("/etc/motd\n1\n"));
    }

    [Test]
    public async Task What_the_description_mounts_there_stays()
    {
        var own = Path.Combine(HostDirectory, "own-hosts");
        await File.WriteAllTextAsync(own, "own\n");

        var result = await Shell("cat /etc/hosts").WithNetwork(NetworkMode.Host).WithBindMount(own, "/etc/hosts", readOnly: true).RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("own\n"));
    }

    [Test]
    public async Task What_they_are_mounted_on_is_kept_while_a_container_stands_on_it_and_pruned_afterwards()
    {
        await Shell("true").WithNetwork(NetworkMode.Host).RunAsync();
        var before = Snapshots();
        await Host.BuildFrom(Tools).AddFile("/more", "1").BuildAsync("short:1");
        await using (var container = await Host.Container("short:1").WithCommand("true").WithNetwork(NetworkMode.Host).CreateAsync())
        {
            await Host.PruneAsync();
            await using var running = await container.StartAsync();
            Assert.That((await running.WaitForExitAsync()).IsSuccess);
        }

        Assert.That((await Host.CheckAsync()).Problems, Is.Empty);
        await Host.Images.RemoveAsync("short:1");
        await Host.Images.PruneAsync();
        await Host.PruneAsync();

        Assert.That(Snapshots(), Is.EqualTo(before));
    }
}

using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Layering;

/// <summary>Root with a user namespace: ids on disk as the image names them, ids in the kernel far from the host's own.</summary>
[TestFixture("overlay")]
[TestFixture("vfs", Category = "Modes")]
internal sealed class MappedIdsTests(string driver) : ContainerFixture
{
    protected override string? Driver => driver;

    protected override UserNamespaceMode UserNamespace => UserNamespaceMode.SubordinateIds;

    [OneTimeSetUp]
    public void OnlyAsRoot() => Needs.Root();

    [Test]
    public async Task Root_inside_is_nobody_outside()
    {
        await using var container = await Shell("touch /made; sleep 1000").StartAsync();

        var status = await File.ReadAllLinesAsync($"/proc/{container.ProcessId}/status");

        Assert.That(status.First(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[1], Is.Not.EqualTo("0"));
    }

    [Test]
    public async Task Files_of_the_image_belong_to_whom_the_image_says()
    {
        var result = await Shell("stat -c '%u:%g' /etc/motd; chown 33:33 /etc/motd; stat -c '%u:%g' /etc/motd; id -u").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("0:0\n33:33\n0\n"));
    }

    [Test]
    public async Task What_it_writes_is_owned_on_disk_by_the_ids_inside()
    {
        await using var container = await Shell("echo new > /made; chown 33:4 /made; echo more >> /etc/motd; rm /etc/group").CreateAsync();
        await using (var running = await container.StartAsync())
        {
            await running.WaitForExitAsync();
        }

        var made = await container.Files.GetMetadataAsync("/made");
        var changes = await Diff(container);

        Assert.That((made.UserId, made.GroupId), Is.EqualTo((33u, 4u)));
        Assert.That(changes, Is.EqualTo(new[] { "C /etc", "D /etc/group", "C /etc/motd", "A /made" }));
    }

    [Test]
    public async Task A_commit_runs_again_with_and_without_a_user_namespace()
    {
        await using var container = await Shell("rm /etc/motd; echo 33 > /www; chown 33:33 /www").CreateAsync();
        await using (var running = await container.StartAsync())
        {
            await running.WaitForExitAsync();
        }

        await container.CommitAsync("mapped:next");

        await using var plain = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = StoreDirectory, StorageDriver = Driver });
        foreach (var host in new[] { Host, plain })
        {
            var result = await host.Container("mapped:next").WithCommand("sh", "-c", "stat -c %u /www; ls /etc").RunAsync();
            Assert.That(result.StandardOutput, Is.EqualTo("33\ngroup\npasswd\n"));
        }
    }

    [Test]
    public async Task Files_of_a_running_container_are_written_as_its_root()
    {
        await using var container = await Shell("while ! test -s /go; do sleep 0.05; done; stat -c %u:%g /go; cat /go").StartAsync();

        await container.Container.Files.WriteAllTextAsync("/go", "went\n");

        Assert.That(await new StreamReader(container.StandardOutput).ReadToEndAsync(), Is.EqualTo("0:0\nwent\n"));
    }

    [Test]
    public async Task A_further_program_joins_as_any_user()
    {
        await using var container = await Shell("sleep 1000").StartAsync();

        var result = await container.ExecAsync(["id"], new ExecOptions { User = "www" });

        Assert.That(result.StandardOutput, Is.EqualTo("uid=33(www) gid=33(www) groups=33(www),4(adm)\n"));
    }

    [Test]
    public async Task A_source_that_only_the_hosts_root_can_get_at_is_mounted()
    {
        var closed = Directory.CreateDirectory(Path.Combine(HostDirectory, "closed"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var shown = closed.CreateSubdirectory("shown");
        await File.WriteAllTextAsync(Path.Combine(shown.FullName, "file"), "seen\n");

        var result = await Shell("cat /data/file").WithBindMount(shown.FullName, "/data", readOnly: true).RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("seen\n"));
    }
}

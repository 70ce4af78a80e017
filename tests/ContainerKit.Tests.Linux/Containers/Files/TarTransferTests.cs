using System.Formats.Tar;

namespace ContainerKit.Tests.Linux.Containers.Files;

[TestFixture("overlay", UserNamespaceMode.Default)]
[TestFixture("aufs", UserNamespaceMode.Default)]
[TestFixture("vfs", UserNamespaceMode.Default, Category = "Modes")]
[TestFixture("overlay", UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture("aufs", UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture("overlay", UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class TarTransferTests(string driver, UserNamespaceMode userNamespace) : ContainerFixture
{
    protected override string Driver => driver;

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [Test]
    public async Task A_tree_that_goes_out_and_in_again_is_the_same_tree()
    {
        await using var from = await Host.Container(Tools).CreateAsync();
        await from.Files.CreateDirectoryAsync("/root/tree/inner", 0x1E8);
        await from.Files.WriteAllTextAsync("/root/tree/file", "content");
        await from.Files.SetModeAsync("/root/tree/file", 0x9ED);
        await from.Files.SetOwnerAsync("/root/tree/file", 33, 4);
        await from.Files.SetModeAsync("/root/tree/file", 0x9ED);
        await from.Files.CreateHardLinkAsync("/root/tree/inner/name", "/root/tree/file");
        await from.Files.CreateSymbolicLinkAsync("/root/tree/link", "../../etc/motd");
        await from.Files.SetExtendedAttributeAsync("/root/tree/inner", "user.note", "text"u8.ToArray());
        await from.Files.SetTimesAsync("/root/tree/file", new UnixTime(1_000_000_000, 1), new UnixTime(1_100_000_000, 123_456_789));
        using var archive = new MemoryStream();
        await from.Files.CopyOutTarAsync("/root/tree", archive);
        archive.Position = 0;

        await using var to = await Host.Container(Tools).CreateAsync();
        await to.Files.CopyInTarAsync(archive, "/tmp");

        foreach (var path in (string[])["", "/file", "/inner", "/inner/name", "/link"])
        {
            var (before, after) = (await from.Files.GetMetadataAsync("/root/tree" + path), await to.Files.GetMetadataAsync("/tmp/tree" + path));
            Assert.That(after with { ExtendedAttributes = before.ExtendedAttributes }, Is.EqualTo(before), path);
            Assert.That(after.ExtendedAttributes.Keys, Is.EqualTo(before.ExtendedAttributes.Keys), path);
        }

        await to.Files.WriteAllTextAsync("/tmp/tree/inner/name", "changed");
        Assert.That(await to.Files.ReadAllTextAsync("/tmp/tree/file"), Is.EqualTo("changed"), "two names of one file");
    }

    [Test]
    public async Task What_is_there_is_replaced_and_directories_are_merged()
    {
        await using var container = await Host.Container(Tools).CreateAsync();
        await container.Files.DeleteAsync("/etc/group");
        var motd = await container.Files.GetMetadataAsync("/etc");

        await container.Files.CopyInTarAsync(Archive(("motd", "new\n"), ("group", "back\n"), ("deep/er/file", "1")), "/etc");

        Assert.That(await container.Files.ReadAllTextAsync("/etc/motd"), Is.EqualTo("new\n"));
        Assert.That(await container.Files.ReadAllTextAsync("/etc/group"), Is.EqualTo("back\n"));
        Assert.That(await container.Files.ReadAllTextAsync("/etc/deep/er/file"), Is.EqualTo("1"));
        Assert.That(await container.Files.ExistsAsync("/etc/passwd"), Is.True);
        Assert.That((await container.Files.GetMetadataAsync("/etc")).Mode, Is.EqualTo(motd.Mode));
        Assert.That((await Host.Container(Tools).WithCommand("cat", "/etc/motd").RunAsync()).StandardOutput, Is.EqualTo("hello from below\n"));
    }

    [Test]
    public async Task An_archive_never_leaves_the_container()
    {
        await using var container = await Host.Container(Tools).CreateAsync();
        await container.Files.CreateSymbolicLinkAsync("/tmp/out", "/../../../../../../etc");

        await container.Files.CopyInTarAsync(Archive(("file", "inside")), "/tmp/out");

        Assert.That(await container.Files.ReadAllTextAsync("/etc/file"), Is.EqualTo("inside"));
        Assert.That(File.Exists("/etc/file"), Is.False);
    }

    [Test]
    public async Task A_running_container_sees_what_comes_in_and_gives_what_it_has()
    {
        await using var container = await Shell("while ! [ -e /tmp/in/go ]; do sleep 0.01; done; echo out > /tmp/in/answer; echo done; sleep 1000").CreateAsync();
        await using var running = await container.StartAsync();

        await running.Files.CreateDirectoryAsync("/tmp/in");
        await running.Files.CopyInTarAsync(Archive(("go", "1")), "/tmp/in");
        using var output = new StreamReader(running.StandardOutput);
        Assert.That(await output.ReadLineAsync(), Is.EqualTo("done"));
        using var archive = new MemoryStream();
        await running.Files.CopyOutTarAsync("/tmp/in/answer", archive);

        archive.Position = 0;
        await using var reader = new TarReader(archive);
        var entry = (await reader.GetNextEntryAsync())!;
        Assert.That((entry.Name, new StreamReader(entry.DataStream!).ReadToEnd()), Is.EqualTo(("answer", "out\n")));
    }

    [Test]
    public async Task Times_and_targets_are_read_as_they_were_set()
    {
        await using var container = await Host.Container(Tools).CreateAsync();
        await container.Files.CreateSymbolicLinkAsync("/root/link", "nowhere");

        await container.Files.SetTimesAsync("/etc/motd", new UnixTime(5, 6), null);

        Assert.That(await container.Files.GetAccessTimeAsync("/etc/motd"), Is.EqualTo(new UnixTime(5, 6)));
        Assert.That(await container.Files.ReadSymbolicLinkAsync("/root/link"), Is.EqualTo("nowhere"));
        Assert.That(() => container.Files.ReadSymbolicLinkAsync("/etc/motd"), Throws.InstanceOf<IOException>());
    }

    private static MemoryStream Archive(params (string Name, string Content)[] files)
    {
        var archive = new MemoryStream();
        using (var writer = new TarWriter(archive, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(content)) });
            }
        }

        archive.Position = 0;
        return archive;
    }
}

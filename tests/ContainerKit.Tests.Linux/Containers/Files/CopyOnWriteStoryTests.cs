using ContainerKit.Linux;
using ContainerKit.Storage;

namespace ContainerKit.Tests.Linux.Containers.Files;

/// <summary>What it is all about: a file of an image, edited in a container.</summary>
[TestFixture("overlay", UserNamespaceMode.Default)]
[TestFixture("aufs", UserNamespaceMode.Default)]
[TestFixture("vfs", UserNamespaceMode.Default, Category = "Modes")]
[TestFixture("overlay", UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture("aufs", UserNamespaceMode.SingleId, Category = "Modes")]
internal sealed class CopyOnWriteStoryTests(string driver, UserNamespaceMode userNamespace) : ContainerFixture
{
    private const string Interfaces = "/etc/network/interfaces", Below = "auto lo\n";

    protected override string Driver => driver;

    protected override UserNamespaceMode UserNamespace => userNamespace;

    protected override bool RunsContainers => driver != "aufs";

    [Test]
    public async Task A_file_of_a_layer_is_copied_up_once_and_the_layer_stays_as_it_was()
    {
        var image = await Host.BuildFromScratch().AddFile(Interfaces, Below).AddFile("/etc/network/other", "").BuildAsync($"story:{TestContext.CurrentContext.Test.ID}");
        await using var container = await Host.Container(image).CreateAsync();
        var (upper, lower) = Branches(container.Id);
        var (lowerBefore, namesBefore) = (StatOf(lower), NamesIn(upper));

        await container.Files.WriteAllTextAsync(Interfaces, Below + "auto eth0\n");
        var afterFirst = StatOf(upper);
        await container.Files.WriteAllTextAsync(Interfaces, Below + "auto eth0\niface eth0 inet dhcp\n");

        Assert.That(await container.Files.ReadAllTextAsync(Interfaces), Is.EqualTo(Below + "auto eth0\niface eth0 inet dhcp\n"));
        Assert.That(StatOf(upper).Inode, Is.EqualTo(afterFirst.Inode), "the second edit must go to the copy that is there");
        Assert.That(StatOf(lower), Is.EqualTo(lowerBefore), "nothing of the image's may change, not even a time");
        Assert.That(await File.ReadAllTextAsync(lower + Interfaces), Is.EqualTo(Below));
        Assert.That(NamesIn(upper).Except(namesBefore), driver == "vfs" ? Is.Empty : Is.EqualTo(new[] { "/etc", "/etc/network", Interfaces }), "only what is needed is copied");
        Assert.That(await Diff(container), Is.EqualTo(new[] { "C /etc", "C /etc/network", $"C {Interfaces}" }));
    }

    private (string Upper, string Lower) Branches(string id)
    {
        var snapshots = Host.Containers.Snapshots;
        var snapshot = snapshots.TryFind(id)!;
        var upper = BranchStack.Of(snapshots.Driver, snapshot).Upper!;
        var below = snapshot.Parents.Select(parent => BranchStack.Of(snapshots.Driver, parent)).Select(stack => stack.Upper ?? stack.Lower[0]);
        return (upper, below.First(branch => File.Exists(branch + Interfaces)));
    }

    private static FileStat StatOf(string branch)
    {
        using var file = FileCalls.Local.Open(null, branch + Interfaces, OpenFlags.PathOnly, resolve: Resolve.Host);
        return FileCalls.Local.Stat(file) with { AccessTime = default };
    }

    private static string[] NamesIn(string branch) =>
    [
        .. Directory.EnumerateFileSystemEntries(branch, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
            .Select(path => path[branch.Length..])
            .Order(StringComparer.Ordinal),
    ];
}

using System.Globalization;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Layering;

[TestFixture("overlay", UserNamespaceMode.Default)]
[TestFixture("aufs", UserNamespaceMode.Default)]
[TestFixture("vfs", UserNamespaceMode.Default, Category = "Modes")]
[TestFixture("overlay", UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture("aufs", UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture("overlay", UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class ForkTests(string driver, UserNamespaceMode userNamespace) : ContainerFixture
{
    protected override string Driver => driver;

    protected override UserNamespaceMode UserNamespace => userNamespace;

    protected override bool RunsContainers => driver != "aufs";

    [Test]
    public async Task A_fork_begins_as_its_source_is_and_both_go_their_own_way()
    {
        await using var source = await Host.Container(Tools).CreateAsync();
        await source.Files.WriteAllTextAsync("/etc/motd", "common\n");

        await using var fork = await source.ForkAsync();
        await source.Files.WriteAllTextAsync("/etc/motd", "source\n");
        await fork.Files.DeleteAsync("/etc/group");

        Assert.That(await fork.Files.ReadAllTextAsync("/etc/motd"), Is.EqualTo("common\n"));
        Assert.That(await source.Files.ReadAllTextAsync("/etc/motd"), Is.EqualTo("source\n"));
        Assert.That(await source.Files.ExistsAsync("/etc/group"), Is.True);
        Assert.That(fork.ImageDigest, Is.EqualTo(source.ImageDigest));
    }

    [Test]
    public async Task A_fork_differs_from_the_image_as_its_source_did_and_not_from_what_was_frozen()
    {
        await using var source = await Host.Container(Tools).CreateAsync();
        await Change(source);
        var before = await Diff(source);
        await using var fork = await source.ForkAsync();
        await fork.Files.WriteAllTextAsync("/root/later", "1");

        Assert.That(await Diff(source), Is.EqualTo(before));
        Assert.That(await Diff(fork), Is.EqualTo(before.Append("A /root/later").OrderBy(line => line[2..], StringComparer.Ordinal)));
    }

    [Test]
    public async Task A_committed_fork_is_the_image_and_one_layer_that_holds_all()
    {
        await using var source = await Host.Container(Tools).CreateAsync();
        await Change(source);
        await using var fork = await source.ForkAsync();
        await fork.Files.CreateDirectoryAsync("/etc/new");
        await fork.Files.WriteAllTextAsync("/etc/new/file", "new");
        await fork.Files.DeleteAsync("/root/name");

        var image = await fork.CommitAsync($"forked:{TestContext.CurrentContext.Test.ID}");

        Assert.That(image.Layers, Has.Count.EqualTo(Tools.Layers.Count + 1));
        await using var again = await Host.Container(image).CreateAsync();
        Assert.That(await Listing(again, "/etc"), Is.EqualTo(await Listing(fork, "/etc")));
        Assert.That(await Listing(again, "/root"), Is.EqualTo(new[] { "linked", "note" }));
        Assert.That(await again.Files.ReadAllTextAsync("/etc/new/file"), Is.EqualTo("new"));
        Assert.That(await Listing(again, "/tmp"), Is.Empty);
    }

    [Test]
    public async Task Hard_links_within_a_frozen_layer_stay_links()
    {
        await using var source = await Host.Container(Tools).CreateAsync();
        await source.Files.WriteAllTextAsync("/root/one", "content");
        await source.Files.CreateHardLinkAsync("/root/two", "/root/one");
        await using var fork = await source.ForkAsync();
        await fork.Files.WriteAllTextAsync("/root/three", "more");

        var image = await fork.CommitAsync($"linked:{TestContext.CurrentContext.Test.ID}");

        var entries = new List<string>();
        await foreach (var entry in image.Layers[^1].EntriesAsync())
        {
            entries.Add($"{entry.Kind} {entry.Path}");
        }

        Assert.That(entries, Does.Contain("HardLink /root/two").And.Contain("Object /root/one").And.Contain("Object /root/three"));
    }

    [Test]
    public async Task Forks_of_forks_are_removed_in_any_order_and_take_what_was_frozen_along([Values("abc", "acb", "bac", "bca", "cab", "cba")] string order)
    {
        var before = Snapshots();
        var a = await Host.Container(Tools).CreateAsync();
        await a.Files.WriteAllTextAsync("/root/a", "1");
        var b = await a.ForkAsync();
        await b.Files.WriteAllTextAsync("/root/b", "2");
        var c = await b.ForkAsync();
        await c.Files.WriteAllTextAsync("/root/c", "3");
        var all = new Dictionary<char, Container> { ['a'] = a, ['b'] = b, ['c'] = c };

        foreach (var next in order)
        {
            Assert.That(await Listing(all[next], "/root"), Is.EqualTo("abc"[..(next - 'a' + 1)].Select(letter => $"{letter}")));
            await all[next].DisposeAsync();
        }

        Assert.That(Snapshots(), Is.EqualTo(before));
    }

    [Test]
    public async Task What_has_not_changed_is_forked_without_another_layer()
    {
        await using var source = await Host.Container(Tools).CreateAsync();
        await source.Files.WriteAllTextAsync("/root/a", "1");
        await using var first = await source.ForkAsync();
        var before = Snapshots().Length;

        await using var second = await source.ForkAsync();
        await using var third = await first.ForkAsync();

        Assert.That(Snapshots(), Has.Length.EqualTo(before + 2));
        Assert.That(await third.Files.ReadAllTextAsync("/root/a"), Is.EqualTo("1"));
    }

    [Test]
    public async Task A_named_fork_stays_and_a_name_is_taken_once()
    {
        await using var source = await Host.Container(Tools).WithName("stem").CreateAsync();
        await (await source.ForkAsync("branch")).DisposeAsync();

        var branch = await Host.FindContainerAsync("branch");
        Assert.That(branch, Is.Not.Null);
        Assert.That(() => source.ForkAsync("branch"), Throws.TypeOf<StorageException>().With.Message.Contains("'branch'"));
        await branch!.RemoveAsync();
        await source.RemoveAsync();
        Assert.That((await Host.CheckAsync()).Problems, Is.Empty);
    }

    [Test]
    public async Task A_store_that_is_opened_after_a_death_between_the_two_renames_gives_the_container_its_layer_back()
    {
        await using var source = await Host.Container(Tools).WithName("torn").CreateAsync();
        await source.Files.WriteAllTextAsync("/root/kept", "1");
        Tear(source.Id);

        await using var next = await OpenHost();

        await using var found = (await next.FindContainerAsync("torn"))!;
        Assert.That(await found.Files.ReadAllTextAsync("/root/kept"), Is.EqualTo("1"));
        Assert.That(await Diff(found), Is.EqualTo(new[] { "C /root", "A /root/kept" }));
        await found.RemoveAsync();
    }

    [Test]
    public async Task Who_uses_a_container_in_that_moment_waits_for_nothing()
    {
        await using var source = await Host.Container(Tools).CreateAsync();
        await source.Files.WriteAllTextAsync("/root/kept", "1");
        Tear(source.Id);

        Assert.That(await source.Files.ReadAllTextAsync("/root/kept"), Is.EqualTo("1"));
        await Host.PruneAsync();
        Assert.That(await source.Files.ReadAllTextAsync("/root/kept"), Is.EqualTo("1"));
    }

    [Test]
    public async Task A_container_that_runs_is_forked_on_aufs_alone()
    {
        await using var source = await Shell("sleep 1000").CreateAsync();
        await using var running = await source.StartAsync();

        var refused = Throws.TypeOf<HostCapabilityException>().With.Message.Contains("while it runs").And.Property("Hint").Contains("Stop it first");
        Assert.That(async () => await (await source.ForkAsync()).DisposeAsync(), driver == "aufs" ? Throws.Nothing : refused);
    }

    [Category("Slow")]
    [Test]
    public async Task Whoever_is_killed_while_he_forks_leaves_every_container_whole([Range(1, 4)] int seed)
    {
        await using var stem = await Host.Container(Tools).WithName("stem").CreateAsync();
        await stem.Files.WriteAllTextAsync("/root/count", "-1");
        using (var process = new SecondProcess(nameof(ForkForever), StoreDirectory, driver, userNamespace.ToString()))
        {
            _ = process.ReadLine();
            await Task.Delay(new Random(seed).Next(0, 300));
            process.Kill();
        }

        await using var next = await OpenHost();

        Assert.That((await next.CheckAsync()).Problems, Is.Empty);
        await foreach (var container in next.ListContainersAsync())
        {
            var count = int.Parse(await container.Files.ReadAllTextAsync("/root/count"), CultureInfo.InvariantCulture);
            Assert.That(container.Name, Is.EqualTo("stem").Or.EqualTo($"fork{count}"));
            Assert.That(await Diff(container), Is.EqualTo(new[] { "C /root", "A /root/count" }).Or.EqualTo(new[] { "C /root", "A /root/count", "A /root/next" }));
            await container.RemoveAsync();
        }

        Assert.That(Directory.GetDirectories($"{StoreDirectory}/snapshots/{driver}", ".*"), Is.Empty);
    }

    /// <summary>Forks one container again and again, and writes to it in between.</summary>
    internal static void ForkForever(string[] arguments)
    {
        var options = new ContainerHostOptions { StoreDirectory = arguments[0], StorageDriver = arguments[1], UserNamespace = Enum.Parse<UserNamespaceMode>(arguments[2]) };
        var host = ContainerHost.OpenAsync(options).GetAwaiter().GetResult();
        var stem = host.FindContainerAsync("stem").GetAwaiter().GetResult()!;
        for (var i = 0; ; i++)
        {
            // Replaced by a rename: whoever is killed while he writes in place leaves a file without content.
            stem.Files.WriteAllTextAsync("/root/next", $"{i}").GetAwaiter().GetResult();
            stem.Files.MoveAsync("/root/next", "/root/count").GetAwaiter().GetResult();
            _ = stem.ForkAsync($"fork{i}").GetAwaiter().GetResult();
            Console.WriteLine(i);
        }
    }

    // What a fork does first, and nothing of what it does next.
    private void Tear(string id)
    {
        using var lease = Host.Containers.Snapshots.Acquire(id);
        Host.Containers.Snapshots.Commit(lease, $"frozen {id} 0123456789abcdef");
    }

    private static async Task Change(Container container)
    {
        await container.Files.WriteAllTextAsync("/etc/motd", "changed\n");
        await container.Files.DeleteAsync("/etc/group");
        await container.Files.WriteAllTextAsync("/root/note", "text");
        await container.Files.WriteAllTextAsync("/root/name", "linked");
        await container.Files.CreateHardLinkAsync("/root/linked", "/root/name");
    }

    private static async Task<IReadOnlyList<string>> Listing(Container container, string path)
    {
        var names = new List<string>();
        await foreach (var entry in container.Files.ListAsync(path))
        {
            names.Add(entry.Name);
        }

        return names;
    }
}

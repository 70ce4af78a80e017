using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Volumes;

[TestFixture("overlay", UserNamespaceMode.Default)]
[TestFixture("vfs", UserNamespaceMode.Default, Category = "Modes")]
[TestFixture("aufs", UserNamespaceMode.Default)]
[TestFixture("overlay", UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture("overlay", UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class VolumeTests(string driver, UserNamespaceMode userNamespace) : VolumeFixture
{
    protected override string Driver => driver;

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [Test]
    public async Task A_volume_begins_with_what_the_image_has_there()
    {
        await using var container = await OnSite("sleep 1000").WithVolume(NewName(), "/data").StartAsync();
        await using var plain = await Host.Container(Site).CreateAsync();

        foreach (var path in (string[])["/data", "/data/file", "/data/sub", "/data/sub/again", "/data/link"])
        {
            var (image, volume) = (await plain.Files.GetMetadataAsync(path), await container.Container.Files.GetMetadataAsync(path));
            Assert.That(volume with { ExtendedAttributes = image.ExtendedAttributes }, Is.EqualTo(image), path);
            Assert.That(volume.ExtendedAttributes.Keys, Is.EqualTo(image.ExtendedAttributes.Keys), path);
        }

        var inodes = await container.ExecAsync(["stat", "-c", "%i %h", "/data/file", "/data/sub/again"]);
        Assert.That(inodes.StandardOutput.Split('\n').Distinct().Count(line => line.EndsWith(" 2", StringComparison.Ordinal)), Is.EqualTo(1), "two names of one file");
    }

    [Test]
    public async Task What_is_written_outlives_the_container_and_others_see_it()
    {
        var name = NewName();
        await OnSite("echo new > /data/new; rm /data/link").WithVolume(name, "/data").RunAsync();

        var result = await Shell("cat /other/new; ls /other").WithVolume(name, "/other").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("new\nfile\nnew\nsub\n"));
    }

    [Test]
    public async Task One_that_is_shown_read_only_is_filled_and_not_written()
    {
        var result = await OnSite("cat /data/file; touch /data/new").WithVolume(NewName(), "/data", readOnly: true).WithExitCheck(ExitCheck.None).RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("from the image\n"));
        Assert.That(result.StandardError, Does.Contain("Read-only file system"));
    }

    [Test]
    public async Task An_image_that_has_nothing_there_leaves_it_to_one_that_has()
    {
        var name = NewName();
        var first = await Shell("ls /data; stat -c %u:%g:%a /data").WithVolume(name, "/data").RunAsync();

        var second = await OnSite("cat /data/file").WithVolume(name, "/data").RunAsync();

        Assert.That(first.StandardOutput, Is.EqualTo("0:0:755\n"));
        Assert.That(second.StandardOutput, Is.EqualTo("from the image\n"));
    }

    [Test]
    public async Task One_that_a_container_has_emptied_stays_empty()
    {
        var name = NewName();
        await OnSite("rm -r /data/*").WithVolume(name, "/data").RunAsync();

        var result = await OnSite("ls /data").WithVolume(name, "/data").RunAsync();

        Assert.That(result.StandardOutput, Is.Empty);
    }

    [Test]
    public async Task A_link_of_the_image_leads_to_a_place_in_the_image()
    {
        var result = await OnSite("ls /astray /data/sub").WithVolume(NewName(), "/astray").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("/astray:\nagain\n\n/data/sub:\nagain\n"));
    }

    [Test]
    public async Task It_is_no_part_of_a_diff_and_of_no_image()
    {
        await using var container = await Shell("echo 1 > /data/file").WithVolume(NewName(), "/data").CreateAsync();
        await using (var running = await container.StartAsync())
        {
            await running.WaitForExitAsync();
        }

        var image = await container.CommitAsync($"committed:{TestContext.CurrentContext.Test.ID}");

        Assert.That(await Diff(container), Is.EqualTo(new[] { "A /data" }));
        Assert.That((await Host.Container(image).WithCommand("ls", "/data").RunAsync()).StandardOutput, Is.Empty);
    }

    [Test]
    public async Task Who_is_asked_to_remove_it_says_which_container_has_it()
    {
        var (name, container) = (NewName(), $"user-{Guid.NewGuid():N}");
        await using var stopped = await Shell("true").WithName(container).WithVolume(name, "/data").CreateAsync();

        var refusal = Assert.ThrowsAsync<StorageException>(() => Host.Volumes.RemoveAsync(name));
        var users = (await Host.Volumes.FindAsync(name))!.Containers;
        await stopped.RemoveAsync();

        Assert.That(refusal.Message, Is.EqualTo($"Cannot remove the volume '{name}': the container '{container}' has it."));
        Assert.That(users, Is.EqualTo(new[] { container }));
        Assert.That(await Host.Volumes.RemoveAsync(name), Is.True);
        Assert.That(await Host.Volumes.RemoveAsync(name), Is.False);
        Assert.That(Directory.EnumerateFileSystemEntries($"{StoreDirectory}/volumes").Where(path => Path.GetFileName(path).StartsWith('.')), Is.Empty);
    }

    [Test]
    public async Task It_has_labels_and_is_found_and_listed()
    {
        var name = NewName();
        var made = await Host.Volumes.CreateAsync(name, new Dictionary<string, string> { ["owner"] = "shop" });

        var found = await Host.Volumes.FindAsync(name);
        var listed = await Host.Volumes.ListAsync().Select(volume => volume.Name).ToListAsync();

        Assert.That(found!.Labels, Is.EqualTo(new Dictionary<string, string> { ["owner"] = "shop" }));
        Assert.That((found.HostPath, found.IsAnonymous, found.Containers), Is.EqualTo(($"{StoreDirectory}/volumes/{name}/data", false, made.Containers)));
        Assert.That(listed, Does.Contain(name));
        Assert.That(() => Host.Volumes.CreateAsync(name), Throws.TypeOf<StorageException>().With.Message.EqualTo($"Cannot make the volume '{name}': there is one of that name."));
        Assert.That(await Host.Volumes.FindAsync("no-such-volume"), Is.Null);
    }

    [Test]
    public async Task Volumes_without_a_name_go_with_the_last_container_that_has_them()
    {
        var before = await Anonymous();
        await using var source = await Shell("[ -e /data/file ] && sleep 1000; echo kept > /data/file").WithAnonymousVolume("/data").WithName($"source-{Guid.NewGuid():N}").CreateAsync();
        await using (var running = await source.StartAsync())
        {
            await running.WaitForExitAsync();
        }

        await using (var fork = await source.ForkAsync())
        {
            await source.RemoveAsync();
            await using var running = await fork.StartAsync();
            Assert.That(await Anonymous(), Has.Count.EqualTo(before.Count + 1));
            Assert.That((await running.ExecAsync(["cat", "/data/file"])).StandardOutput, Is.EqualTo("kept\n"));
        }

        Assert.That(await Anonymous(), Is.EqualTo(before));
    }

    [Test]
    public async Task A_fork_of_a_running_container_sees_the_same_volume()
    {
        Needs.That(driver == "aufs", "only a union that is served here forks while it runs");
        await using var running = await Shell("[ -e /data/file ] || echo before > /data/file; echo; sleep 1000").WithVolume(NewName(), "/data").StartAsync();
        await running.StandardOutput.ReadExactlyAsync(new byte[1]);

        await using var fork = await running.Container.ForkAsync();
        await running.ExecAsync(["sh", "-c", "echo after >> /data/file"]);
        await using var forked = await fork.StartAsync();

        Assert.That((await forked.ExecAsync(["cat", "/data/file"])).StandardOutput, Is.EqualTo("before\nafter\n"));
        Assert.That(fork.Settings.Mounts, Is.EqualTo(running.Container.Settings.Mounts));
    }

    [Test]
    public async Task The_images_own_volumes_are_made_with_a_container_and_go_with_it()
    {
        var image = await Declaring("/data/", "/var/cache");
        var before = await Anonymous();

        await using (var container = await Host.Container(image).WithCommand("sh", "-c", "cat /data/file; echo 1 > /var/cache/file").CreateAsync())
        {
            await using (var running = await container.StartAsync())
            {
                Assert.That((await running.CaptureAsync(CancellationToken.None)).StandardOutput, Is.EqualTo("from the image\n"));
            }

            Assert.That(await Anonymous(), Has.Count.EqualTo(before.Count + 2));
            Assert.That(await Diff(container), Is.EqualTo(new[] { "A /var", "A /var/cache" }));
        }

        Assert.That(await Anonymous(), Is.EqualTo(before));
    }

    [Test]
    public async Task What_is_mounted_there_takes_the_place_of_the_images_own()
    {
        var (name, image) = (NewName(), await Declaring("/data", "/cache"));
        var before = await Anonymous();

        await using var container = await Host.Container(image).WithVolume(name, "/data/").WithTmpfs("/cache").CreateAsync();
        await using var plain = await Host.Container(image).WithoutImageVolumes().CreateAsync();

        Assert.That(container.Settings.Mounts.Select(mount => (mount.Type, mount.Source)), Is.EqualTo(new[] { ("volume", name), ("tmpfs", "tmpfs") }));
        Assert.That(plain.Settings.Mounts, Is.Empty);
        Assert.That(await Anonymous(), Is.EqualTo(before));
    }

    [TestCase("/")]
    [TestCase("/proc")]
    [TestCase("relative")]
    [TestCase("/a/../../b")]
    public async Task An_image_that_wants_a_volume_where_none_can_be_is_refused(string path)
    {
        var image = await Declaring(path);

        Assert.That(() => Host.Container(image).CreateAsync(), Throws.TypeOf<ImageException>().With.Message.EndsWith($"the image wants a volume at '{path}', where nothing can be mounted."));
    }

    [Test]
    public async Task A_command_of_a_build_writes_into_the_image_and_not_into_its_volumes()
    {
        var image = await Declaring("/data");

        var built = await Host.BuildFrom(image).Run("sh", "-c", "echo built > /data/built").BuildAsync("built:1");

        Assert.That((await Host.Container(built).WithoutImageVolumes().WithCommand("cat", "/data/built").RunAsync()).StandardOutput, Is.EqualTo("built\n"));
    }

    [Test]
    public async Task Several_that_start_at_once_all_find_it_full()
    {
        for (var round = 0; round < 3; round++)
        {
            var name = NewName();

            var results = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => OnSite("ls /data; cat /data/sub/again").WithVolume(name, "/data").RunAsync()));

            Assert.That(results.Select(result => result.StandardOutput), Is.All.EqualTo("file\nlink\nsub\nfrom the image\n"));
        }
    }

    [Test]
    public async Task What_a_killed_filler_left_is_no_part_of_it()
    {
        var name = NewName();
        await Host.Volumes.CreateAsync(name);
        Directory.CreateDirectory($"{StoreDirectory}/volumes/{name}/.fill/half");

        var result = await OnSite("ls /data").WithVolume(name, "/data").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("file\nlink\nsub\n"));
        Assert.That(Directory.Exists($"{StoreDirectory}/volumes/{name}/.fill"), Is.False);
    }

    [Test]
    public async Task Shorter_paths_are_mounted_first()
    {
        Directory.CreateDirectory(Path.Combine(HostDirectory, "inner"));
        await File.WriteAllTextAsync(Path.Combine(HostDirectory, "inner", "seen"), "");

        var result = await Shell("ls /outer/inner; ls /outer").WithBindMount(Path.Combine(HostDirectory, "inner"), "/outer/inner").WithVolume(NewName(), "/outer").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("seen\ninner\n"));
    }

    [Test]
    public async Task The_store_says_what_volumes_take_and_which_are_lost()
    {
        var name = NewName();
        await using var container = await Shell("dd if=/dev/zero of=/data/zeros bs=1024 count=100 2> /dev/null").WithName(NewName()).WithVolume(name, "/data").CreateAsync();
        await using (var running = await container.StartAsync())
        {
            await running.WaitForExitAsync();
        }

        var usage = (await Host.GetDiskUsageAsync()).Volumes.Single(volume => volume.Name == name);
        var check = await Host.CheckAsync();
        await container.RemoveAsync();
        File.Delete($"{StoreDirectory}/volumes/{name}/volume.json");
        var problems = (await Host.CheckAsync()).Problems;
        Directory.Delete($"{StoreDirectory}/volumes/{name}", recursive: true);

        Assert.That((usage.Bytes, usage.Containers), Is.EqualTo((usage.Bytes, 1)));
        Assert.That(usage.Bytes, Is.InRange(102_400, 140_000));
        Assert.That((check.Problems, check.Volumes), Is.EqualTo((Array.Empty<string>(), await Host.Volumes.ListAsync().CountAsync() + 1)));
        Assert.That(problems, Is.EqualTo(new[] { $"The volume '{name}' has lost its record." }));
    }

    [TestCase("../x")]
    [TestCase(".hidden")]
    [TestCase("")]
    [TestCase("a/b")]
    public void What_is_no_name_is_refused(string name)
    {
        Assert.That(() => Shell("true").WithVolume(name, "/data"), Throws.ArgumentException);
        Assert.That(() => Host.Volumes.CreateAsync(name), Throws.ArgumentException);
    }

    private async Task<Image> Declaring(params string[] paths)
    {
        // No builder makes such an image: it comes in as others make it.
        var catalog = Host.Images.Catalog;
        using var lease = catalog.Lease(CancellationToken.None);
        var layers = Site.Layers.Select(layer => new ContainerKit.Images.StoredLayer(layer.Descriptor, layer.DiffId)).ToArray();
        return await Task.FromResult(catalog.CreateImage(lease, Site.Config with { Volumes = paths }, layers, ImageReference.Parse($"declaring:{Guid.NewGuid():N}"), CancellationToken.None));
    }

    private async Task<List<string>> Anonymous() =>
        await Host.Volumes.ListAsync().Where(volume => volume.IsAnonymous).Select(volume => volume.Name).ToListAsync();
}

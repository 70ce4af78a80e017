using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Volumes;

/// <summary>Volumes of containers that outlive their host, of hosts that are killed, and of several hosts at once.</summary>
internal sealed class VolumeLifeTests : VolumeFixture
{
    private static readonly StartOptions Detached = new() { Detached = true };

    [Test]
    public async Task A_detached_container_keeps_its_volume_as_it_is()
    {
        var (name, container) = (NewName(), NewName());
        await using (var other = await OpenHost())
        {
            await using var running = await other.Container("tools:1").WithCommand("sh", "-c", "sleep 1000").WithName(container).WithVolume(name, "/data").StartAsync(Detached);
        }

        // It runs, and its image has nothing for the volume: it must not be exchanged under it.
        var second = await OnSite("ls /data; echo written > /data/file").WithVolume(name, "/data").RunAsync();
        await using var found = (await Host.FindContainerAsync(container))!;
        await using var attached = await found.AttachAsync();

        Assert.That(second.StandardOutput, Is.Empty);
        Assert.That((await attached.ExecAsync(["cat", "/data/file"])).StandardOutput, Is.EqualTo("written\n"));
        await found.RemoveAsync(force: true);
        Assert.That(await Host.Volumes.RemoveAsync(name), Is.True);
    }

    [Test]
    public async Task A_container_that_is_started_again_has_what_it_left()
    {
        await using var container = await OnSite("echo run >> /data/runs; cat /data/runs").WithName(NewName()).WithVolume(NewName(), "/data").CreateAsync();
        var outputs = new List<string>();
        for (var i = 0; i < 2; i++)
        {
            await using var running = await container.StartAsync();
            outputs.Add((await running.CaptureAsync(CancellationToken.None)).StandardOutput);
        }

        await container.RemoveAsync();
        Assert.That(outputs, Is.EqualTo(new[] { "run\n", "run\nrun\n" }));
    }

    [Category("Slow")]
    [Test]
    public async Task Kill_minus_nine_leaves_it_unfilled_or_whole([Range(1, 5)] int seed)
    {
        await MakeLarge();
        var name = NewName();
        using (var filler = new SecondProcess(nameof(FillOnce), StoreDirectory, name))
        {
            Assert.That(filler.ReadLine(), Is.EqualTo("starting"));
            await Task.Delay(new Random(seed).Next(0, 400));
            filler.Kill();
        }

        await using var next = await OpenHost();
        var result = await next.Container("large:1").WithCommand("sh", "-c", "ls /data | grep -c .; cat /data/1999").WithVolume(name, "/data").RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("2000\ncontent\n"));
        Assert.That(Directory.EnumerateFileSystemEntries($"{StoreDirectory}/volumes/{name}").Select(Path.GetFileName), Is.EquivalentTo(new[] { "data", "filled", "volume.json" }));
    }

    [Test]
    public async Task What_a_killed_process_left_half_made_or_without_a_container_is_swept()
    {
        var (kept, orphan) = (NewName(), $"{Guid.NewGuid():N}{Guid.NewGuid():N}");
        await Host.Volumes.CreateAsync(kept);
        await using var user = await Shell("true").WithName(NewName()).WithVolume(orphan, "/data").CreateAsync();
        Directory.CreateDirectory($"{StoreDirectory}/volumes/.new-1/data");
        Directory.CreateDirectory($"{StoreDirectory}/volumes/.rm-1/data/inner");

        await using (var next = await OpenHost())
        {
            Assert.That(await next.Volumes.FindAsync(orphan), Is.Not.Null);
        }

        Directory.Delete($"{StoreDirectory}/containers/{user.Id}", recursive: true);
        await using var last = await OpenHost();

        Assert.That(await last.Volumes.FindAsync(orphan), Is.Null);
        Assert.That(await last.Volumes.FindAsync(kept), Is.Not.Null);
        Assert.That(Directory.EnumerateFileSystemEntries($"{StoreDirectory}/volumes").Where(path => Path.GetFileName(path).StartsWith('.')), Is.Empty);
    }

    [Test]
    public async Task Pruning_takes_those_without_a_container_and_named_ones_only_when_told()
    {
        var (used, unused) = (NewName(), NewName());
        await Host.Volumes.CreateAsync(unused);
        await using var user = await Shell("true").WithVolume(used, "/data").CreateAsync();

        var first = await Host.Volumes.PruneAsync();
        var second = await Host.Volumes.PruneAsync(all: true);

        Assert.That(first, Is.Empty);
        Assert.That(second, Does.Contain(unused).And.Not.Contain(used));
        Assert.That(await Host.Volumes.FindAsync(used), Is.Not.Null);
    }

    [Test]
    public async Task Containers_are_made_while_others_remove_the_volume_and_none_loses_it()
    {
        var name = NewName();
        using var done = new CancellationTokenSource();
        var remover = Task.Run(async () =>
        {
            var removed = 0;
            while (!done.IsCancellationRequested)
            {
                try
                {
                    removed += await Host.Volumes.RemoveAsync(name) ? 1 : 0;
                }
                catch (StorageException e) when (e.Message.Contains("has it", StringComparison.Ordinal) || e.Message.Contains("just now", StringComparison.Ordinal))
                {
                    await Task.Yield();
                }
            }

            return removed;
        });
        for (var i = 0; i < 15; i++)
        {
            await OnSite("cat /data/file").WithVolume(name, "/data").RunAsync();
        }

        await done.CancelAsync();

        Assert.That(await remover, Is.Positive);
    }

    [Test]
    public async Task Files_of_another_user_namespace_are_not_read_wrong()
    {
        var name = NewName();
        await Host.Volumes.CreateAsync(name);
        await using var single = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = StoreDirectory, UserNamespace = UserNamespaceMode.SingleId });

        Assert.That(
            () => single.Container("tools:1").WithCommand("true").WithVolume(name, "/data").RunAsync(),
            Throws.TypeOf<StorageException>().With.Message.EqualTo($"Cannot use the volume '{name}': its files were written for another user namespace, and would be read wrong."));
    }

    [Test]
    public async Task Roots_containers_share_one_with_and_without_a_user_namespace()
    {
        Needs.Root();
        Needs.SubordinateIds();
        var name = NewName();
        await using var mapped = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = StoreDirectory, UserNamespace = UserNamespaceMode.SubordinateIds });

        var first = await mapped.Container("site:1").WithCommand("sh", "-c", "stat -c %u:%g /data/file; touch /data/www; chown 33:33 /data/www").WithVolume(name, "/data").RunAsync();
        var second = await Shell("stat -c %u:%g /data/file /data/www").WithVolume(name, "/data").RunAsync();

        Assert.That((first.StandardOutput, second.StandardOutput), Is.EqualTo(("33:4\n", "33:4\n33:33\n")));
        Assert.That(Support.Shell.Run("stat", "-c", "%u", $"{StoreDirectory}/volumes/{name}/data/www"), Is.EqualTo("33"));
    }

    /// <summary>Starts a container that fills a volume.</summary>
    internal static void FillOnce(string[] arguments)
    {
        var host = ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = arguments[0] }).GetAwaiter().GetResult();
        var container = host.Container("large:1").WithCommand("true").WithVolume(arguments[1], "/data").CreateAsync().GetAwaiter().GetResult();
        Console.WriteLine("starting");
        _ = container.StartAsync().GetAwaiter().GetResult();
        Thread.Sleep(Timeout.Infinite);
    }

    private async Task MakeLarge()
    {
        if (await Host.Images.FindAsync("large:1") is not null)
        {
            return;
        }

        var directory = Directory.CreateDirectory(Path.Combine(HostDirectory, "large")).FullName;
        for (var i = 0; i < 2000; i++)
        {
            await File.WriteAllTextAsync(Path.Combine(directory, $"{i}"), "content\n");
        }

        await Host.BuildFrom(Tools).AddDirectory(directory, "/data").BuildAsync("large:1");
    }
}

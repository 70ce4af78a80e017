using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers;

[TestFixture("overlay", UserNamespaceMode.Default)]
[TestFixture("aufs", UserNamespaceMode.Default)]
[TestFixture("vfs", UserNamespaceMode.Default, Category = "Modes")]
[TestFixture("aufs", UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture("aufs", UserNamespaceMode.SubordinateIds, Category = "Modes")]
[TestFixture("overlay", UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture("overlay", UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class ContainerTests(string driver, UserNamespaceMode userNamespace) : ContainerFixture
{
    protected override string Driver => driver;

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [Test]
    public async Task A_lock_from_before_the_first_write_excludes_those_who_open_the_file_to_write()
    {
        Needs.Program("flock");
        var tools = await Host.BuildFromScratch().AddHostProgram("sh", "flock").AddFile("/etc/motd", "lower\n").WithCommand("/bin/sh")
            .BuildAsync($"locks:{TestContext.CurrentContext.Test.ID}");

        var result = await Host.Container(tools).WithCommand("sh", "-c", """
            exec 3< /etc/motd; flock -x 3
            (exec 4<> /etc/motd; flock -xn 4 && echo both || echo excluded)
            echo upper >> /etc/motd
            (exec 4<> /etc/motd; flock -xn 4 && echo both || echo excluded)
            """).RunAsync();

        Assert.That(result.StandardOutput, Is.EqualTo("excluded\nexcluded\n"));
    }

    [Test]
    public async Task A_running_container_is_removed_by_force_whoever_holds_it()
    {
        var own = await Shell("sleep 1000").WithName("own").CreateAsync();
        await using var ownRun = await own.StartAsync();
        await using var others = await Shell("sleep 1000").WithName("others").StartAsync();
        var found = (await Host.FindContainerAsync("others"))!;

        await own.RemoveAsync(force: true);
        await found.RemoveAsync(force: true);

        Assert.That((await ownRun.WaitForExitAsync()).Signal, Is.EqualTo(9));
        Assert.That((await others.WaitForExitAsync()).Signal, Is.EqualTo(9));
        Assert.That(await Host.FindContainerAsync("own"), Is.Null);
        Assert.That(await Host.FindContainerAsync("others"), Is.Null);
    }

    [Test]
    public async Task One_that_does_not_run_or_is_gone_is_removed_by_force_as_well()
    {
        var container = await Shell("true").WithName("idle").CreateAsync();

        await container.RemoveAsync(force: true);
        await container.RemoveAsync(force: true);

        Assert.That(await Host.FindContainerAsync("idle"), Is.Null);
    }

    [Test]
    public async Task A_file_of_the_longest_name_is_deleted_and_the_image_still_good()
    {
        // AUFS keeps room for a prefix of its own before every name.
        var name = "/" + new string('n', Host.StorageDriver == "aufs" ? 242 : 255);
        await using var whole = await Host.Container(Tools).CreateAsync();
        await whole.Files.WriteAllTextAsync(name, "long");
        await using var container = await Host.Container(await whole.CommitAsync("long:1")).CreateAsync();
        await container.Files.DeleteAsync(name);

        await using var without = await Host.Container(await container.CommitAsync("long:2")).CreateAsync();

        Assert.That(await without.Files.ExistsAsync(name), Is.False);
    }

    [Test]
    public async Task Containers_of_new_images_are_made_beside_somebody_who_prunes()
    {
        using var enough = new CancellationTokenSource();
        var pruning = Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                await Host.PruneAsync();
            }
        });
        try
        {
            await Parallel.ForAsync(0, 40, async (i, token) =>
            {
                var image = await Host.BuildFromScratch().AddFile("/n", $"{i}").BuildAsync($"beside:{i}", cancellationToken: token);
                await using (var container = await Host.Container(image).CreateAsync(token))
                {
                    Assert.That(await container.Files.ReadAllTextAsync("/n", token), Is.EqualTo($"{i}"));
                }

                await Host.Images.RemoveAsync($"beside:{i}", token);
            });
        }
        finally
        {
            await enough.CancelAsync();
            await pruning;
        }
    }

    [Test]
    public async Task A_file_of_the_image_is_copied_up_by_an_edit_and_stays_below_as_it_was()
    {
        await using var container = await Host.Container(Tools).CreateAsync();

        await container.Files.WriteAllTextAsync("/etc/motd", "edited\n");

        Assert.That(await container.Files.ReadAllTextAsync("/etc/motd"), Is.EqualTo("edited\n"));
        Assert.That((await Host.Container(Tools).WithCommand("cat", "/etc/motd").RunAsync()).StandardOutput, Is.EqualTo("hello from below\n"));
    }

    [Test]
    public async Task What_is_written_in_process_is_what_the_program_sees_and_the_other_way_round()
    {
        await using var container = await Shell("cat /etc/motd; echo from inside > /etc/motd").CreateAsync();
        await container.Files.WriteAllTextAsync("/etc/motd", "from outside\n");

        await using (var running = await container.StartAsync())
        {
            using var output = new StreamReader(running.StandardOutput);
            Assert.That(await output.ReadToEndAsync(), Is.EqualTo("from outside\n"));
            await running.WaitForExitAsync();
        }

        Assert.That(await container.Files.ReadAllTextAsync("/etc/motd"), Is.EqualTo("from inside\n"));
    }

    [Test]
    public async Task A_running_container_sees_an_edit_at_once()
    {
        await using var container = await Shell("while ! [ -e /tmp/go ]; do sleep 0.01; done; cat /tmp/go").CreateAsync();
        await using var running = await container.StartAsync();

        await running.Files.WriteAllTextAsync("/tmp/going", "seen");
        await running.Files.MoveAsync("/tmp/going", "/tmp/go");

        using var output = new StreamReader(running.StandardOutput);
        Assert.That(await output.ReadToEndAsync(), Is.EqualTo("seen"));
    }

    [Test]
    public async Task The_difference_is_typed_and_in_path_order()
    {
        await using var container = await Host.Container(Tools).CreateAsync();
        await container.Files.WriteAllTextAsync("/etc/motd", "longer than it was before\n");
        await container.Files.WriteAllTextAsync("/etc/new", "new");
        await container.Files.DeleteAsync("/etc/group");

        Assert.That(await Diff(container), Is.EqualTo(new[] { "C /etc", "D /etc/group", "C /etc/motd", "A /etc/new" }));
    }

    [Test]
    public async Task A_difference_tells_before_and_after()
    {
        await using var container = await Host.Container(Tools).CreateAsync();
        await container.Files.SetModeAsync("/etc/motd", 0x180);

        var changes = new List<FileChange>();
        await foreach (var change in container.DiffAsync())
        {
            changes.Add(change);
        }

        var motd = changes.Single(change => change.Path == "/etc/motd");
        Assert.That((motd.Before!.Mode, motd.After!.Mode, motd.After.Size), Is.EqualTo((0x1A4, 0x180, 17)));
    }

    [Test]
    public async Task A_commit_makes_an_image_that_runs_and_leaves_the_old_one_alone()
    {
        await using var container = await Shell("echo more >> /etc/motd; rm /etc/group; mkdir -p /srv/site; ln -s site /srv/link; echo page > /srv/site/index").CreateAsync();
        await using (var running = await container.StartAsync())
        {
            await running.WaitForExitAsync();
        }

        var committed = await container.CommitAsync("tools:2");

        var result = await Host.Container(committed).WithCommand("sh", "-c", "cat /etc/motd /srv/link/index; ls /etc").RunAsync();
        Assert.That(result.StandardOutput, Is.EqualTo("hello from below\nmore\npage\nmotd\npasswd\n"));
        Assert.That(committed.Layers, Has.Count.EqualTo(Tools.Layers.Count + 1));
        Assert.That((await Host.Container("tools:1").WithCommand("ls", "/etc").RunAsync()).StandardOutput, Is.EqualTo("group\nmotd\npasswd\n"));
    }

    [Test]
    public async Task A_running_container_is_compared_and_committed_while_it_pauses()
    {
        await using var container = await Shell("echo x > /tmp/made; echo ready; while true; do sleep 0.01; done").CreateAsync();
        await using var running = await container.StartAsync();
        using var output = new StreamReader(running.StandardOutput);
        await output.ReadLineAsync();

        Assert.That(await Diff(container), Is.EqualTo(new[] { "C /tmp", "A /tmp/made" }));
        var committed = await container.CommitAsync($"while-running:{driver}");

        Assert.That((await Host.Container(committed).WithCommand("cat", "/tmp/made").RunAsync()).StandardOutput, Is.EqualTo("x\n"));
        Assert.That((await running.ExecAsync(["cat", "/tmp/made"])).StandardOutput, Is.EqualTo("x\n"));
    }

    [Test]
    public async Task Deep_commits_stack_up_and_each_sees_all_below()
    {
        var image = Tools;
        for (var i = 0; i < 5; i++)
        {
            await using var container = await Host.Container(image).CreateAsync();
            await container.Files.WriteAllTextAsync($"/tmp/{i}", "");
            await container.Files.WriteAllTextAsync("/tmp/last", $"{i}");
            image = await container.CommitAsync($"deep:{i}");
        }

        Assert.That((await Host.Container(image).WithCommand("sh", "-c", "ls /tmp; cat /tmp/last").RunAsync()).StandardOutput, Is.EqualTo("0\n1\n2\n3\n4\nlast\n4"));
    }

    [Test]
    public async Task A_named_container_is_found_by_another_host_and_keeps_its_files()
    {
        await using (var container = await Shell("cat /etc/motd").WithName("kept").CreateAsync())
        {
            await container.Files.WriteAllTextAsync("/etc/motd", "kept\n");
        }

        await using var other = await OpenHost();
        await using var found = await other.FindContainerAsync("kept");
        await using (var running = await found!.StartAsync())
        {
            using var output = new StreamReader(running.StandardOutput);
            Assert.That(await output.ReadToEndAsync(), Is.EqualTo("kept\n"));
        }

        await found.RemoveAsync();
        Assert.That(await other.FindContainerAsync("kept"), Is.Null);
    }

    [Test]
    public async Task A_name_can_be_given_once()
    {
        await using var first = await Host.Container(Tools).WithName("once").CreateAsync();

        Assert.That(() => Host.Container(Tools).WithName("once").CreateAsync(), Throws.TypeOf<StorageException>().With.Message.Contains("once"));
        await first.RemoveAsync();
    }

    [Test]
    public async Task An_unnamed_container_leaves_nothing_behind()
    {
        var before = Directory.GetFileSystemEntries(StoreDirectory, "*", SearchOption.AllDirectories).Length;

        await Shell("touch /somewhere").RunAsync();

        Assert.That(Directory.GetFileSystemEntries(StoreDirectory, "*", SearchOption.AllDirectories), Has.Length.EqualTo(before));
    }

    [Test]
    public async Task A_running_container_can_neither_be_removed_nor_started_again()
    {
        await using var container = await Shell("sleep 1000").WithName("busy").CreateAsync();
        await using (await container.StartAsync())
        {
            Assert.That(() => container.RemoveAsync(), Throws.TypeOf<StorageException>().With.Message.Contains("running"));
            Assert.That(() => container.StartAsync(), Throws.TypeOf<StorageException>());
        }

        await container.RemoveAsync();
    }

    [Test]
    public async Task Paths_never_lead_out_of_the_container()
    {
        await using var container = await Host.Container(Tools).CreateAsync();
        await container.Files.CreateSymbolicLinkAsync("/tmp/out", "../../../../../../../../../etc/hostname-of-the-host");
        await container.Files.CreateSymbolicLinkAsync("/tmp/etc", "/etc");

        await container.Files.WriteAllTextAsync("/tmp/etc/written", "inside");

        Assert.That(await container.Files.ReadAllTextAsync("/etc/written"), Is.EqualTo("inside"));
        Assert.That(() => container.Files.ReadAllTextAsync("/tmp/out"), Throws.TypeOf<FileNotFoundException>());
        Assert.That(File.Exists("/etc/written"), Is.False);
    }

    [Test]
    public async Task A_named_container_that_was_to_go_at_its_end_goes_then_and_not_before()
    {
        var name = $"short-{driver}";
        var description = Shell("echo over").WithName(name).WithAutoRemove();
        await using (var made = await description.CreateAsync())
        {
            await made.Files.WriteAllTextAsync("/etc/motd", "changed\n");
        }

        await using (var found = await Host.FindContainerAsync(name))
        {
            await using var running = await found!.StartAsync();
            Assert.That((await running.WaitForExitAsync()).IsSuccess);
            Assert.That(await found.Files.ReadAllTextAsync("/etc/motd"), Is.EqualTo("changed\n"));
        }

        Assert.That(await Host.FindContainerAsync(name), Is.Null);
    }

    [Test]
    public async Task Trees_are_copied_in_and_out()
    {
        var source = Path.Combine(HostDirectory, $"in-{driver}");
        Directory.CreateDirectory(Path.Combine(source, "deep"));
        File.WriteAllText(Path.Combine(source, "deep", "file"), "content");
        File.CreateSymbolicLink(Path.Combine(source, "link"), "deep/file");
        await using var container = await Host.Container(Tools).CreateAsync();

        await container.Files.CopyInAsync(source, "/srv");
        await container.Files.CopyOutAsync("/srv", Path.Combine(HostDirectory, $"out-{driver}"));

        Assert.That(await container.Files.ReadAllTextAsync("/srv/link"), Is.EqualTo("content"));
        Assert.That(File.ReadAllText(Path.Combine(HostDirectory, $"out-{driver}", "deep", "file")), Is.EqualTo("content"));
        Assert.That(new FileInfo(Path.Combine(HostDirectory, $"out-{driver}", "link")).LinkTarget, Is.EqualTo("deep/file"));
    }

    [Test]
    public async Task Names_of_any_bytes_are_copied_in_and_out()
    {
        var (source, target) = (Path.Combine(HostDirectory, $"in-{Guid.NewGuid():N}"), Path.Combine(HostDirectory, $"out-{Guid.NewGuid():N}"));
        Support.Shell.Script("""mkdir -p "$1"/$'\xfe dir\n'; cd "$1"; echo 1 > $'\xff'; echo 2 > $'\xfe dir\n'/$'caf\xe9 \xc3\xa9'; ln -s $'to \xff' $'\xfd'; chmod 4750 $'\xff'; chmod 500 $'\xfe dir\n'""", source);
        await using var container = await Host.Container(Tools).CreateAsync();

        await container.Files.CopyInAsync(source, "/srv");
        var mode = (await container.Files.GetMetadataAsync("/srv/\udcff")).Mode;
        await container.Files.CopyOutAsync("/srv", target);

        Assert.That(mode, Is.EqualTo(Convert.ToInt32("4750", 8)));
        Support.Shell.Script("""chmod 750 "$1"/$'\xff'""", source);
        Assert.That(TreeListing.Of(target), Is.EqualTo(TreeListing.Of(source)));
    }

    [Test]
    public async Task Fifos_and_hard_links_are_copied_sockets_are_left_out_and_what_is_not_there_is_named()
    {
        var (source, target) = (Path.Combine(HostDirectory, $"in-{Guid.NewGuid():N}"), Path.Combine(HostDirectory, $"out-{Guid.NewGuid():N}"));
        Support.Shell.Script("""mkdir "$1"; mkfifo -m 640 "$1/pipe"; echo 1 > "$1/file"; ln "$1/file" "$1/same" """, source);
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(Path.Combine(source, "socket")));
        await using var container = await Host.Container(Tools).WithCommand("sh", "-c", "cd /srv; ls; stat -c '%F %a' pipe; echo more >> same; cat file").CreateAsync();

        await container.Files.CopyInAsync(source, "/srv");
        await using (var running = await container.StartAsync())
        {
            var lines = await running.ReadLinesAsync().Select(line => line.Content).ToArrayAsync();
            Assert.That(lines, Is.EqualTo(new[] { "file", "pipe", "same", "fifo 640", "1", "more" }));
        }

        await container.Files.CopyOutAsync("/srv", target);
        Assert.That(Support.Shell.Run("stat", "-c", "%F %a", $"{target}/pipe", $"{target}/same"), Is.EqualTo("fifo 640\nregular file 644"));
        Assert.That(() => container.Files.CopyInAsync(source + "/absent", "/srv/x"), Throws.TypeOf<FileNotFoundException>().With.Message.Contains("absent' on the host"));
    }

    [Test]
    public async Task An_open_stream_keeps_what_is_not_overwritten()
    {
        await using var container = await Host.Container(Tools).CreateAsync();

        await using (var stream = await container.Files.OpenWriteAsync("/etc/motd"))
        {
            await stream.WriteAsync("HELLO"u8.ToArray());
        }

        Assert.That(await container.Files.ReadAllTextAsync("/etc/motd"), Is.EqualTo("HELLO from below\n"));
    }

    [Test]
    public async Task Files_that_are_not_there_fail_as_files_of_dotnet_do()
    {
        await using var container = await Host.Container(Tools).CreateAsync();

        Assert.That(() => container.Files.ReadAllTextAsync("/nothing"), Throws.TypeOf<FileNotFoundException>());
        Assert.That(() => container.Files.ReadAllTextAsync("/etc/motd/below"), Throws.TypeOf<DirectoryNotFoundException>());
        Assert.That(() => container.Files.ReadAllTextAsync("relative"), Throws.ArgumentException);
    }
}

namespace ContainerKit.Tests.Linux.Containers.Build;

/// <summary>Layers that are made by running a command.</summary>
[TestFixture("overlay", UserNamespaceMode.Default)]
[TestFixture("aufs", UserNamespaceMode.Default)]
[TestFixture("vfs", UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture("overlay", UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class BuildRunTests(string driver, UserNamespaceMode userNamespace) : ContainerFixture
{
    protected override string Driver => driver;

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [Test]
    public async Task What_a_command_changes_is_a_layer()
    {
        var image = await Host.BuildFrom(Tools)
            .Run("sh", "-c", "echo made > /made; rm /etc/motd; chmod 700 /etc/group")
            .AddFile("/after", "after\n")
            .Run("sh", "-c", "cat /made /after > /both")
            .BuildAsync("run:1");

        var entries = await image.Layers[^3].EntriesAsync().Select(entry => entry.Path).ToListAsync();
        Assert.That(image.Layers, Has.Count.EqualTo(Tools.Layers.Count + 3));
        Assert.That(entries, Is.EquivalentTo(new[] { "/", "/made", "/etc", "/etc/motd", "/etc/group" }));
        Assert.That(image.Config.History[^1].CreatedBy, Is.EqualTo("Run sh -c cat /made /after > /both"));
        Assert.That(await Output(image, "sh", "-c", "cat /both; ls /etc"), Is.EqualTo("made\nafter\ngroup\npasswd\n"));
        Assert.That(await Output(image, "stat", "-c", "%a", "/etc/group"), Is.EqualTo("700\n"));
    }

    [Test]
    public async Task It_runs_with_what_was_set_before_it_and_without_the_entrypoint()
    {
        var image = await Host.BuildFrom(Tools)
            .WithEnvironment("COLOUR", "red").WithWorkingDirectory("/tmp").WithEntrypoint("/no/such/program")
            .Run("sh", "-c", "echo $COLOUR $(id -u) > here")
            .WithEnvironment("COLOUR", "blue").WithCommand("later")
            .BuildAsync("run:2");

        await using var container = await Host.Container(image).CreateAsync();
        Assert.That(await container.Files.ReadAllTextAsync("/tmp/here"), Is.EqualTo("red 0\n"));
        Assert.That(image.Config.Entrypoint, Is.EqualTo(new[] { "/no/such/program" }));
        Assert.That(image.Config.Command, Is.EqualTo(new[] { "later" }));
        Assert.That(image.Config.Environment, Does.Contain("COLOUR=blue").And.Not.Contain("COLOUR=red"));
    }

    [Test]
    public async Task It_sees_the_host_s_network_unless_told_otherwise()
    {
        const string Interfaces = "cat /proc/net/dev > /interfaces";
        var image = await Host.BuildFrom(Tools)
            .Run("sh", "-c", Interfaces)
            .WithNetwork(NetworkMode.None)
            .Run("sh", "-c", "cat /interfaces > /hosts; " + Interfaces)
            .BuildAsync("run:3");

        await using var container = await Host.Container(image).CreateAsync();
        Assert.That(Names(await container.Files.ReadAllTextAsync("/hosts")), Is.EqualTo(Names(await File.ReadAllTextAsync("/proc/net/dev"))));
        Assert.That(Names(await container.Files.ReadAllTextAsync("/interfaces")), Does.Contain("lo"));
        Assert.That(await container.Files.ReadAllTextAsync("/interfaces"), Is.Not.EqualTo(await container.Files.ReadAllTextAsync("/hosts")));

        // The bridges of other tests come and go meanwhile.
        static IEnumerable<string> Names(string table) => table.Split('\n').Skip(2).Where(line => line.Length > 0).Select(line => line.Split(':')[0].Trim()).Where(name => !name.StartsWith("ck", StringComparison.Ordinal)).Order();
    }

    [Test]
    public async Task One_that_fails_says_what_it_wrote_last_and_leaves_nothing()
    {
        var images = await Host.Images.ListAsync().CountAsync();

        var failure = Assert.ThrowsAsync<CommandFailedException>(() => Host.BuildFrom(Tools)
            .Run("sh", "-c", "dd if=/dev/zero bs=100000 count=3 2>/dev/null | tr '\\0' x; echo; echo out; echo 'no such package' >&2; exit 100")
            .BuildAsync("run:4"));

        Assert.That(failure.Result.ExitStatus.ExitCode, Is.EqualTo(100));
        Assert.That(failure.Message, Does.Contain("no such package"));
        Assert.That(failure.Result.StandardOutput, Has.Length.EqualTo(64 << 10).And.EndsWith("x\nout\n"));
        Assert.That(await Host.Images.FindAsync("run:4"), Is.Null);
        Assert.That(await Host.Images.ListAsync().CountAsync(), Is.EqualTo(images));
        Assert.That(Directory.GetDirectories(Path.Combine(StoreDirectory, "containers")), Is.Empty);
        Assert.That((await Host.CheckAsync()).Problems, Is.Empty);
    }

    [Test]
    public void A_cancelled_one_ends_its_program()
    {
        using var cancellation = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));

        Assert.That(
            () => Host.BuildFrom(Tools).Run("sleep", "4242").BuildAsync("run:5", cancellationToken: cancellation.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(() => Support.Shell.Try("pgrep", "-f", "^sleep 4242").Output, Is.Empty.After(5_000, 50));
    }

    private async Task<string> Output(Image image, params string[] command) => (await Host.Container(image).WithCommand(command).RunAsync()).StandardOutput;
}

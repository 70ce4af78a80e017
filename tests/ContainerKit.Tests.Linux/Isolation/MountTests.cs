using ContainerKit.Isolation;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Isolation;

public sealed class MountTests
{
    private Sandbox _sandbox = null!;
    private TemporaryDirectory _host = null!;

    [SetUp]
    public void MakeSandbox()
    {
        _host = new TemporaryDirectory();
        _sandbox = new Sandbox();
    }

    [TearDown]
    public void RemoveSandbox()
    {
        _sandbox?.Dispose();
        _host.Dispose();
    }

    [Test]
    public async Task A_directory_of_the_host_is_shown_and_written_through()
    {
        _host.Write("shared/file", "from the host");

        var result = await RunAsync("cat /a/b/c/file; echo back > /a/b/c/new", new Mount("bind", _host["shared"], "/a/b/c", ["rbind", "rw"]));

        Assert.That(result.Output, Is.EqualTo("from the host"));
        Assert.That(await File.ReadAllTextAsync(_host["shared/new"]), Is.EqualTo("back\n"));
    }

    [Test]
    public async Task A_single_file_is_shown_under_a_name_that_need_not_exist()
    {
        _host.Write("file", "content");

        var result = await RunAsync("cat /new/name /etc/passwd", new Mount("bind", _host["file"], "/new/name", []), new Mount("bind", _host["file"], "/etc/passwd", []));

        Assert.That(result.Output, Is.EqualTo("contentcontent"));
    }

    [Test]
    public async Task Read_only_means_every_mount_below_too()
    {
        Needs.Root();
        _host.MakeDirectory("shared/below");
        Shell.Script("mount -t tmpfs below \"$1\"/shared/below", _host.Path);

        var result = await RunAsync("touch /data/file /data/below/file", new Mount("bind", _host["shared"], "/data", ["rbind", "ro"]));

        Assert.That(result.Error.Split('\n'), Has.Length.EqualTo(2).And.All.Contain("Read-only file system"));
    }

    [Test]
    public async Task A_symlink_of_the_image_leads_to_a_place_in_the_image()
    {
        _host.Write("precious/file", "the host's");
        _host.Write("shared/file", "shared");
        Directory.CreateDirectory($"{_sandbox.Lower}{_host["precious"]}");
        File.CreateSymbolicLink($"{_sandbox.Lower}/data", "/../../../.." + _host["precious"]);

        var result = await RunAsync($"cat /data/file; cat {_host["precious"]}/file", new Mount("bind", _host["shared"], "/data", []));

        Assert.That(result.Output, Is.EqualTo("sharedshared"));
        Assert.That(await File.ReadAllTextAsync(_host["precious/file"]), Is.EqualTo("the host's"));
    }

    [TestCase("/proc")]
    [TestCase("/sys")]
    [TestCase("/dev")]
    public async Task No_symlink_of_the_image_makes_the_launch_mount_on_the_host(string name)
    {
        _host.MakeDirectory("precious");
        File.CreateSymbolicLink($"{_sandbox.Lower}{name}", "/../../../../.." + _host["precious"]);
        var before = Shell.Run("cat", "/proc/self/mounts");

        Assert.That(() => _sandbox.RunAsync("true"), Throws.TypeOf<IsolationException>().With.Message.Contains($"mount ").And.Message.Contains($" on {name}"));
        Assert.That(Shell.Run("cat", "/proc/self/mounts"), Is.EqualTo(before));
        Assert.That(Directory.EnumerateFileSystemEntries(_host["precious"]), Is.Empty);
    }

    [TestCase("/proc")]
    [TestCase("/sys")]
    [TestCase("/dev")]
    public void No_symlink_of_the_image_puts_the_kernels_file_systems_elsewhere(string name)
    {
        File.CreateSymbolicLink($"{_sandbox.Lower}{name}", "etc");

        Assert.That(() => _sandbox.RunAsync("true"), Throws.TypeOf<IsolationException>().With.Message.Contains($" on {name}"));
    }

    [Test]
    public async Task A_dangling_symlink_gets_the_file_that_it_names()
    {
        _host.Write("resolv.conf", "nameserver 192.0.2.1");
        Directory.CreateDirectory($"{_sandbox.Lower}/run");
        File.CreateSymbolicLink($"{_sandbox.Lower}/etc/resolv.conf", "../run/resolv.conf");

        var result = await RunAsync("cat /etc/resolv.conf", new Mount("bind", _host["resolv.conf"], "/etc/resolv.conf", ["ro"]));

        Assert.That(result.Output, Is.EqualTo("nameserver 192.0.2.1"));
    }

    [Test]
    public async Task A_tmpfs_has_the_size_mode_and_flags_asked_for()
    {
        var result = await RunAsync("stat -c %a /scratch; grep ' /scratch ' /proc/mounts; dd if=/dev/zero of=/scratch/f bs=1024 count=2000 2>&1 | grep -c 'No space'", new Mount("tmpfs", "scratch", "/scratch", ["size=1m", "mode=1700", "noexec"]));

        Assert.That(result.Output, Does.Match(@"^1700\nscratch /scratch tmpfs rw,noexec,relatime,size=1024k,mode=1700.*\n1$"));
    }

    [Test]
    public void A_source_that_is_missing_is_named()
    {
        Assert.That(
            () => RunAsync("true", new Mount("bind", _host["nothing"], "/data", [])),
            Throws.TypeOf<IsolationException>().With.Property("Step").EqualTo($"mount '{_host["nothing"]}' on /data").And.Message.EndsWith("No such file or directory."));
    }

    [Test]
    public void A_mount_type_that_nobody_knows_is_refused_before_anything_happens()
    {
        Assert.That(() => RunAsync("true", new Mount("ext4", "/dev/sda", "/data", [])), Throws.TypeOf<IsolationException>().With.Message.Contains("ext4"));
    }

    [Test]
    public async Task Many_layers_are_stacked_topmost_first()
    {
        var layers = Enumerable.Range(0, 128).Select(i => _host.MakeDirectory($"a rather long name of a layer, so that no page could hold all of them {i:000}")).ToArray();
        Array.ForEach(layers, layer => File.WriteAllText($"{layer}/{Path.GetFileName(layer)[^3..]}", layer[^3..]));
        Array.ForEach(layers, layer => File.WriteAllText($"{layer}/top", layer[^3..]));
        var overlay = _sandbox.Overlay();

        var result = await _sandbox.RunAsync(_sandbox.Script("cat /top; ls / | grep -c '^[01]'") with
        {
            Root = [overlay with { Options = [.. layers.Select(layer => $"lowerdir={layer}"), .. overlay.Options] }],
        });

        Assert.That(result.Output, Is.EqualTo("000128"));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Directories_may_have_any_name(bool hasLowerDirPlus)
    {
        const string odd = "a:b,c\\d e=ü\"'$(x)";
        _host.Write($"{odd}/one:/file", "one");
        _host.Write($"{odd}/t,w\\o/file2", "two");
        _host.MakeDirectory($"{odd}/up,per:x");
        _host.MakeDirectory($"{odd}/work,\\");
        var overlay = _sandbox.Overlay();
        string[] paths = [$"lowerdir={_host[$"{odd}/one:"]}", $"lowerdir={_host[$"{odd}/t,w\\o"]}", $"lowerdir={_sandbox.Lower}", $"upperdir={_host[$"{odd}/up,per:x"]}", $"workdir={_host[$"{odd}/work,\\"]}"];
        var engine = new IsolationEngine { Host = LaunchHost.Current with { HasLowerDirPlus = hasLowerDirPlus } };
        using var sandbox = new Sandbox { Engine = engine };

        var result = await sandbox.RunAsync(sandbox.Script("cat /file /file2; touch /new") with
        {
            Root = [overlay with { Options = [.. paths, .. overlay.Options.Where(option => !option.Contains("dir=", StringComparison.Ordinal))] }],
        });

        Assert.That(result.Output, Is.EqualTo("onetwo"), result.Error);
        Assert.That(File.Exists(_host[$"{odd}/up,per:x/new"]), Is.True);
    }

    private Task<SandboxResult> RunAsync(string script, params Mount[] mounts) => _sandbox.RunAsync(_sandbox.Script(script) with { Mounts = mounts });
}

using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Peers;

/// <summary>What GNU tar packs with holes, in all its forms, is imported, and is the same tree for GNU tar, umoci, podman and for containers here.</summary>
[Category("Peers")]
internal sealed class SparseImportTests
{
    private TemporaryDirectory _directory = null!;
    private ContainerHost _host = null!;

    [SetUp]
    public async Task MakeTree()
    {
        Needs.Root();
        Needs.Overlay();
        Needs.Programs("umoci", "podman", "getfattr", "zstd");
        _directory = new TemporaryDirectory();
        Shell.Script(
            """
            mkdir -p "$1/etc" && cd "$1"
            truncate -s 300000 "$(printf 'n%.0s' $(seq 120))"; head -c 50000 /dev/urandom > random; ln random hard; ln -s random link; echo hello > etc/motd; chown 7:8 etc/motd
            truncate -s 20M holes; printf begin | dd of=holes conv=notrunc status=none; printf middle | dd of=holes bs=1M seek=9 conv=notrunc status=none; ln holes etc/holes
            truncate -s 1M only-hole; truncate -s 8M many; for i in $(seq 0 50); do printf data | dd of=many bs=64k seek=$((i * 2)) conv=notrunc status=none; done
            find . -exec touch -h -d '2001-02-03 04:05:06' {} +
            """,
            _directory["tree"]);
        _host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = _directory["store"] });
    }

    [TearDown]
    public async Task Close()
    {
        await (_host?.DisposeAsync() ?? ValueTask.CompletedTask);
        _directory?.Dispose();
    }

    [TestCase("--format=gnu")]
    [TestCase("--format=oldgnu", "--gzip")]
    [TestCase("--format=pax", "--sparse-version=0.0")]
    [TestCase("--format=pax", "--sparse-version=0.1", "--zstd")]
    [TestCase("--format=pax", "--sparse-version=1.0")]
    [TestCase("--format=pax", "--sparse-version=1.0", "--xz")]
    public async Task Everybody_makes_the_same_tree_of_it(params string[] options)
    {
        Shell.Run("tar", ["-C", _directory["tree"], "--sparse", "--sort=name", "--numeric-owner", .. options, "-cf", _directory["packed"], "."]);
        var expected = TreeListing.Of(_directory["tree"]);

        var image = await _host.Images.ImportAsync(_directory["packed"], "sparse:1");
        await using var container = await _host.Container(image).CreateAsync();

        Shell.Run("umoci", "unpack", "--image", $"{_directory["store/images"]}:sparse:1", _directory["umoci"]);
        Assert.That(TreeListing.Of(_directory["umoci/rootfs"]), Is.EqualTo(expected));
        var ours = Directory.GetFiles(_directory["store/snapshots"], "only-hole", SearchOption.AllDirectories).Single();
        Assert.That(TreeListing.Of(Path.GetDirectoryName(ours)!), Is.EqualTo(expected));
        Assert.That(long.Parse(Shell.Run("du", "--block-size=1", ours).Split('\t')[0]), Is.LessThan(10_000), "The holes came back.");
    }

    [Test]
    public async Task Podman_has_the_same_files()
    {
        Shell.Run("tar", "-C", _directory["tree"], "--sparse", "--format=pax", "-cf", _directory["packed"], ".");
        var image = await _host.Images.ImportAsync(_directory["packed"], "sparse:1");
        await _host.Images.SaveAsync(image, _directory["saved.tar"], ImageArchiveFormat.Docker);
        string[] podman = ["--root", _directory["p"], "--runroot", _directory["pr"], "--storage-driver", "vfs"];

        Shell.Run("podman", [.. podman, "load", "--quiet", "--input", _directory["saved.tar"]]);
        var mounted = Shell.Run("podman", [.. podman, "image", "mount", "sparse:1"]).Trim();

        const string Sums = """cd "$1"; find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum""";
        Assert.That(Shell.Script(Sums, mounted), Is.EqualTo(Shell.Script(Sums, _directory["tree"])));
        Shell.Run("podman", [.. podman, "image", "unmount", "--all"]);
    }
}

using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Peers;

/// <summary>A real Debian, imported, run, changed, committed and saved; and what the others read from that.</summary>
[Category("Peers")]
internal sealed class DebianRoundTripTests
{
    // Modes, owners, nanoseconds, attributes, capabilities, hard links, devices and holes: one of each, in a tree that has few of them.
    private const string AddOddities = """
        mkdir -p "$1/srv/odd" && cd "$1/srv/odd"
        touch -d '2001-02-03 04:05:06.123456789' times
        echo attributes > attributes; setfattr -n user.note -v 0x0001ff62696e617279 attributes
        cp "$1/bin/true" capable; setcap cap_net_bind_service=ep capable
        echo linked > first; ln first second; ln first ../third; ln -s nowhere dangling; ln -s /etc/passwd absolute
        mknod null c 1 3; mknod disk b 7 200; mkfifo pipe
        truncate -s 64M holes; printf middle | dd of=holes bs=1M seek=32 conv=notrunc status=none
        echo setuid > suid; chown 1234:5678 suid; chmod 6755 suid; mkdir sticky; chmod 1777 sticky; mkdir closed; chmod 000 closed
        printf x > "$(printf 'name with \n newline and \377 byte')"
        touch -d '2002-02-02 02:02:02.222222222' .
        """;

    private TemporaryDirectory _directory = null!;
    private ContainerHost _host = null!;
    private Image _committed = null!;
    private string[] _expected = [];

    [OneTimeSetUp]
    public async Task Import_run_commit_and_save()
    {
        Needs.Root();
        Needs.Overlay();
        Needs.Programs("mmdebstrap", "setfattr", "setcap", "skopeo", "umoci", "podman");
        _directory = new TemporaryDirectory();
        Shell.Run("mmdebstrap", "--quiet", "--variant=minbase", "bookworm", _directory["base.tar"]);
        Directory.CreateDirectory(_directory["original"]);
        Shell.Script("""tar -C "$1" --xattrs --xattrs-include='*' --numeric-owner -xpf "$2" """, _directory["original"], _directory["base.tar"]);
        Shell.Script(AddOddities, _directory["original"]);
        // An older umoci (0.4.7) reads no zstd, and an import keeps the compression as it is.
        Shell.Script("""tar -C "$1" --format=pax --sparse --xattrs --xattrs-include='*' --numeric-owner -cf - . | gzip -1 > "$2" """, _directory["original"], _directory["rootfs.tar.gz"]);

        _host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = _directory["store"] });
        var image = await _host.Images.ImportAsync(_directory["rootfs.tar.gz"], "debian:12");
        await using var container = await _host.Container(image)
            .WithCommand("sh", "-c", "set -e; rm -r /usr/share/doc /etc/motd; echo changed >> /etc/issue; chown 7:8 /srv/odd/first; mv /srv/odd/suid /srv/moved; rm -r /opt; touch /opt; useradd -m someone")
            .CreateAsync();
        await using (var running = await container.StartAsync())
        {
            Assert.That((await running.WaitForExitAsync()).ExitCode, Is.Zero, await new StreamReader(running.StandardError).ReadToEndAsync());
        }

        _committed = await container.CommitAsync("debian:changed");
        await _host.Images.SaveAsync(_committed, _directory["oci.tar"], ImageArchiveFormat.Oci);
        await _host.Images.SaveAsync(_committed, _directory["docker.tar"], ImageArchiveFormat.Docker);
        _expected = await TreeByVfs(_directory["oci.tar"], "debian:changed");
    }

    [OneTimeTearDown]
    public async Task Close()
    {
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        _directory?.Dispose();
    }

    [Test]
    public async Task The_import_is_the_original_path_by_path()
    {
        await _host.Images.SaveAsync((await _host.Images.FindAsync("debian:12"))!, _directory["imported.tar"]);

        Assert.That(await TreeByVfs(_directory["imported.tar"], "debian:12"), Is.EqualTo(TreeListing.Of(_directory["original"])));
    }

    [Test]
    public async Task The_docker_archive_holds_the_same_tree()
    {
        Assert.That(await TreeByVfs(_directory["docker.tar"], "debian:changed"), Is.EqualTo(_expected));
    }

    [Test]
    public void Skopeo_reads_the_store_as_it_lies()
    {
        var answer = Shell.Run("skopeo", "inspect", "--format", "{{.Digest}}", $"oci:{_directory["store/images"]}:debian:changed");

        Assert.That(answer, Is.EqualTo(_committed.Digest.ToString()));
    }

    [Test]
    public void Umoci_unpacks_the_same_tree()
    {
        Shell.Run("skopeo", "copy", "--quiet", $"oci-archive:{_directory["oci.tar"]}", $"oci:{_directory["layout"]}:changed");
        Shell.Run("umoci", "unpack", "--image", $"{_directory["layout"]}:changed", _directory["bundle"]);

        Assert.That(TreeListing.Of(_directory["bundle/rootfs"]), Is.EqualTo(_expected));
    }

    [TestCase("oci.tar")]
    [TestCase("docker.tar")]
    public void Podman_loads_the_same_tree(string archive)
    {
        // Podman takes no longer path than 50 characters.
        var root = _directory[archive[..3]];
        string[] podman = ["--root", root, "--runroot", $"{root}-run", "--storage-driver", "vfs"];
        Shell.Run("podman", [.. podman, "load", "--quiet", "--input", _directory[archive]]);
        var id = Shell.Run("podman", [.. podman, "images", "--quiet"]);
        var mounted = Shell.Run("podman", [.. podman, "image", "mount", id]);

        // Podman gives the root directory a mode of its own, and restores no times where a whiteout was applied.
        Assert.That(TreeListing.Of(mounted).Where(IsComparable), Is.EqualTo(_expected.Where(IsComparable)));
        Shell.Run("podman", [.. podman, "image", "umount", "--all"]);
    }

    private static bool IsComparable(string line) => !line.StartsWith(".|d|", StringComparison.Ordinal) && !line.StartsWith("./usr/share|d|", StringComparison.Ordinal)
        && !line.StartsWith("./etc|d|", StringComparison.Ordinal) && !line.StartsWith("./srv/odd|d|", StringComparison.Ordinal);

    private async Task<string[]> TreeByVfs(string archive, string reference)
    {
        var store = _directory[$"vfs-{Guid.NewGuid():N}"];
        await using var host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = store, StorageDriver = "vfs" });
        await using var container = await host.Container(await host.Images.LoadAsync(archive, reference)).WithCommand("true").CreateAsync();
        var writable = Directory.EnumerateDirectories(Path.Combine(store, "snapshots", "vfs"), "w-*").Single();
        return TreeListing.Of(Path.Combine(writable, "fs"));
    }
}

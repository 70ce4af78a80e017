using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage;

/// <summary>Unions on directories of the host, through the public API.</summary>
internal sealed class MountedUnionTests
{
    private string _folder = "";

    [SetUp]
    public void MakeDirectories()
    {
        Needs.Root();
        Needs.FuseDevice();
        _folder = Directory.CreateTempSubdirectory("ck-").FullName;
        foreach (var name in (string[])["lower", "upper", "work", "mount"])
        {
            Directory.CreateDirectory(PathOf(name));
        }

        File.WriteAllText(PathOf("lower/file"), "lower");
    }

    [TearDown]
    public void RemoveDirectories()
    {
        if (_folder.Length > 0)
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    [Test]
    public async Task A_write_through_the_mount_leaves_the_lower_directory_alone()
    {
        await using (var union = await MountedUnion.MountAsync(PathOf("mount"), UnionMountOptions.Overlay([PathOf("lower")], PathOf("upper"), PathOf("work"))))
        {
            await File.AppendAllTextAsync(PathOf("mount/file"), " and upper");
        }

        Assert.Multiple(() =>
        {
            Assert.That(File.ReadAllText(PathOf("lower/file")), Is.EqualTo("lower"));
            Assert.That(File.ReadAllText(PathOf("upper/file")), Is.EqualTo("lower and upper"));
            Assert.That(Directory.EnumerateFileSystemEntries(PathOf("mount")), Is.Empty);
        });
    }

    [Test]
    public async Task An_unmount_by_somebody_else_ends_it()
    {
        await using var union = await MountedUnion.MountAsync(PathOf("mount"), UnionMountOptions.Aufs($"{PathOf("upper")}=rw", $"{PathOf("lower")}=ro+wh"));

        Shell.Script("umount \"$1\"", PathOf("mount"));

        Assert.That(async () => await union.Unmounted.WaitAsync(TimeSpan.FromSeconds(10)), Throws.Nothing);
    }

    [Test]
    public void A_branch_that_is_not_there_is_an_error_with_the_kernels_name() => Assert.That(
        async () => await MountedUnion.MountAsync(PathOf("mount"), UnionMountOptions.Aufs($"{PathOf("nowhere")}=rw")),
        Throws.TypeOf<StorageException>().With.Message.EndsWith("(EINVAL)."));

    [Test]
    public async Task A_branch_that_is_appended_is_seen_at_once_even_where_it_was_known_that_there_is_nothing()
    {
        Directory.CreateDirectory(PathOf("more/folder"));
        File.WriteAllText(PathOf("more/folder/new"), "more");
        await using var union = await MountAufsAsync();
        Assert.That((File.Exists(PathOf("mount/folder/new")), Directory.GetFileSystemEntries(PathOf("mount"))), Is.EqualTo((false, new[] { PathOf("mount/file") })));

        await MountedUnion.RemountAsync(PathOf("mount"), $"append:{PathOf("more")}=ro+wh");

        Assert.That(File.ReadAllText(PathOf("mount/folder/new")), Is.EqualTo("more"));
        Assert.That(Directory.GetFileSystemEntries(PathOf("mount")), Is.EquivalentTo(new[] { PathOf("mount/file"), PathOf("mount/folder") }));
    }

    [Test]
    public async Task A_branch_goes_when_none_of_its_files_is_open_any_more()
    {
        await using var union = await MountAufsAsync();
        using (File.OpenRead(PathOf("mount/file")))
        {
            Assert.That(
                async () => await MountedUnion.RemountAsync(PathOf("mount"), $"del:{PathOf("lower")}"),
                Throws.TypeOf<StorageException>().With.Message.EndsWith("(EBUSY)."));
            Assert.That(File.Exists(PathOf("mount/file")));
        }

        await MountedUnion.RemountAsync(PathOf("mount"), $"del:{PathOf("lower")}");

        Assert.That(File.Exists(PathOf("mount/file")), Is.False);
    }

    [Test]
    public async Task A_writable_branch_that_comes_on_top_gets_also_what_is_written_to_files_that_were_open()
    {
        Directory.CreateDirectory(PathOf("top"));
        await using var union = await MountAufsAsync();
        await using var open = new FileStream(PathOf("mount/file"), FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        open.Write("+one"u8);

        await MountedUnion.RemountAsync(PathOf("mount"), $"prepend:{PathOf("top")}=rw,mod:{PathOf("upper")}=ro+wh");
        open.Write("+two"u8);

        Assert.Multiple(() =>
        {
            Assert.That(File.ReadAllText(PathOf("upper/file")), Is.EqualTo("lower+one"));
            Assert.That(File.ReadAllText(PathOf("top/file")), Is.EqualTo("lower+one+two"));
            Assert.That(File.ReadAllText(PathOf("mount/file")), Is.EqualTo("lower+one+two"));
            Assert.That(Directory.GetFileSystemEntries(PathOf("upper")), Is.EqualTo(new[] { PathOf("upper/file") }), "AUFS's own files are no longer needed there");
        });
    }

    [Test]
    public async Task A_branch_that_comes_again_shows_its_files_again()
    {
        await using var union = await MountAufsAsync();
        for (var round = 0; round < 3; round++)
        {
            Assert.That(File.ReadAllText(PathOf("mount/file")), Is.EqualTo("lower"));
            await MountedUnion.RemountAsync(PathOf("mount"), $"del:{PathOf("lower")}");
            Assert.That(Directory.GetFileSystemEntries(PathOf("mount")), Is.Empty);
            await MountedUnion.RemountAsync(PathOf("mount"), $"ins:1:{PathOf("lower")}=ro");
        }
    }

    [Test]
    public async Task A_mount_is_made_read_only_and_writable_again()
    {
        await using var union = await MountAufsAsync();

        await MountedUnion.RemountAsync(PathOf("mount"), "ro,noexec");
        Assert.That(() => File.WriteAllText(PathOf("mount/new"), ""), Throws.InstanceOf<IOException>());

        await MountedUnion.RemountAsync(PathOf("mount"), "rw");
        Assert.That(() => File.WriteAllText(PathOf("mount/new"), ""), Throws.Nothing);
    }

    [TestCase("del:/nowhere", "ENOENT")]
    [TestCase("append:/nowhere=ro", "EINVAL")]
    [TestCase("append:UPPER/..=ro", "EINVAL", TestName = "A branch around another cannot be one")]
    [TestCase("append:/a:/b", "EINVAL")]
    [TestCase("best=yes", "EINVAL")]
    [TestCase("noxino", "EINVAL")]
    public async Task What_cannot_be_done_changes_nothing(string options, string error)
    {
        await using var union = await MountAufsAsync();

        Assert.That(
            async () => await MountedUnion.RemountAsync(PathOf("mount"), options.Replace("UPPER", PathOf("upper"), StringComparison.Ordinal)),
            Throws.TypeOf<StorageException>().With.Message.EndsWith($"({error})."));
        Assert.That(File.ReadAllText(PathOf("mount/file")), Is.EqualTo("lower"));
    }

    [Test]
    public async Task Nobody_remounts_a_union_who_may_not_mount()
    {
        await using var union = await MountAufsAsync();

        Shell.Script("chmod 755 \"$1\"", _folder);

        var attempt = Shell.Try("setpriv", "--reuid", "1000", "--clear-groups", "setfattr", "-n", "trusted.ckunion.remount", "-v", "x", PathOf("mount"));

        Assert.That((attempt.ExitCode, attempt.Error), Is.EqualTo((1, $"setfattr: {PathOf("mount")}: Operation not permitted\n")));
    }

    [Test]
    public async Task Overlayfs_has_no_such_remounts()
    {
        await using var union = await MountedUnion.MountAsync(PathOf("mount"), UnionMountOptions.Overlay([PathOf("lower")], PathOf("upper"), PathOf("work")));

        Assert.That(
            async () => await MountedUnion.RemountAsync(PathOf("mount"), $"append:{PathOf("lower")}=ro"),
            Throws.TypeOf<StorageException>().With.Message.EndsWith("(EINVAL)."));
    }

    private Task<MountedUnion> MountAufsAsync() =>
        MountedUnion.MountAsync(PathOf("mount"), UnionMountOptions.Aufs($"{PathOf("upper")}=rw", $"{PathOf("lower")}=ro+wh"));

    private string PathOf(string name) => Path.Combine(_folder, name);
}

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

    private string PathOf(string name) => Path.Combine(_folder, name);
}

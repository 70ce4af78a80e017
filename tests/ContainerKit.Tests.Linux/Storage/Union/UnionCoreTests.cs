using System.Text;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.Core;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage.Union;

/// <summary>What the core leaves in the branches, in AUFS's dialect, and what stays true for those who hold its inodes.</summary>
internal sealed class UnionCoreTests
{
    private TemporaryDirectory _directory = null!;
    private string _upper = null!;
    private string _lower = null!;

    private static Caller Me => new(LibCIds.User, LibCIds.Group);

    [SetUp]
    public void MakeBranches()
    {
        _directory = new TemporaryDirectory();
        _upper = _directory.MakeDirectory("upper");
        _lower = _directory.MakeDirectory("lower");
    }

    [TearDown]
    public void RemoveBranches() => _directory.Dispose();

    [Test]
    public void A_whiteout_is_a_name_of_the_branchs_one_empty_file()
    {
        File.WriteAllText(Path.Combine(_lower, "gone"), "x");
        using var union = Open();

        Assert.That(union.Remove(union.Root, "gone"u8, isDirectory: false), Is.Zero);

        Assert.That(Stat("upper/.wh.gone"), Is.EqualTo(Stat("upper/.wh..wh.aufs")));
        Assert.That(LookUp(union, "gone"), Is.EqualTo(Errno.ENOENT));
        Assert.That(LookUp(union, ".wh.gone"), Is.EqualTo(Errno.EPERM));
        Assert.That(LookUp(union, new string('n', 243)), Is.EqualTo(Errno.ENAMETOOLONG));
    }

    [Test]
    public void A_directory_over_a_whiteout_is_opaque_and_a_plain_new_one_is_not()
    {
        _directory.MakeDirectory("lower/old");
        using var union = Open();

        Assert.That(union.Remove(union.Root, "old"u8, isDirectory: true), Is.Zero);
        Assert.That(union.Make(union.Root, "old"u8, new NewObject(FileKind.Directory, 0x1ED), Me, out _, out _), Is.Zero);
        Assert.That(union.Make(union.Root, "new"u8, new NewObject(FileKind.Directory, 0x1ED), Me, out _, out _), Is.Zero);

        Assert.That(File.Exists(Path.Combine(_upper, "old/.wh..wh..opq")), Is.True);
        Assert.That(File.Exists(Path.Combine(_upper, ".wh.old")), Is.False);
        Assert.That(Directory.GetFileSystemEntries(Path.Combine(_upper, "new")), Is.Empty);
    }

    [Test]
    public void A_name_that_nothing_lies_below_leaves_no_whiteout()
    {
        using var union = Open();

        Assert.That(union.Make(union.Root, "mine"u8, new NewObject(FileKind.File, 0x1A4), Me, out _, out _), Is.Zero);
        Assert.That(union.Remove(union.Root, "mine"u8, isDirectory: false), Is.Zero);

        Assert.That(Directory.GetFileSystemEntries(_upper).Select(Path.GetFileName), Is.EquivalentTo([".wh..wh.aufs", ".wh..wh.orph", ".wh..wh.plnk"]));
    }

    [Test]
    public void A_file_is_copied_up_by_the_first_write_and_those_who_opened_it_before_see_it()
    {
        File.WriteAllText(Path.Combine(_lower, "file"), "lower");
        using var union = Open();
        Assert.That(union.LookUp(union.Root, "file"u8, out var file, out var before), Is.Zero);
        Assert.That(union.Open(file, isForWriting: false, isTruncating: false, killsPrivileges: false), Is.Zero);
        Assert.That(union.Open(file, isForWriting: true, isTruncating: false, killsPrivileges: false), Is.Zero);
        Assert.That(File.Exists(Path.Combine(_upper, "file")), Is.False);

        Assert.That(union.Write(file, 0, "UPPER"u8, killsPrivileges: false, out _), Is.Zero);

        var data = new byte[10];
        Assert.That(union.Read(file, 0, data, out var count), Is.Zero);
        Assert.That(Encoding.ASCII.GetString(data, 0, count), Is.EqualTo("UPPER"));
        Assert.That(File.ReadAllText(Path.Combine(_upper, "file")), Is.EqualTo("UPPER"));
        Assert.That(File.ReadAllText(Path.Combine(_lower, "file")), Is.EqualTo("lower"));
        Assert.That(union.GetAttributes(file, out _), Is.Zero);
        Assert.That(union.LookUp(union.Root, "file"u8, out var again, out var after), Is.Zero);
        Assert.That((again, after.Permissions, after.UserId), Is.EqualTo((file, before.Permissions, before.UserId)));
    }

    [Test]
    public void Names_of_one_lower_file_stay_names_of_one_file()
    {
        Shell.Script("echo data > \"$1/one\"; ln \"$1/one\" \"$1/two\"", _lower);
        using var union = Open();
        Assert.That(union.LookUp(union.Root, "two"u8, out var two, out _), Is.Zero);
        Assert.That(union.LookUp(union.Root, "one"u8, out var one, out _), Is.Zero);
        Assert.That(one, Is.SameAs(two));

        Assert.That(union.SetAttributes(one, new AttributesChange { Mode = 0x180 }, out var stat), Is.Zero);

        Assert.That((stat.Permissions, stat.LinkCount), Is.EqualTo((0x180, 2u)));
        Assert.That(Stat("upper/one").Inode, Is.EqualTo(Stat("upper/.wh..wh.plnk/" + Directory.GetFiles(Path.Combine(_upper, ".wh..wh.plnk")).Select(Path.GetFileName).Single()).Inode));
        Assert.That(File.Exists(Path.Combine(_upper, "two")), Is.False);
        Assert.That(union.LookUp(union.Root, "two"u8, out two, out stat), Is.Zero);
        Assert.That((stat.Permissions, two), Is.EqualTo((0x180, one)));
    }

    [Test]
    public void Directories_merge_across_a_file_between_them()
    {
        var middle = _directory.MakeDirectory("middle");
        _directory.MakeDirectory("upper/d");
        File.WriteAllText(Path.Combine(middle, "d"), "a file");
        _directory.Write("lower/d/below", "x");
        using var union = Open([(_upper, BranchOptions.Writable), (middle, BranchOptions.HonoursWhiteouts), (_lower, BranchOptions.HonoursWhiteouts)]);
        Assert.That(union.LookUp(union.Root, "d"u8, out var found, out _), Is.Zero);

        Assert.That(union.LookUp((DirectoryInode)found, "below"u8, out _, out _), Is.Zero);
    }

    [TestCase(BranchOptions.None, 0)]
    [TestCase(BranchOptions.HonoursWhiteouts, Errno.ENOENT)]
    public void Whiteouts_of_a_read_only_branch_count_with_wh_alone(object options, int expected)
    {
        var middle = _directory.MakeDirectory("middle");
        File.WriteAllText(Path.Combine(middle, ".wh.file"), "");
        File.WriteAllText(Path.Combine(_lower, "file"), "x");
        using var union = Open([(_upper, BranchOptions.Writable), (middle, (BranchOptions)options), (_lower, BranchOptions.HonoursWhiteouts)]);

        Assert.That(LookUp(union, "file"), Is.EqualTo(expected));
    }

    [Test]
    public void Both_a_name_and_its_whiteout_in_the_writable_branch_is_an_error()
    {
        File.WriteAllText(Path.Combine(_upper, "file"), "x");
        File.WriteAllText(Path.Combine(_upper, ".wh.file"), "");
        using var union = Open();

        Assert.That(LookUp(union, "file"), Is.EqualTo(Errno.EIO));
    }

    [Test]
    public void A_branch_on_top_freezes_the_one_below_though_it_is_open_for_writing()
    {
        File.WriteAllText(Path.Combine(_lower, "lower"), "lower");
        using var union = Open();
        Assert.That(union.MakeFile(union.Root, "open"u8, 0x1A4, Me, out var open, out _), Is.Zero);
        Assert.That(union.Write(open, 0, "before"u8, killsPrivileges: false, out _), Is.Zero);
        Assert.That(union.MakeFile(union.Root, "unlinked"u8, 0x1A4, Me, out var unlinked, out _), Is.Zero);
        Assert.That(union.Write(unlinked, 0, "held"u8, killsPrivileges: false, out _), Is.Zero);
        Assert.That(union.Remove(union.Root, "unlinked"u8, isDirectory: false), Is.Zero);
        var frozen = TreeDump.Of(_upper);

        var top = new UnionBranch(RootedDirectory.Open(_directory.MakeDirectory("top")), BranchOptions.Writable);
        union.PushBranch(top, UnionOpening.OpenStaging(top, AufsDialect.Instance, null, new UnionCoreOptions()));
        Assert.That(union.Write(open, 0, "AFTER!"u8, killsPrivileges: false, out _), Is.Zero);
        Assert.That(union.Write(unlinked, 0, "H"u8, killsPrivileges: false, out _), Is.Zero);
        Assert.That(union.Remove(union.Root, "lower"u8, isDirectory: false), Is.Zero);

        Assert.That(TreeDump.Of(_upper), Is.EqualTo(frozen));
        Assert.That(File.ReadAllText(_directory["top/open"]), Is.EqualTo("AFTER!"));
        Assert.That(File.Exists(_directory["top/.wh.lower"]), Is.True);
        var data = new byte[10];
        Assert.That(union.Read(unlinked, 0, data, out var count), Is.Zero);
        Assert.That(Encoding.ASCII.GetString(data, 0, count), Is.EqualTo("Held"));
    }

    [Test]
    public void Looking_reading_and_writing_allocate_nothing()
    {
        File.WriteAllText(Path.Combine(_lower, "file"), "lower");
        using var union = Open();
        Assert.That(union.LookUp(union.Root, "file"u8, out var file, out _), Is.Zero);
        Assert.That(union.Open(file, isForWriting: true, isTruncating: false, killsPrivileges: false), Is.Zero);
        var data = new byte[5];
        Touch();

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            Touch();
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1000));

        void Touch()
        {
            _ = union.LookUp(union.Root, "file"u8, out _, out _);
            _ = union.GetAttributes(file, out _);
            _ = union.Write(file, 0, data, killsPrivileges: false, out _);
            _ = union.Read(file, 0, data, out _);
        }
    }

    private static int LookUp(UnionCore union, string name) => union.LookUp(union.Root, Encoding.UTF8.GetBytes(name), out _, out _);

    private UnionCore Open() => Open([(_upper, BranchOptions.Writable), (_lower, BranchOptions.HonoursWhiteouts)]);

    private static UnionCore Open(IReadOnlyList<(string Path, BranchOptions Options)> branches) =>
        UnionOpening.Open(branches, AufsDialect.Instance, TreeOwnership.Direct);

    private FileStat Stat(string path)
    {
        using var root = RootedDirectory.Open(_directory.Path);
        using var handle = root.OpenInside(path, OpenFlags.PathOnly);
        return FileCalls.Local.Stat(handle);
    }

    /// <summary>Who runs the tests.</summary>
    private static class LibCIds
    {
        public static uint User { get; } = OwnerOf().UserId;

        public static uint Group { get; } = OwnerOf().GroupId;

        private static FileStat OwnerOf()
        {
            using var directory = new TemporaryDirectory();
            using var root = RootedDirectory.Open(directory.Path);
            return FileCalls.Local.Stat(root.Handle);
        }
    }
}

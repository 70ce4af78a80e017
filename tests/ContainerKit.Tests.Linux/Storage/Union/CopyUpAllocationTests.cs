using System.Globalization;
using System.Text;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.Core;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage.Union;

/// <summary>What copying files up leaves to the garbage collector. Bytes are counted, so a slow machine changes nothing.</summary>
internal sealed class CopyUpAllocationTests
{
    private const int WarmUps = 50, Files = 2000;

    // For all files together: what a thread gets once, such as its locks and the buffer it copies with. One object for each would be four times as much.
    private const long Constant = 12 * 1024;

    // By path: the name as a string, and the handle that is the caller's.
    private const int PerPath = 128;

    private TemporaryDirectory _directory = null!;
    private string _upper = null!;
    private string _lower = null!;

    [SetUp]
    public void MakeBranches()
    {
        _directory = new TemporaryDirectory();
        (_upper, _lower) = (_directory.MakeDirectory("upper"), _directory.MakeDirectory("lower"));
        _directory.MakeDirectory("work");
    }

    [TearDown]
    public void RemoveBranches() => _directory.Dispose();

    [TestCase("overlay", "plain")]
    [TestCase("aufs", "plain")]
    [TestCase("overlay", "with attributes")]
    public void Copying_a_file_up_by_inode_allocates_nothing(string dialect, string shape)
    {
        Needs.Root();
        MakeFiles(shape);
        using var union = Open(dialect);

        // All are known before the first is copied, so that the table which keeps their numbers has room for as many again.
        var files = Enumerable.Range(0, Files).Select(i => LookUp(union, i)).ToList();
        Assert.That(CopyUp(union, files, 0, WarmUps), Is.Zero);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var failures = CopyUp(union, files, WarmUps, Files);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.That(failures, Is.Zero);
        Assert.That(Directory.GetFiles(_upper), Has.Length.EqualTo(Files + (dialect == "aufs" ? 1 : 0)));
        Assert.That(allocated, Is.LessThan(Constant));
    }

    [Test]
    public void Opening_a_file_by_path_for_writing_allocates_its_name_and_its_handle()
    {
        Needs.Root();
        MakeFiles("plain");
        using var union = new UnionTree(
            RootedDirectory.Open(_upper), [RootedDirectory.Open(_lower)], OverlayDialect.Trusted, TreeOwnership.Direct, RootedDirectory.Open(_directory["work"]));
        var paths = Enumerable.Range(0, Files).Select(i => string.Create(CultureInfo.InvariantCulture, $"/{i}")).ToList();
        OpenAll(union, paths, 0, WarmUps);

        var before = GC.GetAllocatedBytesForCurrentThread();
        OpenAll(union, paths, WarmUps, Files);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.That(Directory.GetFiles(_upper), Has.Length.EqualTo(Files));
        Assert.That(allocated / (Files - WarmUps), Is.LessThan(PerPath));
    }

    private static int CopyUp(UnionCore union, List<Inode> files, int start, int end)
    {
        var failures = 0;
        for (var i = start; i < end; i++)
        {
            failures += union.CopyUp(files[i]) == 0 ? 0 : 1;
        }

        return failures;
    }

    private static void OpenAll(UnionTree union, List<string> paths, int start, int end)
    {
        for (var i = start; i < end; i++)
        {
            union.OpenWrite(paths[i], OpenFlags.Write).Dispose();
        }
    }

    private static Inode LookUp(UnionCore union, int file)
    {
        var name = Encoding.ASCII.GetBytes(file.ToString(CultureInfo.InvariantCulture));
        Assert.That(union.LookUp(union.Root, name, out var inode, out _), Is.Zero);
        return inode;
    }

    private void MakeFiles(string shape)
    {
        for (var i = 0; i < Files; i++)
        {
            File.WriteAllText(Path.Combine(_lower, i.ToString(CultureInfo.InvariantCulture)), new string('x', 4096));
        }

        if (shape == "with attributes")
        {
            Shell.Script("cd \"$1\"; setfattr -n user.x -v y -- *; setfattr -n trusted.y -v z -- *; chown 5:6 -- *; chmod 4640 -- *", _lower);
        }
    }

    private UnionCore Open(string dialect) => UnionOpening.Open(
        [(_upper, BranchOptions.Writable), (_lower, BranchOptions.HonoursWhiteouts)],
        dialect == "aufs" ? AufsDialect.Instance : OverlayDialect.Trusted,
        TreeOwnership.Direct,
        dialect == "aufs" ? null : _directory["work"]);
}

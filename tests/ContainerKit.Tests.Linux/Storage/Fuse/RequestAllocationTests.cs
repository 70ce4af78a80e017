using ContainerKit.Linux;
using ContainerKit.Storage.Fuse;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.Core;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage.Fuse;

/// <summary>What names, attributes and data of known files leave to the garbage collector when they are asked for thousands of times: nothing.</summary>
internal sealed class RequestAllocationTests
{
    private const int Requests = 10_000;

    // For everything together: locks and buffers that a thread gets once.
    private const long Constant = 4096;

    private TemporaryDirectory _directory = null!;
    private UnionCore _union = null!;
    private UnionFileSystem _files = null!;

    [SetUp]
    public void OpenUnion()
    {
        _directory = new TemporaryDirectory();
        var (upper, lower) = (_directory.MakeDirectory("upper"), _directory.MakeDirectory("lower"));
        File.WriteAllText(Path.Combine(lower, "file"), new string('x', 4096));
        _union = UnionOpening.Open([(upper, BranchOptions.Writable), (lower, BranchOptions.HonoursWhiteouts)], AufsDialect.Instance, TreeOwnership.Direct);
        _files = new UnionFileSystem(_union);
    }

    [TearDown]
    public void CloseUnion()
    {
        _union.Dispose();
        _directory.Dispose();
    }

    [Test]
    public void Looking_a_known_name_up_allocates_nothing() => AssertAllocatesNothing(() => _files.Lookup(default, _union.Root.Id, "file"u8, out _));

    [Test]
    public void Reading_attributes_allocates_nothing()
    {
        var file = LookUp();

        AssertAllocatesNothing(() => _files.GetAttributes(default, file.Id, handle: null, needsBirthTime: false, out _));
    }

    [Test]
    public void Reading_and_writing_data_allocates_nothing()
    {
        var file = LookUp();
        var buffer = new byte[4096];
        Assert.That(_union.Open(file, isForWriting: true, isTruncating: false, killsPrivileges: false), Is.Zero);

        AssertAllocatesNothing(() => _files.Write(default, file.Id, 0, 0, buffer, killsPrivileges: false, out _));
        AssertAllocatesNothing(() => _files.Read(default, file.Id, 0, 0, buffer, out _));

        _union.Close(file);
    }

    [Test]
    public void Listing_a_directory_that_has_not_changed_allocates_nothing()
    {
        var buffer = new byte[4096];

        // Not even for names that nobody has looked up: only the first listing reads them, and it is kept.
        AssertAllocatesNothing(() => List(buffer, wantsAttributes: false));
        Assert.That(List(buffer, wantsAttributes: true), Is.Zero);
        AssertAllocatesNothing(() => List(buffer, wantsAttributes: true));
    }

    private int List(byte[] buffer, bool wantsAttributes)
    {
        var writer = new FuseDirectoryWriter(buffer, wantsAttributes);
        var errno = _files.ReadDirectory(default, _union.Root.Id, handle: 0, offset: 0, ref writer);
        return errno != 0 || writer.Length > 80 ? errno : Errno.ENOENT;
    }

    private Inode LookUp()
    {
        Assert.That(_union.LookUp(_union.Root, "file"u8, out var file, out _), Is.Zero);
        return file;
    }

    private static void AssertAllocatesNothing(Func<int> request)
    {
        Assert.That(request(), Is.Zero);
        var failures = 0;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Requests; i++)
        {
            failures += request() == 0 ? 0 : 1;
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.That(failures, Is.Zero);
        Assert.That(allocated, Is.LessThan(Constant));
    }
}

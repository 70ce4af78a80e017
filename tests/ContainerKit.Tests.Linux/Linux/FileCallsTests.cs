using ContainerKit.Linux;

namespace ContainerKit.Tests.Linux.Linux;

public sealed class FileCallsTests
{
    private static readonly FileCalls Calls = FileCalls.Local;

    private string _path = "";
    private RootedDirectory _root = null!;

    [SetUp]
    public void MakeDirectory()
    {
        _path = Directory.CreateTempSubdirectory("containerkit-").FullName;
        _root = RootedDirectory.Open(_path);
    }

    [TearDown]
    public void RemoveDirectory()
    {
        _root.Dispose();
        Directory.Delete(_path, recursive: true);
    }

    [Test]
    public void Times_before_1970_and_nanoseconds_are_kept()
    {
        var time = new UnixTime(-5, 123_456_789);
        Calls.MakeNode(_root.Handle, "f", FileTypeBits.Regular | 0x1A4);

        Calls.SetTimes(_root.Handle, "f", null, time);

        Assert.That(Calls.Stat(_root.Handle, "f").ModifiedTime, Is.EqualTo(time));
    }

    [Test]
    public void The_mode_of_a_symlink_cannot_be_set_and_its_target_stays_alone()
    {
        Calls.MakeNode(_root.Handle, "f", FileTypeBits.Regular | 0x180);
        Calls.MakeSymlink("f", _root.Handle, "link");

        Assert.That(Calls.TrySetMode(_root.Handle, "link", 0x1FF), Is.EqualTo(Errno.EOPNOTSUPP));
        Assert.That(Calls.Stat(_root.Handle, "f").Permissions, Is.EqualTo(0x180));
    }

    [Test]
    public void Modes_are_set_by_name_and_by_handle()
    {
        Calls.MakeNode(_root.Handle, "f", FileTypeBits.Regular | 0x180);
        using var file = Calls.Open(_root.Handle, "f", OpenFlags.Read);

        Calls.SetMode(_root.Handle, "f", 0x9ED);
        Assert.That(Calls.Stat(file).Permissions, Is.EqualTo(0x9ED));

        Calls.SetMode(file, "", 0x1A4);
        Assert.That(Calls.Stat(_root.Handle, "f").Permissions, Is.EqualTo(0x1A4));
    }

    [Test]
    public void Attributes_are_set_read_listed_and_removed_by_name_and_by_handle()
    {
        Calls.MakeNode(_root.Handle, "f", FileTypeBits.Regular | 0x180);
        using var file = Calls.Open(_root.Handle, "f", OpenFlags.PathOnly);
        var large = new byte[1000];
        new Random(5).NextBytes(large);

        Calls.SetAttribute(_root.Handle, "f", "user.a", large);
        Calls.SetAttribute(file, "", "user.b", "x"u8);

        Assert.That(Calls.GetAttribute(file, "", "user.a"), Is.EqualTo(large));
        Assert.That(Calls.GetAttribute(_root.Handle, "f", "user.none"), Is.Null);
        Assert.That(Calls.ListAttributes(_root.Handle, "f"), Is.SupersetOf(new[] { "user.a", "user.b" }));
        Assert.That(Calls.TryRemoveAttribute(_root.Handle, "f", "user.a"), Is.Zero);
        Assert.That(Calls.GetAttribute(file, "", "user.a"), Is.Null);
    }

    [Test]
    public void An_attribute_of_a_symlink_is_never_that_of_its_target()
    {
        Calls.MakeNode(_root.Handle, "f", FileTypeBits.Regular | 0x180);
        Calls.MakeSymlink("f", _root.Handle, "link");

        Assert.That(Calls.TrySetAttribute(_root.Handle, "link", "user.a", "x"u8), Is.EqualTo(Errno.EPERM));
        Assert.That(Calls.GetAttribute(_root.Handle, "f", "user.a"), Is.Null);
    }

    [Test]
    public void A_nameless_file_gets_a_name_when_it_is_done()
    {
        using var file = Calls.Open(_root.Handle, ".", OpenFlags.Nameless | OpenFlags.ReadWrite, 0x1A4);
        RandomAccess.Write(file, "done"u8, 0);

        Calls.Link(file, "", _root.Handle, "named");

        Assert.That(File.ReadAllText(Path.Combine(_path, "named")), Is.EqualTo("done"));
    }

    [Test]
    public void Names_of_any_bytes_are_listed_and_opened()
    {
        var name = LinuxPath.Decode([0xFF, 0xFE, (byte)'x']);
        Calls.MakeNode(_root.Handle, name, FileTypeBits.Regular | 0x180);

        Assert.That(DirectoryEntries.NamesOf(_root.Handle), Is.EqualTo(new[] { name }));
        Assert.That(Calls.TryUnlink(_root.Handle, name, isDirectory: false), Is.Zero);
    }

    [Category("Slow")]
    [Test]
    public void A_directory_of_many_names_is_listed_whole_and_more_than_once()
    {
        for (var i = 0; i < 3000; i++)
        {
            Calls.MakeNode(_root.Handle, $"a rather long name so that one buffer is not enough {i}", FileTypeBits.Regular | 0x180);
        }

        Assert.That(DirectoryEntries.NamesOf(_root.Handle), Has.Count.EqualTo(3000));
        Assert.That(DirectoryEntries.NamesOf(_root.Handle), Is.Unique.And.Count.EqualTo(3000));
    }

    [TestCase("/etc/passwd")]
    [TestCase("../../../../etc/passwd")]
    [TestCase("up/../../../etc/passwd")]
    [TestCase("absolute/etc/passwd")]
    public void No_path_leads_out_of_a_rooted_directory(string path)
    {
        Calls.MakeSymlink("../../../../..", _root.Handle, "up");
        Calls.MakeSymlink("/", _root.Handle, "absolute");

        Assert.That(_root.TryOpenInside(path, OpenFlags.Read, 0, out _), Is.EqualTo(Errno.ENOENT));
    }

    [Test]
    public void Magic_links_are_refused_inside_a_rooted_directory()
    {
        using var proc = RootedDirectory.Open("/proc");

        Assert.That(proc.TryOpenInside("self/root/etc/passwd", OpenFlags.Read, 0, out _), Is.EqualTo(Errno.ELOOP));
    }

    [Test]
    public void A_failure_is_a_sentence()
    {
        Assert.That(
            () => Calls.Unlink(_root.Handle, "nothing"),
            Throws.TypeOf<LinuxException>().With.Message.EqualTo("Cannot remove 'nothing': No such file or directory.").And.Property("Errno").EqualTo(Errno.ENOENT));
    }

    [Test]
    public void Calls_that_succeed_allocate_nothing()
    {
        Calls.MakeNode(_root.Handle, "f", FileTypeBits.Regular | 0x180);
        Calls.Stat(_root.Handle, "f"u8);
        Calls.SetTimes(_root.Handle, "f"u8, null, default(UnixTime));
        var before = GC.GetAllocatedBytesForCurrentThread();

        for (var i = 0; i < 100; i++)
        {
            Calls.Stat(_root.Handle, "f"u8);
            Calls.SetTimes(_root.Handle, "f"u8, null, default(UnixTime));
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }
}

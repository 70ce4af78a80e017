using ContainerKit.Launch;
using ContainerKit.Linux;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Launch;

internal sealed class FileWorkerTests
{
    private TemporaryDirectory _directory = null!;
    private FileWorker _worker = null!;
    private RootedDirectory _root = null!;
    private UserMap _map = null!;

    private FileCalls Calls => _worker.Calls;

    [SetUp]
    public async Task StartWorker()
    {
        Needs.UserNamespaces();
        _directory = new TemporaryDirectory();
        File.SetUnixFileMode(_directory.Path, (UnixFileMode)0x1FF);
        _map = Environment.IsPrivilegedProcess
            ? new UserMap([new IdRange(0, 100_000, 1000)], [new IdRange(0, 100_000, 1000)])
            : UserMap.Single((uint)Tmds.Linux.LibC.geteuid(), (uint)Tmds.Linux.LibC.getegid());
        _worker = await FileWorker.StartAsync(_map, null, CancellationToken.None);
        _root = RootedDirectory.Open(_directory.Path, Calls);
    }

    [TearDown]
    public void EndWorker()
    {
        _root?.Dispose();
        _worker?.Dispose();
        _directory?.Dispose();
    }

    [Test]
    public void Files_are_made_read_and_removed_as_root_of_the_namespace()
    {
        using (var file = Calls.Open(_root.Handle, "f", OpenFlags.ReadWrite | OpenFlags.Create, 0x180))
        {
            RandomAccess.Write(file, "content"u8, 0);
        }

        var stat = Calls.Stat(_root.Handle, "f");
        Assert.That((stat.Size, stat.Permissions, stat.Kind), Is.EqualTo((7L, 0x180, FileKind.File)));
        Assert.That((stat.UserId, stat.GroupId), Is.Not.EqualTo((65534u, 65534u)));
        Calls.Unlink(_root.Handle, "f");
        Assert.That(Calls.TryStat(_root.Handle, "f", out _), Is.EqualTo(Errno.ENOENT));
    }

    [Test]
    public void The_very_first_request_may_bring_a_descriptor()
    {
        using var directory = FileCalls.Local.Open(null, _directory.Path, OpenFlags.Directory, resolve: Resolve.Host);
        using var worker = FileWorker.StartAsync(_map, null, CancellationToken.None).GetAwaiter().GetResult();

        Assert.That(worker.Calls.TryUnlink(directory, "nothing", isDirectory: false), Is.EqualTo(Errno.ENOENT));
    }

    [Test]
    public void Owners_are_changed_within_the_map_and_not_beyond()
    {
        Needs.Root();
        Calls.MakeNode(_root.Handle, "f", FileTypeBits.Regular | 0x180);

        Calls.SetOwner(_root.Handle, "f", 7, 8);

        var outside = FileCalls.Local.Stat(_root.Handle, "f");
        Assert.That((outside.UserId, outside.GroupId), Is.EqualTo((100_007u, 100_008u)));
        Assert.That(Calls.TrySetOwner(_root.Handle, "f", 5000, 0), Is.EqualTo(Errno.EINVAL));
    }

    [Test]
    public void Every_kind_of_object_is_made_and_described()
    {
        Calls.MakeDirectory(_root.Handle, "d", 0x1C0);
        Calls.MakeSymlink("../target", _root.Handle, "s");
        Calls.MakeNode(_root.Handle, "p", FileTypeBits.Fifo | 0x180);
        Calls.MakeNode(_root.Handle, "whiteout", FileTypeBits.CharacterDevice);

        Assert.That(Calls.ReadLink(_root.Handle, "s"), Is.EqualTo("../target"));
        Assert.That(DirectoryEntries.NamesOf(_root.OpenInside(".", OpenFlags.Directory)), Is.EquivalentTo(new[] { "d", "s", "p", "whiteout" }));
        Assert.That(Calls.Stat(_root.Handle, "p").Kind, Is.EqualTo(FileKind.Fifo));
        Calls.Unlink(_root.Handle, "d", isDirectory: true);
    }

    [Test]
    public void Links_and_renames_take_two_directories()
    {
        Calls.MakeDirectory(_root.Handle, "from", 0x1C0);
        Calls.MakeDirectory(_root.Handle, "to", 0x1C0);
        using var from = _root.OpenInside("from", OpenFlags.Directory);
        using var to = _root.OpenInside("to", OpenFlags.Directory);
        Calls.MakeNode(from, "f", FileTypeBits.Regular | 0x180);

        Calls.Link(from, "f", to, "linked");
        Calls.Rename(from, "f", to, "renamed");
        using var nameless = Calls.Open(to, ".", OpenFlags.Nameless | OpenFlags.Write, 0x180);
        Calls.Link(nameless, "", to, "named");

        Assert.That(DirectoryEntries.NamesOf(to), Is.EquivalentTo(new[] { "linked", "renamed", "named" }));
        Assert.That(Calls.Stat(to, "linked").LinkCount, Is.EqualTo(2));
    }

    [Test]
    public void Modes_times_and_attributes_are_set_by_name_and_by_handle()
    {
        var time = new UnixTime(-7, 5);
        var large = new byte[60_000];
        new Random(6).NextBytes(large);
        Calls.MakeNode(_root.Handle, "f", FileTypeBits.Regular | 0x180);
        using var file = Calls.Open(_root.Handle, "f", OpenFlags.PathOnly);

        Calls.SetMode(_root.Handle, "f", 0x9ED);
        Calls.SetTimes(file, "", null, time);
        Calls.SetAttribute(_root.Handle, "f", "user.small", "x"u8);
        Calls.SetAttribute(file, "", "user.other", "y"u8);

        Assert.That((Calls.Stat(file).Permissions, Calls.Stat(file).ModifiedTime), Is.EqualTo((0x9ED, time)));
        Assert.That(Calls.GetAttribute(file, "", "user.small"), Is.EqualTo("x"u8.ToArray()));
        Assert.That(Calls.ListAttributes(_root.Handle, "f"), Is.SupersetOf(new[] { "user.small", "user.other" }));
        Assert.That(Calls.TryRemoveAttribute(_root.Handle, "f", "user.small"), Is.Zero);
        Assert.That(Calls.GetAttribute(_root.Handle, "f", "user.small"), Is.Null);
        Assert.That(Calls.TrySetAttribute(_root.Handle, "f", "user.large", large), Is.Zero.Or.EqualTo(Errno.ENOSPC));
    }

    [Test]
    public void Paths_of_containers_stay_inside()
    {
        Calls.MakeSymlink("/etc", _root.Handle, "link");

        Assert.That(_root.TryOpenInside("link/passwd", OpenFlags.Read, 0, out _), Is.EqualTo(Errno.ENOENT));
    }

    [Test]
    public void Directories_that_nobody_may_enter_are_entered_all_the_same()
    {
        Calls.MakeDirectory(_root.Handle, "closed", 0);
        using var closed = _root.OpenInside("closed", OpenFlags.Directory);

        Calls.MakeNode(closed, "inside", FileTypeBits.Regular | 0x180);

        Assert.That(DirectoryEntries.NamesOf(closed), Is.EqualTo(new[] { "inside" }));
        Calls.Unlink(closed, "inside");
    }

    [Test]
    public async Task Many_threads_are_served_one_after_the_other()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(thread => Task.Run(() =>
        {
            for (var i = 0; i < 200; i++)
            {
                Calls.MakeNode(_root.Handle, $"{thread}-{i}", FileTypeBits.Regular | 0x180);
                Calls.Unlink(_root.Handle, $"{thread}-{i}");
            }
        })));

        Assert.That(DirectoryEntries.NamesOf(_root.OpenInside(".", OpenFlags.Directory)), Is.Empty);
    }

    [Test]
    public void The_worker_keeps_no_descriptors()
    {
        Needs.Root();
        for (var i = 0; i < 50; i++)
        {
            Calls.Open(_root.Handle, ".", OpenFlags.Directory).Dispose();
        }

        Assert.That(Calls.TryOpen(_root.Handle, "none", OpenFlags.Read, 0, Resolve.NoSymlinks, out _), Is.EqualTo(Errno.ENOENT));
        // The worker answers first, and closes then.
        Assert.That(() => Directory.GetFiles($"/proc/{_worker.ProcessId}/fd").Length, Is.EqualTo(5).After(2000, 10));
    }

    [Test]
    public void Nothing_is_left_of_a_worker_that_was_disposed_of()
    {
        var process = _worker.ProcessId;

        _worker.Dispose();

        Assert.That(Directory.Exists($"/proc/{process}"), Is.False);
        Assert.That(() => Calls.Stat(_root.Handle), Throws.Exception);
        _worker = null!;
    }
}

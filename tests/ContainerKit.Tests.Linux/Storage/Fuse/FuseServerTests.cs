using ContainerKit.Linux;
using ContainerKit.Storage.Fuse;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage.Fuse;

/// <summary>The kernel, mounted for real, against the server.</summary>
internal sealed class FuseServerTests
{
    private TemporaryDirectory _directory = null!;
    private MirrorFileSystem _files = null!;
    private FuseServer? _server;
    private string _mount = "";

    [SetUp]
    public void MakeDirectories()
    {
        Needs.Root();
        Needs.FuseDevice();
        _directory = new TemporaryDirectory();
        _mount = _directory.MakeDirectory("mount");
        _files = new MirrorFileSystem(_directory.MakeDirectory("source"));
    }

    [TearDown]
    public void Unmount()
    {
        if (_directory is not null)
        {
            _ = MountCalls.TryUnmount(_mount, lazily: true);
            _server?.Dispose();
            _directory.Dispose();
        }
    }

    [Test]
    public void Files_directories_links_and_attributes_work_through_the_mount([Values] PassthroughMode passthrough)
    {
        Serve(passthrough);

        Shell.Script("""
            cd "$1"
            umask 027
            echo one > file && echo two >> file && [ "$(cat file)" = "$(printf 'one\ntwo')" ]
            [ "$(stat -c %a file)" = 640 ]
            mkdir -p a/b/c && [ "$(stat -c %a a)" = 750 ]
            ln file a/hard && [ "$(stat -c %h file)" = 2 ]
            ln -s ../file a/soft && [ "$(cat a/soft)" = "$(cat file)" ] && [ "$(readlink a/soft)" = ../file ]
            mv file moved && [ ! -e file ] && cat moved > /dev/null
            chmod 4711 moved && [ "$(stat -c %a moved)" = 4711 ]
            chown 12:34 moved && [ "$(stat -c %u:%g moved)" = 12:34 ]
            touch -d '2001-02-03 04:05:06.123456789 UTC' moved && [ "$(stat -c %y moved | cut -c1-29)" = "2001-02-03 04:05:06.123456789" ]
            setfattr -n user.color -v green moved && [ "$(getfattr --only-values -n user.color moved)" = green ]
            truncate -s 2 moved && [ "$(stat -c %s moved)" = 2 ]
            mkfifo a/fifo && mknod a/null c 1 3 && [ "$(stat -c %t:%T a/null)" = 1:3 ]
            dd if=/dev/urandom of=big bs=1M count=9 status=none && cmp big big && cp big copy && cmp big copy
            [ "$(stat -f -c %a .)" = 400 ] && [ "$(stat -c %W copy)" -gt 0 ]
            for i in $(seq 1 500); do : > a/b/$i; done; [ "$(ls a/b | wc -l)" = 501 ]
            rm -r a/b && [ "$(ls a | sort | tr '\n' ' ')" = "fifo hard null soft " ]
            """, _mount);

        Assert.That(() => _files.OpenFiles, Is.Zero.After(2000, 20));
    }

    [Test]
    public void The_mount_is_called_ckunion_and_its_server_ends_when_it_is_unmounted()
    {
        var server = Serve(PassthroughMode.Auto);

        var line = MountInfo.Parse(File.ReadAllText("/proc/self/mountinfo")).Single(mount => mount.Target == _mount);
        Shell.Run("umount", _mount);

        Assert.That((line.Type, line.Source), Is.EqualTo(("fuse.ckunion", "ckunion")));
        Assert.That(server.Ended.Wait(TimeSpan.FromSeconds(10)), Is.True);
    }

    [Test]
    public void Passthrough_is_active_for_root_and_off_where_that_is_asked()
    {
        var kernel = Version.Parse(File.ReadAllText("/proc/sys/kernel/osrelease").Split('-', '+')[0]);
        Needs.That(kernel >= new Version(6, 9), "the kernel has no passthrough");

        using (Serve(PassthroughMode.On))
        {
            Assert.That(_server!.Passthrough.ToString(), Is.EqualTo("active"));
            _ = MountCalls.TryUnmount(_mount, lazily: true);
        }

        Assert.That(Serve(PassthroughMode.Off).Passthrough.ToString(), Is.EqualTo("off, as asked"));
    }

    [Test]
    public void A_request_that_throws_is_an_error_for_its_asker_alone()
    {
        File.WriteAllText(_directory["source/good"], "fine");
        _files.OnLookup = (name, _) =>
        {
            if (name == "bad")
            {
                throw new InvalidOperationException("Nobody foresaw this.");
            }
        };
        Serve(PassthroughMode.Auto);

        Assert.That(Shell.Try("stat", $"{_mount}/bad").Error, Does.Contain("Input/output error"));
        Assert.That(File.ReadAllText($"{_mount}/good"), Is.EqualTo("fine"));
    }

    [Test]
    public void A_slow_request_holds_nobody_else_up_when_it_says_so()
    {
        File.WriteAllText(_directory["source/quick"], "fine");
        using var released = new ManualResetEventSlim();
        _files.OnLookup = (name, _) =>
        {
            if (name.StartsWith("slow", StringComparison.Ordinal))
            {
                _files.Kernel.ExpectLongWork();
                released.Wait();
            }
        };
        Serve(PassthroughMode.Auto);

        var slow = Enumerable.Range(0, 6).Select(i => Task.Factory.StartNew(() => File.Exists($"{_mount}/slow{i}"), TaskCreationOptions.LongRunning)).ToArray();
        Thread.Sleep(100);
        var quick = Task.Run(() => File.ReadAllText($"{_mount}/quick"));
        var isQuick = quick.Wait(TimeSpan.FromSeconds(10));
        released.Set();
        Task.WaitAll(slow);

        Assert.That(isQuick, Is.True);
    }

    [Test]
    public void A_signal_reaches_the_request_that_its_asker_waits_for()
    {
        using var isInterrupted = new ManualResetEventSlim();
        using var isAsked = new ManualResetEventSlim();
        _files.OnLookup = (name, request) =>
        {
            if (name == "slow")
            {
                isAsked.Set();
                SpinWait.SpinUntil(() => request.IsInterrupted, TimeSpan.FromSeconds(10));
                if (request.IsInterrupted)
                {
                    isInterrupted.Set();
                }
            }
        };
        Serve(PassthroughMode.Auto);

        Shell.Try("timeout", "-s", "INT", "0.3", "stat", $"{_mount}/slow");

        Assert.That(isAsked.IsSet && isInterrupted.Wait(TimeSpan.FromSeconds(10)), Is.True);
    }

    [Test]
    public void After_the_server_the_mount_answers_that_nobody_is_connected()
    {
        Serve(PassthroughMode.Auto).Dispose();

        Assert.That(Shell.Try("stat", $"{_mount}/anything").Error, Does.Contain("Transport endpoint is not connected"));
        Assert.That(_files.Stops, Is.EqualTo(1));
    }

    [Test]
    public void Names_that_are_invalidated_are_asked_for_again()
    {
        Serve(PassthroughMode.Auto);
        File.WriteAllText(_directory["source/name"], "old");
        Assert.That(File.ReadAllText($"{_mount}/name"), Is.EqualTo("old"));
        File.Delete(_directory["source/name"]);
        File.WriteAllText(_directory["source/name"], "new!");

        _server!.InvalidateEntry(FuseFileSystem.RootNode, "name"u8);
        _server.WaitUntilTold();

        Assert.That(File.ReadAllText($"{_mount}/name"), Is.EqualTo("new!"));
    }

    [Test]
    public void Passed_through_data_goes_to_the_backing_file_without_a_request()
    {
        Serve(PassthroughMode.Auto);
        Needs.That(_server!.Passthrough.IsActive, "passthrough is not to be had");
        using var written = new FileStream($"{_mount}/file", FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        written.Write("through"u8);

        _server.Dispose();
        var answer = new byte[7];
        written.Position = 0;
        written.ReadExactly(answer);

        Assert.That(answer, Is.EqualTo("through"u8.ToArray()));
        Assert.That(File.ReadAllText(_directory["source/file"]), Is.EqualTo("through"));
    }

    private FuseServer Serve(PassthroughMode passthrough)
    {
        using var mount = FuseMount.Make(new FuseMountOptions());
        mount.Attach(_mount);
        return _server = mount.Serve(_files, new FuseServerOptions { Passthrough = passthrough });
    }
}

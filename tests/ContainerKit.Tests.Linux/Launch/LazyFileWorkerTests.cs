using ContainerKit.Launch;
using ContainerKit.Linux;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Launch;

internal sealed class LazyFileWorkerTests
{
    private readonly UserMap _map = UserMap.Single((uint)Tmds.Linux.LibC.geteuid(), (uint)Tmds.Linux.LibC.getegid());
    private TemporaryDirectory _directory = null!;
    private RootedDirectory _root = null!;
    private int _starts;

    [SetUp]
    public void OpenDirectory()
    {
        Needs.UserNamespaces();
        _directory = new TemporaryDirectory();
        _root = RootedDirectory.Open(_directory.Path);
        _starts = 0;
    }

    [TearDown]
    public void CloseDirectory()
    {
        _root?.Dispose();
        _directory?.Dispose();
    }

    [Test]
    public void Nothing_starts_before_the_first_call()
    {
        using var worker = new LazyFileWorker(Start);
        _ = worker.Calls;

        Assert.That(_starts, Is.Zero);
        Assert.That(worker.Calls.TryStat(_root.Handle, default, out _), Is.Zero);
        Assert.That(_starts, Is.EqualTo(1));
    }

    [Test]
    [Category("Slow")]
    public void Many_first_calls_start_one()
    {
        using var worker = new LazyFileWorker(Start);

        Parallel.For(0, 32, i => worker.Calls.MakeDirectory(_root.Handle, $"{i}", 0x1C0));

        Assert.That(_starts, Is.EqualTo(1));
        Assert.That(Directory.GetDirectories(_directory.Path), Has.Length.EqualTo(32));
    }

    [Test]
    public void A_start_that_failed_is_tried_again()
    {
        var isRefused = true;
        using var worker = new LazyFileWorker(() => isRefused ? Task.FromException<FileWorker>(new HostCapabilityException("user-namespaces", "refused")) : Start());
        Assert.That(() => worker.Calls.TryStat(_root.Handle, default, out _), Throws.TypeOf<HostCapabilityException>());
        Assert.That(() => worker.Calls.TryStat(_root.Handle, default, out _), Throws.TypeOf<HostCapabilityException>());

        isRefused = false;

        Assert.That(worker.Calls.TryStat(_root.Handle, default, out _), Is.Zero);
    }

    [Test]
    public void Nothing_starts_after_the_end_and_what_started_has_ended()
    {
        var process = 0;
        var worker = new LazyFileWorker(async () =>
        {
            var started = await Start();
            process = started.ProcessId;
            return started;
        });
        _ = worker.Calls.TryStat(_root.Handle, default, out _);

        worker.Dispose();

        Assert.That(Directory.Exists($"/proc/{process}"), Is.False);
        Assert.That(() => worker.Calls.TryStat(_root.Handle, default, out _), Throws.TypeOf<ObjectDisposedException>());
    }

    private Task<FileWorker> Start()
    {
        Interlocked.Increment(ref _starts);
        return FileWorker.StartAsync(_map, null, CancellationToken.None);
    }
}

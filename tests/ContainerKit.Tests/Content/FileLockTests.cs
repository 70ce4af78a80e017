using ContainerKit.Content;

namespace ContainerKit.Tests.Content;

public sealed class FileLockTests
{
    private string _path = "";

    [SetUp]
    public void MakePath() => _path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    [TearDown]
    public void RemoveFile() => File.Delete(_path);

    [Test]
    public void An_exclusive_lock_keeps_everyone_out_until_it_is_let_go()
    {
        using (FileLock.TryAcquire(_path, exclusive: true))
        {
            Assert.That(FileLock.TryAcquire(_path, exclusive: true), Is.Null);
            Assert.That(FileLock.TryAcquire(_path, exclusive: false), Is.Null);
        }

        using var after = FileLock.TryAcquire(_path, exclusive: true);
        Assert.That(after, Is.Not.Null);
    }

    [Test]
    [Platform("Linux")]
    public void Shared_locks_stand_beside_each_other()
    {
        using var first = FileLock.TryAcquire(_path, exclusive: false);
        using var second = FileLock.TryAcquire(_path, exclusive: false);

        Assert.That(second, Is.Not.Null);
        Assert.That(FileLock.TryAcquire(_path, exclusive: true), Is.Null);
    }

    [Test]
    [Platform("Linux")]
    public void A_lock_on_a_file_that_was_replaced_meanwhile_is_no_lock()
    {
        using var old = FileLock.TryAcquire(_path, exclusive: true);
        File.Delete(_path);

        using var current = FileLock.TryAcquire(_path, exclusive: true);

        Assert.That(current, Is.Not.Null);
    }

    [Test]
    public void Waiting_for_a_lock_can_be_cancelled()
    {
        using var held = FileLock.TryAcquire(_path, exclusive: true);
        using var cancellation = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));

        Assert.That(() => FileLock.AcquireAsync(_path, exclusive: true, cancellation.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(() => FileLock.Acquire(_path, exclusive: true, cancellation.Token), Throws.InstanceOf<OperationCanceledException>());
    }
}

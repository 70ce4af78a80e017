using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Tests.Linux.Linux;

public sealed class PipeStreamTests
{
    [Test]
    public async Task What_a_child_writes_is_read_to_the_end()
    {
        var (mine, theirs) = PipeStream.ForReading();
        await using var reading = mine;

        await WriteAndClose(theirs, "hello");

        using var text = new StreamReader(mine);
        Assert.That(await text.ReadToEndAsync(), Is.EqualTo("hello"));
    }

    [Test]
    public async Task A_read_waits_until_there_is_something()
    {
        var (mine, theirs) = PipeStream.ForReading();
        await using var reading = mine;
        var read = mine.ReadAsync(new byte[10]).AsTask();
        Assert.That(read.IsCompleted, Is.False);

        await WriteAndClose(theirs, "x");

        Assert.That(await read, Is.EqualTo(1));
    }

    [Test]
    public async Task A_read_that_waits_can_be_cancelled_and_tried_again()
    {
        var (mine, theirs) = PipeStream.ForReading();
        await using var reading = mine;
        using var cancellation = new CancellationTokenSource(20);

        Assert.That(() => mine.ReadAsync(new byte[1], cancellation.Token).AsTask(), Throws.InstanceOf<OperationCanceledException>());
        await WriteAndClose(theirs, "y");
        Assert.That(mine.ReadByte(), Is.EqualTo('y'));
    }

    [Test]
    public async Task A_write_waits_while_the_pipe_is_full()
    {
        var (mine, theirs) = PipeStream.ForWriting();
        var content = new byte[1 << 20];
        new Random(4).NextBytes(content);

        var writing = Task.Run(async () =>
        {
            await using var stream = mine;
            await stream.WriteAsync(content);
        });
        await using var reader = new FileStream(theirs, FileAccess.Read);
        using var copy = new MemoryStream();
        await reader.CopyToAsync(copy);
        await writing;

        Assert.That(copy.ToArray(), Is.EqualTo(content));
    }

    [Test]
    public void Writing_where_nobody_reads_is_an_error()
    {
        var (mine, theirs) = PipeStream.ForWriting();
        using var writing = mine;
        theirs.Dispose();

        Assert.That(() => mine.WriteAsync(new byte[1]).AsTask(), Throws.InstanceOf<IOException>());
    }

    [Test]
    public void Closing_wakes_whoever_waits()
    {
        var (mine, theirs) = PipeStream.ForReading();
        using var writing = theirs;
        var read = mine.ReadAsync(new byte[1]).AsTask();

        mine.Dispose();

        Assert.That(() => read, Throws.InstanceOf<ObjectDisposedException>());
    }

    private static async Task WriteAndClose(SafeFileHandle end, string text)
    {
        await using var stream = new FileStream(end, FileAccess.Write);
        await stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(text));
    }
}

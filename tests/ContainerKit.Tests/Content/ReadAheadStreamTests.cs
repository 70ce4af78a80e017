using ContainerKit.Content;

namespace ContainerKit.Tests.Content;

public sealed class ReadAheadStreamTests
{
    private const int Ahead = 1 << 20;

    [Test]
    public void The_content_is_that_of_the_source([Values(0, 1, ReadAheadStream.SegmentBytes, (5 << 20) + 3)] int length)
    {
        var content = Noise(length);
        using var stream = Open(new Source(content));

        // Compared as spans: a constraint would look at each of the bytes by itself.
        Assert.That(ReadAll(stream).AsSpan().SequenceEqual(content));
        Assert.That(stream.Read(new byte[1]), Is.Zero);
    }

    [Test]
    public void What_is_peeked_at_stays_until_it_is_taken()
    {
        using var stream = Open(new Source(Noise(1000)));

        var first = stream.Peek().Span[0];
        stream.Advance(1);

        Assert.That(stream.Peek().Length, Is.EqualTo(999));
        Assert.That(first, Is.EqualTo(Noise(1000)[0]));
    }

    [Test]
    public void The_source_is_read_ahead_and_no_further_than_allowed()
    {
        var source = new Source(Noise(20 << 20));
        using var stream = Open(source);

        Assert.That(() => source.BytesRead, Is.GreaterThanOrEqualTo(Ahead).After(10_000, 5));
        Thread.Sleep(50);

        Assert.That(source.BytesRead, Is.LessThanOrEqualTo(Ahead + ReadAheadStream.SegmentBytes));
    }

    [Test]
    public void A_failure_comes_out_behind_the_content_before_it()
    {
        var content = Noise(200_000);
        using var stream = Open(new Source(content, new ImageException("It is damaged.")));
        var read = new byte[content.Length];

        stream.ReadExactly(read);

        Assert.That(read, Is.EqualTo(content));
        Assert.That(() => stream.Read(new byte[1]), Throws.TypeOf<ImageException>().With.Message.EqualTo("It is damaged."));
        Assert.That(() => stream.Read(new byte[1]), Throws.TypeOf<ImageException>());
    }

    [Test]
    public void What_cannot_be_opened_fails_when_it_is_read()
    {
        using var stream = new ReadAheadStream(() => throw new ImageException("There is no such layer."), Ahead, CancellationToken.None);

        Assert.That(() => stream.Read(new byte[1]), Throws.TypeOf<ImageException>().With.Message.EqualTo("There is no such layer."));
    }

    [Test]
    public void Giving_up_ends_the_wait_for_a_source_that_has_nothing_to_say()
    {
        using var giveUp = new CancellationTokenSource();
        using var silence = new SemaphoreSlim(0);
        using var stream = new ReadAheadStream(
            () =>
            {
                silence.Wait(giveUp.Token);
                return Stream.Null;
            },
            Ahead,
            giveUp.Token);
        giveUp.CancelAfter(20);

        Assert.That(() => stream.Read(new byte[1]), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void Disposal_in_the_middle_closes_the_source()
    {
        var source = new Source(Noise(20 << 20));
        var stream = Open(source);
        stream.ReadExactly(new byte[1000]);

        stream.Dispose();

        Assert.That(source.IsDisposed, Is.True);
    }

    private static ReadAheadStream Open(Source source) => new(() => source, Ahead, CancellationToken.None);

    private static byte[] Noise(int length)
    {
        var bytes = new byte[length];
        new Random(4711).NextBytes(bytes);
        return bytes;
    }

    private static byte[] ReadAll(Stream stream)
    {
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

    /// <summary>Gives its content in odd pieces, and then ends or fails.</summary>
    private sealed class Source(byte[] content, Exception? failure = null) : ReadOnlyStream
    {
        private const int LargestPiece = 40_001;

        private int _bytesRead;

        public int BytesRead => Volatile.Read(ref _bytesRead);

        public bool IsDisposed { get; private set; }

        public override int Read(Span<byte> buffer)
        {
            var count = Math.Min(Math.Min(buffer.Length, LargestPiece), content.Length - _bytesRead);
            if (count == 0 && failure is not null)
            {
                throw failure;
            }

            content.AsSpan(_bytesRead, count).CopyTo(buffer);
            Volatile.Write(ref _bytesRead, _bytesRead + count);
            return count;
        }

        protected override void Dispose(bool disposing)
        {
            IsDisposed = true;
            base.Dispose(disposing);
        }
    }
}

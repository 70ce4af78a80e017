using ContainerKit.Content;
using ContainerKit.Tests.Support;

namespace ContainerKit.Tests.Content;

public sealed class BlobStoreTests
{
    private static readonly byte[] Hello = "hello"u8.ToArray();
    private static readonly Descriptor OfHello = new("text/plain", Digest.Of(Hello), 5);

    private TemporaryFolder _folder = null!;
    private BlobStore _store = null!;

    [SetUp]
    public void Open()
    {
        _folder = new TemporaryFolder();
        _store = new BlobStore(_folder.Path);
    }

    [TearDown]
    public void Close() => _folder.Dispose();

    [Test]
    public void What_is_added_can_be_read()
    {
        var blob = _store.Add(Hello, "text/plain");

        Assert.That(blob, Is.EqualTo(OfHello));
        Assert.That(_store.Read(blob, 100), Is.EqualTo(Hello));
        Assert.That(File.Exists(_folder[$"blobs/sha256/{blob.Digest.Hex}"]));
    }

    [Test]
    public void Nothing_is_visible_before_it_is_committed()
    {
        using (var writer = _store.Create())
        {
            writer.Write(Hello);
            Assert.That(_store.List(), Is.Empty);
        }

        Assert.That(_store.List(), Is.Empty);
        Assert.That(Directory.EnumerateFiles(_store.TemporaryDirectory), Is.Empty);
    }

    [Test]
    public void The_same_blob_twice_is_one()
    {
        _store.Add(Hello, "text/plain");

        _store.Add(Hello, "text/plain");

        Assert.That(_store.List(), Is.EqualTo(new[] { OfHello.Digest }));
        Assert.That(Directory.EnumerateFiles(_store.TemporaryDirectory), Is.Empty);
    }

    [TestCase("hallo", 5, "damaged")]
    [TestCase("hell", 5, "has 4 bytes, and not the 5")]
    [TestCase("hello!", 5, "more than the 5 bytes")]
    public void A_source_that_lies_is_refused(string content, long size, string because)
    {
        using var source = new OneBlob(System.Text.Encoding.ASCII.GetBytes(content));

        Assert.That(() => _store.Copy(source, OfHello with { Size = size }, null, CancellationToken.None), Throws.TypeOf<ImageException>().With.Message.Contains(because));
        Assert.That(_store.List(), Is.Empty);
        Assert.That(Directory.EnumerateFiles(_store.TemporaryDirectory), Is.Empty);
    }

    [Test]
    public void A_descriptor_that_lies_about_a_blob_that_is_here_is_refused()
    {
        _store.Add(Hello, "text/plain");
        using var source = new OneBlob(Hello);

        Assert.That(() => _store.Copy(source, OfHello with { Size = 6 }, null, CancellationToken.None), Throws.TypeOf<ImageException>());
    }

    [Test]
    public void Cancellation_leaves_nothing()
    {
        using var source = new OneBlob(Hello);

        Assert.That(() => _store.Copy(source, OfHello, null, new CancellationToken(canceled: true)), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Directory.EnumerateFiles(_folder.Path, "*", SearchOption.AllDirectories), Is.Empty);
    }

    [Test]
    public void A_document_that_was_cut_short_on_disk_is_refused()
    {
        var blob = _store.Add(Hello, "text/plain");
        File.WriteAllBytes(_store.PathOf(blob.Digest), "hell"u8.ToArray());

        Assert.That(() => _store.Read(blob, 100), Throws.TypeOf<ImageException>().With.Message.Contains("not the 5"));
    }

    [Test]
    public void A_document_that_is_too_large_is_not_read()
    {
        var blob = _store.Add(Hello, "text/plain");

        Assert.That(() => _store.Read(blob, 4), Throws.TypeOf<ImageException>().With.Message.Contains("4 are allowed"));
    }

    [Test]
    public void A_blob_that_is_missing_says_so()
    {
        Assert.That(() => _store.OpenBlob(OfHello), Throws.TypeOf<ImageException>().With.Message.Contains($"no blob {OfHello.Digest}"));
    }

    private sealed class OneBlob(byte[] content) : IBlobSource, IDisposable
    {
        private readonly MemoryStream _stream = new(content);

        public Stream OpenBlob(Descriptor blob) => _stream;

        public void Dispose() => _stream.Dispose();
    }
}

using ContainerKit.Layers;
using ContainerKit.Tests.Layers;

namespace ContainerKit.Tests.Images;

/// <summary>Layers as they are opened to be unpacked.</summary>
public sealed class LayerTests
{
    private const int Ahead = 1 << 20;

    // The byte of a gzip header that says on what system it was written: RFC 1952, 2.3.1.
    private const int SystemByte = 9;

    private Store _store = null!;

    [SetUp]
    public void Open() => _store = new Store();

    [TearDown]
    public void Close() => _store.Dispose();

    [Test]
    public async Task What_is_known_of_a_loaded_layer_is_held_against_its_blob()
    {
        var layer = await Loaded();
        var blob = _store.Catalog.Blobs.PathOf(layer.Descriptor.Digest);
        Assert.That(Content(layer), Is.EqualTo(Store.RootFs()));
        Assert.That(_store.Catalog.Blobs.Contents.Are(layer.Descriptor.Digest, layer.DiffId));

        // It is the same archive uncompressed, and another blob.
        var bytes = await File.ReadAllBytesAsync(blob);
        bytes[SystemByte] ^= 1;
        File.SetAttributes(blob, FileAttributes.Normal);
        await File.WriteAllBytesAsync(blob, bytes);

        Assert.That(() => Content(layer), Throws.TypeOf<ImageException>().With.Message.Contains($"The blob {layer.Descriptor.Digest} is damaged"));
    }

    [TestCase("")]
    [TestCase("sha256:0000")]
    [TestCase("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    public async Task A_note_that_says_something_else_is_none(string note)
    {
        var layer = await Loaded();
        await File.WriteAllTextAsync(Path.Combine(_store.Root, ".contents", layer.Descriptor.Digest.Hex), note);

        Assert.That(_store.Catalog.Blobs.Contents.Are(layer.Descriptor.Digest, layer.DiffId), Is.False);
        Assert.That(Content(layer), Is.EqualTo(Store.RootFs()));
    }

    [Test]
    public async Task What_is_noted_of_a_blob_goes_with_it()
    {
        var layer = await Loaded();
        Assert.That(_store.Files(), Has.Some.EqualTo($".contents/{layer.Descriptor.Digest.Hex}"));

        await _store.Images.RemoveAsync("a:1");
        await _store.Images.PruneAsync();

        Assert.That(_store.Files(), Has.None.StartWith(".contents/"));
    }

    private async Task<Layer> Loaded()
    {
        using var other = new Store();
        var made = await other.Images.ImportAsync(new MemoryStream(Samples.Compress(Store.RootFs(), CompressionKind.Gzip)), "a:1");
        await other.Images.SaveAsync(made, other["layout"], ImageArchiveFormat.OciDirectory);
        return (await _store.Images.LoadAsync(other["layout"])).Layers[0];
    }

    private static byte[] Content(Layer layer)
    {
        using var tar = layer.OpenAhead(Ahead, CancellationToken.None);
        using var content = new MemoryStream();
        tar.CopyTo(content);
        return content.ToArray();
    }
}

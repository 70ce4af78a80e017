using ContainerKit.Images;
using ContainerKit.Images.Editing;
using ContainerKit.Layers.Trees;
using ContainerKit.Tests.Layers;

namespace ContainerKit.Tests.Images.Editing;

/// <summary>A store with a base of two layers, and an image on it that adds a file, replaces one and takes one away.</summary>
public abstract class EditFixture
{
    internal static byte[] Lower { get; } = new RawTar().Add("etc", '5').Add("etc/motd", content: "hello\n").Add("etc/hosts", content: "localhost\n").End().ToArray();

    internal static byte[] Middle { get; } = new RawTar().Add("lib", '5').Add("lib/so", content: "code").Add("lib/so.1", '1', link: "lib/so").End().ToArray();

    internal static byte[] Upper { get; } = new RawTar().Add("etc/motd", content: "changed\n").Add("etc/.wh.hosts").Add("app", content: "program").End().ToArray();

    internal Store Store { get; private set; } = null!;

    internal ImageStore Images => Store.Images;

    protected Image Base { get; private set; } = null!;

    protected Image App { get; private set; } = null!;

    [SetUp]
    public async Task Open()
    {
        Store = new Store();
        Base = await ImageOf("base:1", Lower, Middle);
        App = await Images.AppendAsync(Base, Store.Write("upper.tar", Upper), "app:1");
    }

    [TearDown]
    public void Close() => Store.Dispose();

    internal async Task<Image> ImageOf(string name, params byte[][] layers)
    {
        var image = await Images.ImportAsync(new MemoryStream(layers[0]), name);
        for (var i = 1; i < layers.Length; i++)
        {
            image = await Images.AppendAsync(image, Store.Write($"{i}.tar", layers[i]), name);
        }

        return image;
    }

    /// <summary>Gives an image another config or manifest, edited as text.</summary>
    internal Image WithDocuments(Image image, Func<string, string>? config = null, Func<string, string>? manifest = null)
    {
        var blobs = Store.Catalog.Blobs;
        var written = blobs.Add(Bytes(config, Text(image.ConfigDescriptor)), image.ConfigDescriptor.MediaType);
        var text = Text(image.Manifest).Replace(image.ConfigDescriptor.Digest.ToString(), written.Digest.ToString(), StringComparison.Ordinal)
            .Replace($"\"size\":{image.ConfigDescriptor.Size}}}", $"\"size\":{written.Size}}}", StringComparison.Ordinal);
        using var lease = Store.Catalog.Lease(CancellationToken.None);
        return Store.Catalog.Publish(lease, blobs.Add(Bytes(manifest, text), image.Manifest.MediaType), image.Reference, CancellationToken.None);
    }

    internal string Text(Descriptor document) => System.Text.Encoding.UTF8.GetString(Store.Catalog.Blobs.Read(document, JsonDocuments.MaxBytes));

    internal static string[] Tree(Image image)
    {
        var tree = new LayerTree(LayerLimits.Default);
        TreeReader.Apply(tree, image.Layers, hashes: true, CancellationToken.None);
        return RandomLayers.Dump(tree);
    }

    private static byte[] Bytes(Func<string, string>? edit, string text) => System.Text.Encoding.UTF8.GetBytes(edit is null ? text : edit(text));
}

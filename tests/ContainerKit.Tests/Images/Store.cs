using ContainerKit.Images;
using ContainerKit.Tests.Layers;
using ContainerKit.Tests.Support;

namespace ContainerKit.Tests.Images;

/// <summary>A store of its own for a test, and a root file system to fill it with.</summary>
internal sealed class Store : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public Store(LayerLimits? limits = null)
    {
        Catalog = new ImageCatalog(Root, limits);
        Images = new ImageStore(Catalog);
    }

    public string Root => _folder["images"];

    public ImageCatalog Catalog { get; }

    public ImageStore Images { get; }

    public string this[string name] => _folder[name];

    /// <summary>A root file system of one file.</summary>
    public static byte[] RootFs(string content = "hello\n") => new RawTar().Add("./", '5').Add("./motd", content: content).End().ToArray();

    public string Write(string name, ReadOnlySpan<byte> content) => _folder.Write(name, content);

    public Task<Image> ImportAsync(string reference, string content = "hello\n") => Images.ImportAsync(new MemoryStream(RootFs(content)), reference);

    /// <summary>What lies in the store, apart from its locks and the copy of its index.</summary>
    public string[] Files() =>
    [
        .. Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
            .Where(path => !path.EndsWith("lock", StringComparison.Ordinal) && path != ".index.copy")
            .Order(StringComparer.Ordinal),
    ];

    public async Task<string[]> NamesAsync()
    {
        var names = new List<string>();
        await foreach (var image in Images.ListAsync())
        {
            names.Add(image.Reference.ToString());
        }

        return [.. names];
    }

    public void Dispose() => _folder.Dispose();
}

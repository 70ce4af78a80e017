using ContainerKit.Images;
using ContainerKit.Tests.Images;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

/// <summary>A registry in memory, a store on disk, and what goes between them: the base of the tests of that.</summary>
internal abstract class RegistryFixture
{
    private readonly List<TestRegistry> _servers = [];
    private readonly List<RegistryClient> _clients = [];

    protected Store Store { get; private set; } = null!;

    protected TestRegistry Registry { get; private set; } = null!;

    [SetUp]
    public void Open()
    {
        Store = new Store();
        Registry = Start();
    }

    [TearDown]
    public async Task Close()
    {
        _clients.ForEach(client => client.Dispose());
        _clients.Clear();
        await Registry.DisposeAsync();
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        _servers.Clear();
        Store.Dispose();
    }

    /// <summary>A further registry, which goes away with the test.</summary>
    protected TestRegistry Start(RegistryRules? rules = null, RegistryContent? content = null)
    {
        var registry = new TestRegistry(rules, content);
        _servers.Add(registry);
        return registry;
    }

    /// <summary>What the client is told, unless a test wants it otherwise: plain HTTP for every registry of the test, no files of the user's, no pauses.</summary>
    protected RegistryOptions Options => new()
    {
        AuthFiles = [],
        PlainHttp = [.. _servers.Select(registry => registry.Host)],
        RetryDelay = TimeSpan.Zero,
    };

    protected RegistryOptions WithCredentials => Options with
    {
        Credentials = (_, _) => ValueTask.FromResult<RegistryCredentials?>(new RegistryCredentials("user", "secret")),
    };

    /// <summary>The store's images as another process would have them: with a client of its own.</summary>
    protected ImageStore Client(RegistryOptions? options = null, ImageCatalog? catalog = null) => new(catalog ?? Store.Catalog, Asking(options));

    /// <summary>A client without a store.</summary>
    protected RegistryClient Asking(RegistryOptions? options = null)
    {
        var client = new RegistryClient(options ?? Options);
        _clients.Add(client);
        return client;
    }

    protected string Name(string repository, TestRegistry? registry = null) => $"{(registry ?? Registry).Host}/{repository}";

    protected Task<Image> PullAsync(string repository, RegistryOptions? options = null) => Client(options).PullAsync(Name(repository));

    /// <summary>That the store has no image, and no blob that is not what its name says.</summary>
    protected async Task AssertNothingArrived()
    {
        Assert.That(await Store.NamesAsync(), Is.Empty);
        AssertVerified(Store);
    }

    /// <summary>That a store has no blob that is not what its name says.</summary>
    protected static void AssertVerified(Store store) => Assert.That(
        store.Files().Where(file => file.StartsWith("blobs", StringComparison.Ordinal)).Where(file => NameOf(Path.Combine(store.Root, file)) != Path.GetFileName(file)),
        Is.Empty);

    private static string NameOf(string blob) => (blob.Contains("sha512") ? SampleImage.Sha512(File.ReadAllBytes(blob)) : Digest.Of(File.ReadAllBytes(blob))).Hex;

    protected byte[] Stored(Digest digest) => File.ReadAllBytes(Store.Catalog.Blobs.PathOf(digest));
}

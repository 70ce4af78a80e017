using System.Text;
using ContainerKit.Content;
using ContainerKit.Images;
using ContainerKit.Images.Archives;
using ContainerKit.Layers;
using ContainerKit.Tests.Images;
using ContainerKit.Tests.Images.Archives;
using ContainerKit.Tests.Layers;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

/// <summary>How something of others gets into a store.</summary>
public enum Entrance
{
    Pull,
    LoadArchive,
    LoadDirectory,
    Import,
    Append,
}

/// <summary>
/// Every attack through every entrance that it fits: the image is refused in a sentence, has no name, and leaves nothing that is not what its
/// digest says. A pull leaves the layers to whoever reads them, and there they are refused before anything stands on them.
/// </summary>
/// <remarks>
/// Not here, because they need a kernel: device nodes and set-user-ID of an ordinary user's store (<c>DeviceNodesTests</c>, <c>MappedIdsTests</c>), symlinks
/// that are swapped (<c>SwappedLinksTests</c>). Not here, because they fit one entrance only: credentials asked for by a redirect, token services and
/// foreign layers of another origin (<c>StrangerTests</c>, <c>AuthOriginTests</c>).
/// </remarks>
internal sealed class EntranceTests
{
    private static readonly LayerLimits Small = new() { MaxEntries = 50, MaxFileBytes = 1 << 22, MaxTotalBytes = 1 << 23, RatioMattersFrom = 1 << 20, MaxCompressionRatio = 100 };

    private static readonly Dictionary<string, Func<(byte[] Layer, Digest DiffId)>> Layers = new(StringComparer.Ordinal)
    {
        ["a gzip bomb"] = () => Packed(RawTar(1 << 22), CompressionKind.Gzip),
        ["a zstd bomb"] = () => Packed(RawTar(1 << 22), CompressionKind.Zstd),
        ["a zstd window of gigabytes"] = () => ([0x28, 0xB5, 0x2F, 0xFD, 0x00, 31 << 3, 0x01, 0x00, 0x00, 0x00], Digest.Of(""u8)),
        ["more files than allowed"] = () => Plain(Enumerable.Range(0, 60).Aggregate(new RawTar(), (tar, i) => tar.Add($"{i}"))),
        ["more bytes than allowed"] = () => Plain(new RawTar().Add("a", patch: header => Tests.Layers.RawTar.Put(header, 124, "00777777777\0"))),
        ["a path below a whiteout"] = () => Plain(new RawTar().Add("a/.wh.b/c")),
        ["an entry of a type that nobody knows"] = () => Plain(new RawTar().Add("a", 'Z')),
        ["an owner that Linux does not have"] = () => Plain(new RawTar().Pax(("uid", "4294967295")).Add("a")),
        ["something that is no archive"] = () => ([.. Enumerable.Range(0, 2000).Select(i => (byte)i)], Digest.Of([.. Enumerable.Range(0, 2000).Select(i => (byte)i)])),
        ["half an archive"] = () => (Store.RootFs()[..700], Digest.Of(Store.RootFs().AsSpan(0, 700))),
        ["half a compressed archive"] = () => (Samples.Compress(Store.RootFs(), CompressionKind.Gzip)[..60], Digest.Of(Store.RootFs())),
    };

    private static readonly Dictionary<string, Func<Sample, Sample>> Documents = new(StringComparer.Ordinal)
    {
        ["a diff ID of another layer"] = image => image with { Config = image.Config.Replace(image.DiffId, Digest.Of("x"u8).ToString(), StringComparison.Ordinal), IsSeenByReaders = true },
        ["a config with too few layers"] = image => image with { Config = image.Config.Replace($"\"{image.DiffId}\"", "", StringComparison.Ordinal) },
        ["a config that is nested too deep"] = image => image with { Config = $$"""{"a":{{new string('[', 5000)}}{{new string(']', 5000)}}}""" },
        ["a config that says a thing twice"] = image => image with { Config = image.Config.Replace("{\"arch", "{\"os\":\"x\",\"arch", StringComparison.Ordinal) },
        ["a config of 5 MiB"] = image => image with { Config = image.Config.Replace("{\"arch", $"{{\"x\":\"{new string('x', 5 << 20)}\",\"arch", StringComparison.Ordinal) },
        ["a manifest that is nested too deep"] = image => image with { ManifestMore = $",\"a\":{new string('[', 5000)}{new string(']', 5000)}" },
        ["a manifest that says a thing twice"] = image => image with { ManifestMore = ",\"schemaVersion\":2" },
        ["a manifest of 5 MiB"] = image => image with { ManifestMore = $",\"x\":\"{new string('x', 5 << 20)}\"" },
        ["a manifest that is an index as well"] = image => image with { ManifestMore = ",\"manifests\":[]" },
        ["a layer that is longer than it says"] = image => image with { SizeError = -1 },
        ["a layer that is shorter than it says"] = image => image with { SizeError = 1 },
        ["a layer of other bytes"] = image => image with { Damage = 1 },
        ["a layer of a negative size"] = image => image with { SizeError = -1_000_000 },
    };

    private Store _store = null!;
    private TestRegistry _registry = null!;

    private static IEnumerable<TestCaseData> LayersThroughEntrances() =>
        from attack in Layers.Keys from entrance in Enum.GetValues<Entrance>() select new TestCaseData(attack, entrance).SetName($"{{m}}({attack}, {entrance})");

    private static IEnumerable<TestCaseData> DocumentsThroughEntrances() =>
        from attack in Documents.Keys from entrance in (Entrance[])[Entrance.Pull, Entrance.LoadArchive, Entrance.LoadDirectory] select new TestCaseData(attack, entrance).SetName($"{{m}}({attack}, {entrance})");

    [SetUp]
    public void Open()
    {
        _store = new Store(Small);
        _registry = new TestRegistry();
    }

    [TearDown]
    public async Task Close()
    {
        await _registry.DisposeAsync();
        _store.Dispose();
    }

    [TestCaseSource(nameof(LayersThroughEntrances))]
    public async Task A_layer_is_refused(string attack, Entrance entrance)
    {
        var (layer, diffId) = Layers[attack]();

        await RefusedAsync(entrance, new Sample(layer, diffId), isPulled: true);
    }

    [TestCaseSource(nameof(DocumentsThroughEntrances))]
    public async Task A_document_is_refused(string attack, Entrance entrance)
    {
        var image = Documents[attack](new Sample(Store.RootFs(), Digest.Of(Store.RootFs())));

        await RefusedAsync(entrance, image, image.IsSeenByReaders);
    }

    [Test]
    public async Task The_same_without_an_attack_gets_in([Values] Entrance entrance) =>
        Assert.That(await TakeAsync(entrance, new Sample(Store.RootFs(), Digest.Of(Store.RootFs()))), Is.GreaterThan(0));

    [TestCase(-1)]
    [TestCase(1)]
    [TestCase(1 << 22)]
    public void A_blob_that_shrinks_or_grows_while_it_is_read_is_refused(int difference)
    {
        var archive = new Sample(Store.RootFs(), Digest.Of(Store.RootFs())).ToArchive();
        var directory = archive.ToDirectory(_store["layout"]);
        var layer = $"blobs/sha256/{Digest.Of(Store.RootFs()).Hex}";
        using var files = new ChangingFiles(new DirectoryFiles(directory), layer, difference);

        var image = new OciLayout(files).Images(null).Single();

        Assert.That(() => image.CopyTo(new CopyContext(_store.Catalog, null, CancellationToken.None)), Throws.TypeOf<ImageException>().With.Message.Contains("bytes"));
        AssertNothingIsWrong();
        Assert.That(_store.Files(), Has.None.Contains(Digest.Of(Store.RootFs()).Hex));
    }

    [Category("Slow")]
    [Test]
    public void Five_million_files_are_the_end()
    {
        using var endless = new EndlessTar();
        using var reader = new LayerReader(endless);
        var count = 0L;

        Assert.That(() => CountAll(reader, ref count), Throws.TypeOf<ImageException>().With.Message.Contains(nameof(LayerLimits.MaxEntries)));
        Assert.That(count, Is.EqualTo(LayerLimits.Default.MaxEntries));
    }

    private static void CountAll(LayerReader reader, ref long count)
    {
        for (; reader.MoveNext(); count++)
        {
        }
    }

    private async Task RefusedAsync(Entrance entrance, Sample image, bool isPulled)
    {
        var honest = await _store.ImportAsync("honest:1", "other");
        var before = await _store.NamesAsync();

        Assert.That(() => TakeAsync(entrance, image), Throws.InstanceOf<ContainerKitException>().With.Message.Not.Empty);

        Assert.That((await _store.NamesAsync()).Except(before).Count(), Is.EqualTo(entrance == Entrance.Pull && isPulled ? 1 : 0));
        Assert.That((await _store.Images.FindAsync("honest:1"))?.Digest, Is.EqualTo(honest.Digest));
        AssertNothingIsWrong();
    }

    // Takes the image in, and reads all its layers as unpacking would.
    private async Task<int> TakeAsync(Entrance entrance, Sample sample)
    {
        var image = entrance switch
        {
            Entrance.Pull => await PullAsync(sample),
            Entrance.LoadArchive => await _store.Images.LoadAsync(_store.Write("image.tar", sample.ToArchive().ToTar())),
            Entrance.LoadDirectory => await _store.Images.LoadAsync(sample.ToArchive().ToDirectory(_store["layout"])),
            Entrance.Import => await _store.Images.ImportAsync(_store.Write("rootfs.tar", sample.Layer), "import:1"),
            _ => await _store.Images.AppendAsync(await _store.ImportAsync("honest:1", "other"), _store.Write("rootfs.tar", sample.Layer), "append:1"),
        };
        var entries = 0;
        foreach (var layer in image.Layers)
        {
            await foreach (var _ in layer.EntriesAsync())
            {
                entries++;
            }
        }

        return entries;
    }

    private async Task<Image> PullAsync(Sample sample)
    {
        foreach (var (name, content) in sample.ToArchive().Files)
        {
            var digest = name.StartsWith("blobs/", StringComparison.Ordinal) ? Digest.Parse("sha256:" + Path.GetFileName(name)) : default;
            if (digest != default)
            {
                _registry.Content["app"].Blobs[digest] = content;
                _registry.Content["app"].Manifests[digest] = new StoredManifest(SampleImage.ManifestType, content);
            }
        }

        _registry.Content["app"].Tags["1"] = Digest.Of(sample.Manifest);
        using var client = new RegistryClient(new RegistryOptions { AuthFiles = [], PlainHttp = [_registry.Host], RetryDelay = TimeSpan.Zero });
        return await new ImageStore(_store.Catalog, client).PullAsync($"{_registry.Host}/app:1");
    }

    private void AssertNothingIsWrong()
    {
        Assert.That(_store.Files().Where(file => file.StartsWith(".tmp", StringComparison.Ordinal) && !file.EndsWith(".part", StringComparison.Ordinal)), Is.Empty);
        Assert.That(
            _store.Files().Where(file => file.StartsWith("blobs", StringComparison.Ordinal)).Where(file => Digest.Of(File.ReadAllBytes(Path.Combine(_store.Root, file))).Hex != Path.GetFileName(file)),
            Is.Empty);
    }

    private static byte[] RawTar(int zeros) => new RawTar().Add("zeros"u8.ToArray(), '0', new byte[zeros], []).End().ToArray();

    private static (byte[] Layer, Digest DiffId) Plain(RawTar tar) => (tar.End().ToArray(), Digest.Of(tar.ToArray()));

    private static (byte[] Layer, Digest DiffId) Packed(byte[] tar, CompressionKind kind) => (Samples.Compress(tar, kind), Digest.Of(tar));

    /// <summary>An image of one layer, of which something is wrong.</summary>
    private sealed record Sample(byte[] Layer, Digest LayerDiffId)
    {
        public string DiffId => LayerDiffId.ToString();

        public string Config { get; init; } = Archive.Config(LayerDiffId);

        public string ManifestMore { get; init; } = "";

        public int SizeError { get; init; }

        public byte Damage { get; init; }

        public bool IsSeenByReaders { get; init; }

        public byte[] Manifest => Encoding.UTF8.GetBytes(
            $$"""{"schemaVersion":2,"mediaType":"{{MediaTypes.Manifest}}","config":{{SampleImage.Describe(Encoding.UTF8.GetBytes(Config), MediaTypes.Config)}},"layers":[{"mediaType":"{{MediaTypes.LayerGzip}}","digest":"{{Digest.Of(Layer)}}","size":{{Layer.Length + SizeError}}}]{{ManifestMore}}}""");

        public Archive ToArchive()
        {
            var archive = new Archive().With($"blobs/sha256/{Digest.Of(Layer).Hex}", [(byte)(Layer[0] ^ Damage), .. Layer[1..]]);
            archive.AddBlob(Encoding.UTF8.GetBytes(Config), MediaTypes.Config);
            return archive.AsOci(archive.AddBlob(Manifest, MediaTypes.Manifest, Archive.Named("load:1")).Json);
        }
    }

    /// <summary>Files of which one has other bytes by the time it is read than when it was looked at.</summary>
    private sealed class ChangingFiles(IArchiveFiles files, string changing, int difference) : IArchiveFiles
    {
        public string Path => files.Path;

        public Stream? TryOpen(string name)
        {
            var file = files.TryOpen(name);
            if (name == changing)
            {
                using var writer = new FileStream(System.IO.Path.Combine(Path, name), FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
                writer.SetLength(writer.Length + difference);
            }

            return file;
        }

        public void Dispose() => files.Dispose();
    }

    /// <summary>One empty file after another, for ever.</summary>
    private sealed class EndlessTar : ReadOnlyStream
    {
        private readonly byte[] _header = new RawTar().Add("a").ToArray();

        public override int Read(Span<byte> buffer)
        {
            var whole = buffer.Length / _header.Length * _header.Length;
            for (var at = 0; at < whole; at += _header.Length)
            {
                _header.CopyTo(buffer[at..]);
            }

            return whole;
        }
    }
}

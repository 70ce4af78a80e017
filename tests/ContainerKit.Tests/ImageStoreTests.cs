using ContainerKit.Images;
using ContainerKit.Layers;
using ContainerKit.Tests.Images;
using ContainerKit.Tests.Layers;

namespace ContainerKit.Tests;

public sealed class ImageStoreTests
{
    private Store _store = null!;

    [SetUp]
    public void Open() => _store = new Store();

    [TearDown]
    public void Close() => _store.Dispose();

    [Test]
    public async Task An_import_gives_an_image_of_one_layer()
    {
        var image = await _store.ImportAsync("debian:12");

        Assert.That(image.Reference.ToString(), Is.EqualTo("debian:12"));
        Assert.That(image.Layers.Single().DiffId, Is.EqualTo(Digest.Of(Store.RootFs())));
        Assert.That(image.Config, Has.Property("Platform").EqualTo(Platform.Host).And.Property("Command").Empty);
        Assert.That(image.Size, Is.EqualTo(_store.Files().Where(file => file.StartsWith("blobs", StringComparison.Ordinal)).Sum(file => new FileInfo(Path.Combine(_store.Root, file)).Length)));
    }

    [Test]
    public async Task An_import_is_found_by_name_and_by_digest()
    {
        var image = await _store.ImportAsync("debian:12");

        Assert.That((await _store.Images.FindAsync("docker.io/library/debian:12"))?.Digest, Is.EqualTo(image.Digest));
        Assert.That((await _store.Images.FindAsync(image.Digest.ToString()))?.Digest, Is.EqualTo(image.Digest));
        Assert.That((await _store.Images.FindAsync(image.Digest.Hex[..12]))?.Digest, Is.EqualTo(image.Digest));
        Assert.That((await _store.Images.FindAsync(image.ConfigDescriptor.Digest.ToString()))?.Digest, Is.EqualTo(image.Digest));
        Assert.That((await _store.Images.FindAsync($"debian@{image.Digest}"))?.Digest, Is.EqualTo(image.Digest));
        Assert.That(await _store.Images.FindAsync("debian:13"), Is.Null);
        Assert.That(await _store.Images.FindAsync($"other@{image.Digest}"), Is.Null);
    }

    [Test]
    public async Task Importing_the_same_archive_again_gives_the_same_image()
    {
        var first = await _store.ImportAsync("debian:12");

        var second = await _store.ImportAsync("debian:12");

        Assert.That(second.Digest, Is.EqualTo(first.Digest));
        Assert.That(await _store.NamesAsync(), Is.EqualTo(new[] { "debian:12" }));
    }

    [Test]
    public async Task However_it_is_compressed_it_is_the_same_layer([Values] CompressionKindCase kind)
    {
        var archive = Samples.Compressed((CompressionKind)kind);

        var image = await _store.Images.ImportAsync(new MemoryStream(archive), "sample");

        Assert.That(image.Layers.Single().DiffId, Is.EqualTo(Digest.Of(Samples.Plain)));
    }

    [TestCase(CompressionKindCase.Gzip, MediaTypes.LayerGzip)]
    [TestCase(CompressionKindCase.Zstd, MediaTypes.LayerZstd)]
    public async Task What_layers_are_compressed_with_is_kept_byte_for_byte(CompressionKindCase kind, string mediaType)
    {
        var archive = Samples.Compressed((CompressionKind)kind);

        var image = await _store.Images.ImportAsync(new MemoryStream(archive), "sample");

        Assert.That(image.Layers.Single().Descriptor, Is.EqualTo(new Descriptor(mediaType, Digest.Of(archive), archive.Length)));
    }

    [Test]
    public async Task A_file_is_imported_with_progress()
    {
        var progress = new Recorder();
        var path = _store.Write("rootfs.tar", Store.RootFs());

        await _store.Images.ImportAsync(path, "debian:12", progress);

        Assert.That(progress.Reports[^1], Is.EqualTo(new ImageProgress(ImagePhase.Reading, "rootfs.tar", Store.RootFs().Length, Store.RootFs().Length)));
    }

    [Test]
    public async Task The_entries_of_a_layer_can_be_had()
    {
        var image = await _store.ImportAsync("debian:12");

        var paths = new List<string>();
        await foreach (var entry in image.Layers[0].EntriesAsync())
        {
            paths.Add(entry.Path);
        }

        Assert.That(paths, Is.EqualTo(new[] { "/", "/motd" }));
    }

    [Test]
    public async Task The_tar_of_a_layer_can_be_had()
    {
        var image = await _store.ImportAsync("debian:12");

        await using var tar = await image.Layers[0].OpenAsync();
        using var content = new MemoryStream();
        await tar.CopyToAsync(content);

        Assert.That(content.ToArray(), Is.EqualTo(Store.RootFs()));
    }

    [Test]
    public async Task A_layer_that_was_damaged_on_disk_is_noticed_at_its_end()
    {
        var image = await _store.Images.ImportAsync(new MemoryStream(Samples.Compress(Store.RootFs(), CompressionKind.Gzip)), "debian:12");
        File.WriteAllBytes(_store.Catalog.Blobs.PathOf(image.Layers[0].Descriptor.Digest), Samples.Compress(Store.RootFs("hallo\n"), CompressionKind.Gzip));

        await using var tar = await image.Layers[0].OpenAsync();

        Assert.That(() => tar.CopyTo(Stream.Null), Throws.TypeOf<ImageException>().With.Message.Contains("damaged"));
    }

    [Test]
    public async Task A_tag_is_a_further_name()
    {
        var image = await _store.ImportAsync("debian:12");

        var tagged = await _store.Images.TagAsync(image, "localhost:5000/base");

        Assert.That(tagged, Has.Property("Digest").EqualTo(image.Digest).And.Property("Reference").EqualTo(ImageReference.Parse("localhost:5000/base:latest")));
        Assert.That(await _store.NamesAsync(), Is.EqualTo(new[] { "debian:12", "localhost:5000/base:latest" }));
    }

    [Test]
    public async Task An_image_whose_name_went_to_another_keeps_its_digest()
    {
        var old = await _store.ImportAsync("debian:12", "old");

        await _store.ImportAsync("debian:12", "new");

        Assert.That(await _store.NamesAsync(), Is.EqualTo(new[] { "debian:12", old.Digest.ToString() }));
        Assert.That((await _store.Images.FindAsync(old.Digest.ToString()))?.Reference.HasName, Is.False);
    }

    [Test]
    public async Task Removing_the_last_name_sweeps_the_image()
    {
        await _store.ImportAsync("debian:12");

        await _store.Images.RemoveAsync("debian:12");

        Assert.That(_store.Files(), Is.EqualTo(new[] { "index.json", "oci-layout" }));
    }

    [Test]
    public async Task Removing_one_of_several_names_keeps_the_image()
    {
        var image = await _store.ImportAsync("debian:12");
        await _store.Images.TagAsync(image, "base");

        await _store.Images.RemoveAsync("debian:12");

        Assert.That(await _store.NamesAsync(), Is.EqualTo(new[] { "base:latest" }));
        Assert.That((await _store.Images.FindAsync("base"))?.Digest, Is.EqualTo(image.Digest));
    }

    [Test]
    public async Task Removing_an_image_keeps_the_layers_that_others_share()
    {
        var image = await _store.ImportAsync("debian:12");
        using (var lease = _store.Catalog.Lease(CancellationToken.None))
        {
            var layer = new StoredLayer(image.Layers[0].Descriptor, image.Layers[0].DiffId);
            _store.Catalog.CreateImage(lease, image.Config with { Command = ["sh"] }, [layer], ImageReference.Parse("shell"), CancellationToken.None);
        }

        await _store.Images.RemoveAsync("debian:12");

        Assert.That(_store.Catalog.Blobs.Contains(image.Layers[0].Descriptor.Digest));
        Assert.That(_store.Catalog.Blobs.Contains(image.Digest), Is.False);
    }

    [Test]
    public async Task Removing_by_digest_is_refused_while_there_are_several_names()
    {
        var image = await _store.ImportAsync("debian:12");
        await _store.Images.TagAsync(image, "base");

        Assert.That(() => _store.Images.RemoveAsync(image.Digest.ToString()), Throws.TypeOf<ImageException>().With.Message.Contains("base:latest, debian:12").Or.Message.Contains("debian:12, base:latest"));
    }

    [Test]
    public void Removing_what_is_not_there_is_refused()
    {
        Assert.That(() => _store.Images.RemoveAsync("debian:12"), Throws.TypeOf<ImageException>().With.Message.Contains("There is no image 'debian:12'"));
    }

    [Test]
    public async Task Nothing_is_swept_while_someone_adds()
    {
        var image = await _store.ImportAsync("debian:12");
        using (_store.Catalog.Lease(CancellationToken.None))
        {
            await _store.Images.RemoveAsync("debian:12");
            Assert.That(_store.Catalog.Blobs.Contains(image.Digest));
        }

        Assert.That(_store.Catalog.Sweep(), Is.GreaterThan(0));
        Assert.That(_store.Catalog.Blobs.Contains(image.Digest), Is.False);
    }

    [Test]
    public async Task What_a_dead_process_left_is_swept()
    {
        await _store.ImportAsync("debian:12");
        File.WriteAllText(Path.Combine(_store.Root, ".tmp", "half"), "half");
        File.WriteAllText(Path.Combine(_store.Root, "blobs", "sha256", Digest.Of("orphan"u8).Hex), "orphan");

        _store.Catalog.Sweep();

        Assert.That(_store.Files(), Has.Length.EqualTo(5));
        Assert.That(await _store.NamesAsync(), Is.EqualTo(new[] { "debian:12" }));
    }

    [Test]
    public async Task No_blob_is_swept_while_a_manifest_is_unreadable()
    {
        var image = await _store.ImportAsync("debian:12");
        File.WriteAllText(_store.Catalog.Blobs.PathOf(image.Digest), "damaged");

        _store.Catalog.Sweep();

        Assert.That(_store.Catalog.Blobs.Contains(image.Layers[0].Descriptor.Digest));
    }

    [Test]
    public async Task A_prune_takes_images_without_a_name()
    {
        await _store.ImportAsync("debian:12", "old");
        await _store.ImportAsync("debian:12", "new");

        _store.Catalog.Prune(CancellationToken.None);

        Assert.That(await _store.NamesAsync(), Is.EqualTo(new[] { "debian:12" }));
        Assert.That(_store.Files(), Has.Length.EqualTo(5));
    }

    [Test]
    public async Task The_last_name_of_an_image_that_containers_stand_on_stays()
    {
        var image = await _store.ImportAsync("debian:12");
        var catalog = new ImageCatalog(_store.Root, pinned: () => [image.Digest]);
        await _store.Images.TagAsync(image, "debian:other");

        catalog.Remove("debian:12", CancellationToken.None);

        Assert.That(() => catalog.Remove("debian:other", CancellationToken.None), Throws.TypeOf<ImageException>().With.Message.Contains("a container stands on it"));
        Assert.That(await _store.NamesAsync(), Is.EqualTo(new[] { "debian:other" }));
    }

    [Test]
    public async Task A_cancelled_import_leaves_nothing()
    {
        using var source = new CancellationTokenSource();
        var archive = new CancellingStream(new byte[1 << 20], source);

        Assert.That(() => _store.Images.ImportAsync(archive, "debian:12", cancellationToken: source.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(_store.Files(), Is.EqualTo(new[] { "index.json", "oci-layout" }));
        await archive.DisposeAsync();
    }

    [TestCase("")]
    [TestCase("not an archive, but text that goes on for some time, as texts do")]
    public void What_is_no_archive_is_refused_and_leaves_nothing(string content)
    {
        var stream = new MemoryStream(System.Text.Encoding.ASCII.GetBytes(content));

        Assert.That(() => _store.Images.ImportAsync(stream, "debian:12"), Throws.TypeOf<ImageException>());
        Assert.That(_store.Files(), Is.EqualTo(new[] { "index.json", "oci-layout" }));
    }

    [Test]
    public void A_hostile_archive_is_refused_and_leaves_nothing()
    {
        var archive = new RawTar().Add("a").Pax(("path", "etc/pass\0wd")).Add("x", content: "x").End().ToArray();

        Assert.That(() => _store.Images.ImportAsync(new MemoryStream(archive), "debian:12"), Throws.TypeOf<ImageException>().With.Message.Contains("NUL"));
        Assert.That(_store.Files(), Is.EqualTo(new[] { "index.json", "oci-layout" }));
    }

    [TestCase("orphan", '1', "nowhere", "which is not there", TestName = "An_import_that_could_not_be_unpacked(hard link to nothing)")]
    [TestCase("orphan", '1', "dir", "which is a directory", TestName = "An_import_that_could_not_be_unpacked(hard link to a directory)")]
    [TestCase("file/below", '0', "", "is not a directory", TestName = "An_import_that_could_not_be_unpacked(file below a file)")]
    [TestCase("round/below", '0', "", "never end", TestName = "An_import_that_could_not_be_unpacked(file below a symlink to itself)")]
    public void An_import_that_could_not_be_unpacked(string name, char type, string link, string because)
    {
        var archive = new RawTar().Add("dir", '5').Add("file", content: "x").Add("round", '2', link: "round").Add(name, type, link: link).End().ToArray();

        Assert.That(() => _store.Images.ImportAsync(new MemoryStream(archive), "debian:12"), Throws.TypeOf<ImageException>().With.Message.Contains(because));
        Assert.That(_store.Files(), Is.EqualTo(new[] { "index.json", "oci-layout" }));
    }

    [Test]
    public void A_missing_file_is_named()
    {
        Assert.That(() => _store.Images.ImportAsync(_store["nothing.tar"], "debian:12"), Throws.TypeOf<ImageException>().With.Message.Contains("nothing.tar"));
    }

    [TestCase("Debian")]
    [TestCase("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    public void A_name_that_is_none_is_misuse(string reference)
    {
        Assert.That(() => _store.ImportAsync(reference), Throws.TypeOf<FormatException>());
    }

    [Test]
    public async Task Many_tasks_use_one_store_at_once([Range(1, 3)] int seed)
    {
        var others = Enumerable.Range(0, 4).Select(_ => new ImageStore(new ImageCatalog(_store.Root))).ToArray();

        await Parallel.ForAsync(0, 60, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, cancellationToken) =>
        {
            var images = others[i % others.Length];
            var image = await images.ImportAsync(new MemoryStream(Store.RootFs($"{seed}{i % 7}")), $"image:{i}", cancellationToken: cancellationToken);
            await images.TagAsync(image, $"further:{i}", cancellationToken);
            await images.RemoveAsync($"image:{i}", cancellationToken);
            Assert.That((await images.FindAsync($"further:{i}", cancellationToken))?.Digest, Is.EqualTo(image.Digest));
        });
        _store.Catalog.Sweep();

        Assert.That(await _store.NamesAsync(), Is.EquivalentTo(Enumerable.Range(0, 60).Select(i => $"further:{i}")));
        Assert.That(_store.Files(), Has.Length.EqualTo(2 + (7 * 3)));
    }

    private sealed class Recorder : IProgress<ImageProgress>
    {
        public List<ImageProgress> Reports { get; } = [];

        public void Report(ImageProgress value) => Reports.Add(value);
    }

    private sealed class CancellingStream(byte[] content, CancellationTokenSource source) : MemoryStream(new RawTar().Add("a", content: System.Text.Encoding.ASCII.GetString(content)).ToArray())
    {
        public override int Read(Span<byte> buffer)
        {
            if (Position > 100_000)
            {
                source.Cancel();
            }

            return base.Read(buffer);
        }
    }
}

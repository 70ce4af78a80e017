using System.Text;
using ContainerKit.Images;
using ContainerKit.Tests.Layers;
using ContainerKit.Tests.Support;

namespace ContainerKit.Tests.Images.Archives;

/// <summary>Whatever is done to an image archive, loading it succeeds or is refused in a sentence.</summary>
public sealed class ArchiveFuzzTests
{
    private Store _store = null!;

    [SetUp]
    public void Open() => _store = new Store(new LayerLimits { MaxFileBytes = 1 << 20, MaxTotalBytes = 1 << 22 });

    [TearDown]
    public void Close() => _store.Dispose();

    [Test]
    public void Mutated_archives_are_loaded_or_refused([Values] bool isDocker, [Range(1, 3)] int seed)
    {
        var random = new Random(Fuzzing.Seed(seed));
        var oci = new Archive();
        oci.AsOci(oci.AddImage(more: Archive.Named("debian:12")), oci.AddImage("b", Archive.For("amd64")));
        var original = (isDocker ? Archive.Docker() : oci).ToTar();
        for (var round = 0; round < Fuzzing.Rounds(150); round++)
        {
            var path = _store.Write("image.tar", ArchiveNoise.Mutate(original, random));
            Tolerate.Only<ImageException>(() => _store.Images.LoadAllAsync(path).GetAwaiter().GetResult());
        }

        Assert.That(_store.Files().Where(file => file.StartsWith(".tmp", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void Mutated_documents_with_right_digests_are_loaded_or_refused([Range(1, 3)] int seed)
    {
        var random = new Random(Fuzzing.Seed(seed));
        var config = Encoding.UTF8.GetBytes(Archive.Config(Digest.Of(Store.RootFs())));
        for (var round = 0; round < Fuzzing.Rounds(200); round++)
        {
            var archive = new Archive();
            var layer = archive.AddBlob(Store.RootFs(), MediaTypes.Layer).Json;
            var configBlob = archive.AddBlob(random.Next(2) == 0 ? ArchiveNoise.Mutate(config, random) : config, MediaTypes.Config).Json;
            var manifest = Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"config":{{configBlob}},"layers":[{{layer}}]}""");
            archive.AsOci(archive.AddBlob(random.Next(2) == 0 ? ArchiveNoise.Mutate(manifest, random) : manifest, MediaTypes.Manifest).Json);
            archive.With("index.json", random.Next(3) == 0 ? ArchiveNoise.Mutate(archive.Files["index.json"], random) : archive.Files["index.json"]);
            var path = _store.Write("image.tar", archive.ToTar());
            Tolerate.Only<ImageException>(() => _store.Images.LoadAllAsync(path).GetAwaiter().GetResult());
        }
    }
}

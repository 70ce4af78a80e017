using System.Text;
using ContainerKit.Tests.Images;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

/// <summary>Names that stand for images of several platforms.</summary>
internal sealed class IndexTests : RegistryFixture
{
    private static readonly SampleImage Amd64 = SampleImage.For(Platform.LinuxAmd64, 1000);

    private static readonly SampleImage Arm64 = SampleImage.For(Platform.LinuxArm64, 2000);

    [SetUp]
    public void Fill() => Registry.Content.AddIndex("app", "1", Amd64, Arm64);

    [Test]
    public async Task The_image_for_a_platform_is_chosen()
    {
        var pulled = await Client().PullAsync(Name("app:1"), new PullOptions { Platform = Platform.LinuxArm64 });

        Assert.That(pulled.Digest, Is.EqualTo(Arm64.Digest));
        Assert.That(Registry.Downloads.Count(), Is.EqualTo(2));
    }

    [Test]
    public async Task This_machines_platform_is_chosen_when_nothing_is_said()
    {
        Registry.Content.AddIndex("app", "1", SampleImage.For(new Platform("linux", "s390x"), 10), SampleImage.For(Platform.Host, 20));

        var pulled = await PullAsync("app:1");

        Assert.That(pulled.Config.Platform, Is.EqualTo(Platform.Host));
    }

    [Test]
    public async Task What_is_there_is_said_when_the_platform_is_not()
    {
        var refusal = Assert.ThrowsAsync<ImageException>(() => Client().PullAsync(Name("app:1"), new PullOptions { Platform = new Platform("linux", "riscv64") }))!;

        Assert.That(refusal.Message, Does.Contain("linux/riscv64").And.Contain("linux/amd64").And.Contain("linux/arm64"));
        await AssertNothingArrived();
    }

    [Test]
    public async Task An_index_is_copied_whole_when_asked()
    {
        var digest = Registry.Content["app"].Tags["1"];
        var image = await Client().PullAsync(Name("app:1"), new PullOptions { AllPlatforms = true });
        var other = Start();

        await Client().PushAsync(image, Name("copy:1", other), new PushOptions { AllPlatforms = true });

        Assert.That(other.Content["copy"].Tags["1"], Is.EqualTo(digest));
        Assert.That(other.Content["copy"].Manifests.Keys, Is.EquivalentTo(new[] { digest, Amd64.Digest, Arm64.Digest }));
        Assert.That(other.Content["copy"].Blobs.Keys, Is.EquivalentTo(Amd64.Blobs.Concat(Arm64.Blobs).Select(blob => Digest.Of(blob))));
    }

    [Test]
    public async Task An_index_that_points_to_an_index_is_followed()
    {
        var inner = SampleImage.IndexOf(Amd64, Arm64);
        Registry.Content["app"].Manifests[Digest.Of(inner)] = new StoredManifest(SampleImage.IndexType, inner);
        Registry.Content.AddManifest("app", "nested", SampleImage.IndexType, IndexOf(SampleImage.Describe(inner, SampleImage.IndexType)));

        var pulled = await Client().PullAsync(Name("app:nested"), new PullOptions { Platform = Platform.LinuxArm64 });

        Assert.That(pulled.Digest, Is.EqualTo(Arm64.Digest));
    }

    [Test]
    public async Task Indexes_nested_without_end_are_refused([Values] bool isAllPlatforms)
    {
        var index = SampleImage.IndexOf(Amd64);
        for (var depth = 0; depth < 100; depth++)
        {
            Registry.Content.AddManifest("app", "deep", SampleImage.IndexType, index);
            index = IndexOf(SampleImage.Describe(index, SampleImage.IndexType));
        }

        Assert.That(() => Client().PullAsync(Name("app:deep"), new PullOptions { AllPlatforms = isAllPlatforms }), Throws.TypeOf<ImageException>());

        Assert.That(Registry.Requests, Has.Count.LessThan(20));
        await AssertNothingArrived();
    }

    [Test]
    public async Task An_index_that_points_to_what_is_no_image_is_refused()
    {
        Registry.Content.AddManifest("app", "odd", SampleImage.IndexType, IndexOf(SampleImage.Describe("hello"u8.ToArray(), "text/plain")));

        Assert.That(() => PullAsync("app:odd"), Throws.InstanceOf<ContainerKitException>());

        await AssertNothingArrived();
    }

    [Test]
    public async Task An_index_whose_manifest_is_of_another_size_is_refused()
    {
        var lying = SampleImage.Describe(Amd64.Manifest, SampleImage.ManifestType).Replace($"\"size\":{Amd64.Manifest.Length}", "\"size\":7", StringComparison.Ordinal);
        Registry.Content.AddManifest("app", "lying", SampleImage.IndexType, IndexOf(lying));

        Assert.That(() => PullAsync("app:lying"), Throws.InstanceOf<ContainerKitException>());

        await AssertNothingArrived();
    }

    [Test]
    public async Task What_was_pulled_for_all_platforms_is_found_by_any_of_its_digests()
    {
        await Client().PullAsync(Name("app:1"), new PullOptions { AllPlatforms = true });

        Assert.That((await Store.Images.FindAsync(Arm64.Digest.ToString()))?.Digest, Is.EqualTo(Arm64.Digest));
        Assert.That((await Store.Images.FindAsync(Amd64.Digest.ToString()))?.Digest, Is.EqualTo(Amd64.Digest));
    }

    [Test]
    public async Task Removing_it_removes_all_of_it()
    {
        await Client().PullAsync(Name("app:1"), new PullOptions { AllPlatforms = true });

        await Store.Images.RemoveAsync(Name("app:1"));

        Assert.That(Store.Files(), Is.EqualTo(new[] { "index.json", "oci-layout" }));
    }

    [Test]
    public async Task Entries_of_unknown_types_are_carried_as_they_are([Values] bool isManifest)
    {
        var image = SampleImage.Of(100);
        Registry.Content.Add("app", "image", image);
        var odd = isManifest ? """{"schemaVersion":2,"artifactType":"application/vnd.example.sbom"}"""u8.ToArray() : [0, 1, 2, 255];
        if (isManifest)
        {
            Registry.Content["app"].Manifests[Digest.Of(odd)] = new StoredManifest("application/vnd.example.unheard-of", odd);
        }
        else
        {
            Registry.Content["app"].Blobs[Digest.Of(odd)] = odd;
        }

        var index = Registry.Content.AddManifest("app", "1", SampleImage.IndexType, IndexOf(
            SampleImage.Describe(image.Manifest, SampleImage.ManifestType), SampleImage.Describe(odd, "application/vnd.example.unheard-of")));

        var pulled = await Client().PullAsync(Name("app:1"), new PullOptions { AllPlatforms = true });
        await Client().PushAsync(pulled, Name("other:1"), new PushOptions { AllPlatforms = true });

        Assert.That(Stored(Digest.Of(odd)), Is.EqualTo(odd));
        Assert.That(Registry.Content["other"].Tags["1"], Is.EqualTo(index));
        Assert.That(Registry.Content["other"].Manifests.ContainsKey(Digest.Of(odd)), Is.EqualTo(isManifest));
        Assert.That(Registry.Content["other"].Blobs.ContainsKey(Digest.Of(odd)), Is.EqualTo(!isManifest));
    }

    private static byte[] IndexOf(params string[] descriptors) =>
        Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"mediaType":"{{SampleImage.IndexType}}","manifests":[{{string.Join(',', descriptors)}}]}""");
}

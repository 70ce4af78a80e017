using System.Text;
using System.Text.Json.Nodes;
using ContainerKit.Images;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

/// <summary>What refers to an image is found there, whether the registry keeps the list or the pushing client has to.</summary>
internal sealed class SubjectTests : RegistryFixture
{
    private static readonly Digest Subject = Digest.Of("the image"u8);

    [Test]
    public async Task A_registry_that_keeps_the_list_gets_no_tag()
    {
        var referrer = await ReferrerAsync("one");

        await Client().PushAsync(referrer, Name("app:one"));

        Assert.That(Registry.Content["app"].Tags.Keys, Is.EqualTo(new[] { "one" }));
        Assert.That(await ReferrersAsync(Registry), Is.EqualTo(new[] { referrer.Digest }));
    }

    [Test]
    public async Task For_a_registry_that_does_not_it_is_kept_under_a_tag()
    {
        var simple = Start(new RegistryRules { HasReferrers = false });
        var (one, two) = (await ReferrerAsync("one"), await ReferrerAsync("two"));

        await Client().PushAsync(one, Name("app:one", simple));
        await Client().PushAsync(two, Name("app:two", simple));
        await Client().PushAsync(one, Name("app:again", simple));

        Assert.That(await ReferrersAsync(simple), Is.EqualTo(new[] { one.Digest, two.Digest }));
        var entry = (JsonObject)JsonNode.Parse(simple.Content["app"].Manifests[simple.Content["app"].Tags[$"sha256-{Subject.Hex}"]].Content)!["manifests"]![0]!;
        Assert.That((string?)entry["artifactType"], Is.EqualTo("application/vnd.example.sbom"));
        Assert.That((string?)entry["annotations"]?["what"], Is.EqualTo("one"));
    }

    [Test]
    public async Task A_list_that_is_none_is_not_written_over()
    {
        var simple = Start(new RegistryRules { HasReferrers = false });
        simple.Content.AddManifest("app", $"sha256-{Subject.Hex}", SampleImage.ManifestType, SampleImage.Of(10).Manifest);
        var referrer = await ReferrerAsync("one");

        Assert.That(() => Client().PushAsync(referrer, Name("app:one", simple)), Throws.InstanceOf<ContainerKitException>());

        Assert.That(simple.Content["app"].Tags[$"sha256-{Subject.Hex}"], Is.EqualTo(SampleImage.Of(10).Digest));
    }

    private async Task<List<Digest>> ReferrersAsync(TestRegistry registry)
    {
        var found = new List<Digest>();
        await foreach (var referrer in Asking().ReferrersAsync($"{Name("app", registry)}@{Subject}", "application/vnd.example.sbom"))
        {
            found.Add(referrer.Descriptor.Digest);
        }

        return found;
    }

    private async Task<Image> ReferrerAsync(string what)
    {
        var image = await Store.ImportAsync($"{what}:1", what);
        var catalog = Store.Catalog;
        var manifest = (JsonObject)JsonNode.Parse(catalog.Blobs.Read(image.Manifest, JsonDocuments.MaxBytes))!;
        manifest["artifactType"] = "application/vnd.example.sbom";
        manifest["annotations"] = new JsonObject { ["what"] = what };
        manifest["subject"] = JsonNode.Parse($$"""{"mediaType":"{{SampleImage.ManifestType}}","digest":"{{Subject}}","size":9}""");
        using var lease = catalog.Lease(CancellationToken.None);
        return catalog.Publish(lease, catalog.Blobs.Add(Encoding.UTF8.GetBytes(manifest.ToJsonString()), image.Manifest.MediaType), image.Reference, CancellationToken.None);
    }
}

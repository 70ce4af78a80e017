using ContainerKit.Images;
using ContainerKit.Registry;
using ContainerKit.Tests.Images;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

/// <summary>Images whose parts are named by sha512, the second algorithm that OCI registers.</summary>
internal sealed class Sha512Tests : RegistryFixture
{
    private static readonly SampleImage Image = SampleImage.OfSha512(300_000, 1000);

    [Test]
    public async Task An_image_is_pulled_under_its_own_digests_and_is_sound()
    {
        Registry.Content.Add("app", "1", Image);

        var pulled = await PullAsync("app:1");

        Assert.That(pulled.Digest, Is.EqualTo(Image.Digest));
        Assert.That(Store.Files().Where(file => file.StartsWith("blobs/", StringComparison.Ordinal)), Has.Exactly(4).Items.And.All.StartsWith("blobs/sha512/"));
        Assert.That(await pulled.Layers[0].EntriesAsync().CountAsync(), Is.EqualTo(1));
        Assert.That(Check(), Is.Empty);
    }

    [Test]
    public async Task An_image_is_pulled_by_a_sha512_digest_of_a_registry_that_has_it_under_a_sha256()
    {
        Registry.Content.Add("app", "1", Image);
        Registry.Content["app"].Manifests[Digest.Of(Image.Manifest)] = new StoredManifest(Image.MediaType, Image.Manifest);
        Registry.Content["app"].Tags["1"] = Digest.Of(Image.Manifest);

        var byTag = await PullAsync("app:1");
        var byDigest = await PullAsync($"app@{Image.Digest}");

        Assert.That(byTag.Digest, Is.EqualTo(Digest.Of(Image.Manifest)));
        Assert.That(byDigest.Digest, Is.EqualTo(Image.Digest));
        Assert.That(byDigest.Reference.ToString(), Is.EqualTo($"{Registry.Host}/app@{Image.Digest}"));
    }

    [Test]
    public async Task A_blob_that_is_another_is_refused([Values(0, 1, 2)] int blob)
    {
        Registry.Content.Add("app", "1", Image);
        var content = Image.Blobs.ElementAt(blob);
        var other = (byte[])content.Clone();
        other[^1] ^= 1;
        Registry.Content["app"].Blobs[Image.NameOf(content)] = other;

        var refusal = Assert.ThrowsAsync<ImageException>(() => PullAsync("app:1"))!;

        Assert.That(refusal.Message, Does.Contain($"{Image.NameOf(content)} is damaged"));
        await AssertNothingArrived();
    }

    [Test]
    public async Task A_manifest_that_is_another_is_refused()
    {
        Registry.Content.Add("app", "1", Image);
        Registry.Content["app"].Manifests[Image.Digest] = new StoredManifest(Image.MediaType, Image.WithManifest(text => text + " ").Manifest);

        Assert.ThrowsAsync<ImageException>(() => PullAsync("app:1"));
        Assert.ThrowsAsync<ImageException>(() => PullAsync($"app@{Image.Digest}"));

        await AssertNothingArrived();
    }

    [Test]
    public async Task What_was_pulled_is_pushed_under_the_same_digests()
    {
        Registry.Content.Add("app", "1", Image);
        var pulled = await PullAsync("app:1");

        await Client().PushAsync(pulled, Name("copy:1"));
        await Client().PushAsync(pulled, Name($"copy@{Image.Digest}"));
        await Client().PushAsync(pulled, Name("copy:2"));

        Assert.That(Registry.Content["copy"].Blobs.Keys, Is.EquivalentTo(Image.Blobs.Select(Image.NameOf)));
        Assert.That(Registry.Content["copy"].Manifests.Keys, Is.EquivalentTo(new[] { Image.Digest, Digest.Of(Image.Manifest) }));
        Assert.That((await Client(catalog: new ImageCatalog(Store["copy"])).PullAsync(Name($"copy@{Image.Digest}"))).Digest, Is.EqualTo(Image.Digest));
    }

    [Test]
    public async Task What_is_removed_is_swept_with_what_is_remembered_of_it()
    {
        Registry.Content.Add("app", "1", Image);
        await PullAsync("app:1");

        await Store.Images.RemoveAsync(Name("app:1"));

        Assert.That(Store.Files().Where(file => file.StartsWith("blobs/", StringComparison.Ordinal) || file.StartsWith(".sources/", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public async Task A_damaged_blob_is_found_and_fetched_again()
    {
        Registry.Content.Add("app", "1", Image);
        var blob = (await PullAsync("app:1")).Layers[0].Descriptor;
        File.WriteAllBytes(Store.Catalog.Blobs.PathOf(blob.Digest), new byte[blob.Size]);

        var found = Check();
        await new BlobRefetch(Asking().Transport, Store.Catalog, null).RunAsync(Store.Catalog.Blobs.Sources.Of(blob.Digest), blob, CancellationToken.None);

        Assert.That(found, Has.One.Contains(blob.Digest.ToString()));
        Assert.That(Check(), Is.Empty);
    }

    [Test]
    public void The_tag_of_what_refers_to_an_image_has_the_first_64_digits()
    {
        Assert.That(ReferrersTag.Of(Image.Digest), Is.EqualTo($"sha512-{Image.Digest.Hex[..64]}"));
    }

    private List<string> Check()
    {
        var checker = new ImageChecker(Store.Catalog, CancellationToken.None);
        checker.Run();
        return [.. checker.Problems.Select(problem => problem.Sentence)];
    }
}

using System.Net;
using System.Text;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

/// <summary>Tags, meanings, referrers and deletion.</summary>
internal sealed class RegistryClientTests : RegistryFixture
{
    private static readonly SampleImage Image = SampleImage.Of(1000);

    [SetUp]
    public void Fill() => Registry.Content.Add("app", "1", Image);

    [Test]
    public async Task Tags_come_page_by_page()
    {
        var registry = Start(new RegistryRules { PageSize = 3 });
        var tags = Enumerable.Range(10, 11).Select(tag => $"v{tag}").ToArray();
        foreach (var tag in tags)
        {
            registry.Content.Add("app", tag, Image);
        }

        var listed = await Asking().TagsAsync(Name("app", registry)).ToListAsync();

        Assert.That(listed, Is.EqualTo(tags));
        Assert.That(registry.Requests, Has.Count.EqualTo(4));
    }

    [Test]
    public async Task Tags_that_nobody_wants_are_not_asked_for()
    {
        var registry = Start(new RegistryRules { PageSize = 1 });
        registry.Content.Add("app", "1", Image);
        registry.Content.Add("app", "2", Image);

        var first = await Asking().TagsAsync(Name("app", registry)).FirstAsync();

        Assert.That(first, Is.EqualTo("1"));
        Assert.That(registry.Requests, Has.Count.EqualTo(1));
    }

    [Test]
    public void Tags_of_what_is_not_there_are_an_error() =>
        Assert.That(async () => await Asking().TagsAsync(Name("nothing")).ToListAsync(), Throws.TypeOf<RegistryException>().With.Property("StatusCode").EqualTo(HttpStatusCode.NotFound));

    [TestCase("</v2/app/tags/list>; rel=\"next\"")]
    [TestCase("</v2/app/tags/list?n=1&last=1>; rel=next")]
    [TestCase("<?>; rel=\"next\"")]
    public void Pages_in_a_circle_come_to_an_end(string link)
    {
        Registry.Faults.Add(new Fault("GET", "/tags/list") { Times = Fault.Always, Headers = new Dictionary<string, string?> { ["Link"] = link } });

        Assert.That(async () => await Asking().TagsAsync(Name("app")).ToListAsync(), Throws.InstanceOf<ContainerKitException>());
    }

    [Test]
    public void The_next_page_is_not_looked_for_at_another_origin()
    {
        var stranger = Start();
        stranger.Content.Add("app", "2", Image);
        var registry = Start(new RegistryRules { Authentication = Authentication.Basic });
        registry.Content.Add("app", "1", Image);
        registry.Faults.Add(new Fault("GET", "/tags/list")
        {
            Times = Fault.Always,
            Headers = new Dictionary<string, string?> { ["Link"] = $"<{stranger.Address}/v2/app/tags/list>; rel=\"next\"" },
        });

        Assert.That(async () => await Asking(WithCredentials).TagsAsync(Name("app", registry)).ToListAsync(), Throws.TypeOf<RegistryException>());

        Assert.That(stranger.Requests, Is.Empty);
    }

    [TestCase("""{"name":"app","tags":null}""")]
    [TestCase("""{"name":"app"}""")]
    public async Task No_tags_are_none(string answer)
    {
        Registry.Faults.Add(new Fault("GET", "/tags/list") { Body = Encoding.UTF8.GetBytes(answer) });

        Assert.That(await Asking().TagsAsync(Name("app")).ToListAsync(), Is.Empty);
    }

    [TestCase("""{"name":"app","tags":["../../etc"]}""")]
    [TestCase("""{"name":"app","tags":[1]}""")]
    [TestCase("""{"name":"app","tags":"1"}""")]
    [TestCase("""[]""")]
    [TestCase("")]
    public void Tags_that_are_none_are_refused(string answer)
    {
        Registry.Faults.Add(new Fault("GET", "/tags/list") { Body = Encoding.UTF8.GetBytes(answer) });

        Assert.That(async () => await Asking().TagsAsync(Name("app")).ToListAsync(), Throws.InstanceOf<ContainerKitException>());
    }

    [Test]
    public async Task A_name_means_a_digest()
    {
        var meant = await Asking().ResolveAsync(Name("app:1"));

        Assert.That(meant, Is.EqualTo(new Descriptor(SampleImage.ManifestType, Image.Digest, Image.Manifest.Length)));
        Assert.That(Registry.Requests.Select(request => request.Method), Is.EqualTo(new[] { "HEAD" }));
    }

    [Test]
    public async Task A_registry_that_says_no_digest_is_asked_for_the_document()
    {
        Registry.Faults.Add(new Fault("HEAD", "/manifests/") { Headers = new Dictionary<string, string?> { ["Docker-Content-Digest"] = null } });

        Assert.That((await Asking().ResolveAsync(Name("app:1")))?.Digest, Is.EqualTo(Image.Digest));
    }

    [Test]
    public async Task A_name_that_means_nothing_means_null() => Assert.That(await Asking().ResolveAsync(Name("app:2")), Is.Null);

    [Test]
    public async Task A_manifest_can_be_had_as_it_is() =>
        Assert.That((await Asking().ReadManifestAsync(Name("app:1"))).ToArray(), Is.EqualTo(Image.Manifest));

    [Test]
    public async Task A_tag_is_deleted_and_no_other_of_the_image()
    {
        Registry.Content.Add("app", "2", Image);

        await Asking().DeleteAsync(Name("app:1"));

        Assert.That(Registry.Content["app"].Tags.Keys, Is.EqualTo(new[] { "2" }));
    }

    [Test]
    public async Task A_digest_is_deleted_with_all_its_tags()
    {
        Registry.Content.Add("app", "2", Image);

        await Asking().DeleteAsync(Name($"app@{Image.Digest}"));

        Assert.That(Registry.Content["app"].Tags, Is.Empty);
        Assert.That(await Asking().ResolveAsync(Name($"app@{Image.Digest}")), Is.Null);
    }

    [Test]
    public void A_registry_that_deletes_nothing_says_so()
    {
        var registry = Start(new RegistryRules { AllowsDelete = false }, Registry.Content);

        Assert.That(() => Asking().DeleteAsync(Name("app:1", registry)), Throws.TypeOf<RegistryException>().With.Property("StatusCode").EqualTo(HttpStatusCode.MethodNotAllowed));
    }

    [Test]
    public async Task A_token_for_deleting_is_asked_for()
    {
        var registry = Start(new RegistryRules { Authentication = Authentication.Bearer }, Registry.Content);

        await Asking(WithCredentials).DeleteAsync(Name("app:1", registry));

        Assert.That(registry.Content["app"].Tags, Is.Empty);
    }

    [Test]
    public async Task Whatever_refers_to_an_image_is_listed()
    {
        var signature = Refer("application/example.signature");
        var bill = Refer("application/example.bill");

        var all = await Asking().ReferrersAsync(Name("app:1")).ToListAsync();
        var signatures = await Asking().ReferrersAsync(Name("app:1"), "application/example.signature").ToListAsync();

        Assert.That(all.Select(referrer => referrer.Descriptor.Digest), Is.EquivalentTo(new[] { signature, bill }));
        Assert.That(signatures.Select(referrer => referrer.Descriptor.Digest), Is.EqualTo(new[] { signature }));
    }

    [Test]
    public async Task A_registry_without_that_list_has_it_under_a_tag()
    {
        var registry = Start(new RegistryRules { HasReferrers = false }, Registry.Content);
        var signature = Refer("application/example.signature");
        Registry.Content.AddManifest("app", $"sha256-{Image.Digest.Hex}", SampleImage.IndexType, Encoding.UTF8.GetBytes(
            $$"""{"schemaVersion":2,"mediaType":"{{SampleImage.IndexType}}","manifests":[{"mediaType":"{{SampleImage.ManifestType}}","digest":"{{signature}}","size":1,"artifactType":"application/example.signature"}]}"""));

        var all = await Asking().ReferrersAsync(Name("app:1", registry)).ToListAsync();

        Assert.That(all.Select(referrer => referrer.Descriptor.Digest), Is.EqualTo(new[] { signature }));
    }

    private Digest Refer(string artifactType)
    {
        var document = Encoding.UTF8.GetBytes(
            $$"""{"schemaVersion":2,"mediaType":"{{SampleImage.ManifestType}}","artifactType":"{{artifactType}}","config":{},"layers":[],"subject":{{SampleImage.Describe(Image.Manifest, SampleImage.ManifestType)}}}""");
        var digest = Digest.Of(document);
        Registry.Content["app"].Manifests[digest] = new StoredManifest(SampleImage.ManifestType, document);
        return digest;
    }
}

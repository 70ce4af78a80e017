using System.Text;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Registry;

/// <summary>Whatever a registry sends, what it is not asked for does not arrive, and the answer is a sentence.</summary>
internal sealed class HostileRegistryTests : RegistryFixture
{
    private static readonly SampleImage Image = SampleImage.Of(100_000);

    private static readonly Digest Layer = Digest.Of(Image.Layers[0]);

    [Test]
    public async Task A_blob_of_other_bytes_gets_no_name()
    {
        Registry.Content.Add("app", "1", Image);
        Registry.Content["app"].Blobs[Layer] = new byte[Image.Layers[0].Length];

        Assert.That(() => PullAsync("app:1"), Throws.TypeOf<ImageException>().With.Message.Contains(Layer.ToString()));

        Assert.That(Store.Catalog.Blobs.Contains(Layer), Is.False);
        await AssertNothingArrived();
    }

    [Test]
    public async Task A_blob_of_other_bytes_is_no_hindrance_when_the_right_ones_come()
    {
        Registry.Content.Add("app", "1", Image);
        Registry.Content["app"].Blobs[Layer] = new byte[Image.Layers[0].Length];
        Assert.That(() => PullAsync("app:1"), Throws.TypeOf<ImageException>());
        Registry.Content["app"].Blobs[Layer] = Image.Layers[0];

        var pulled = await PullAsync("app:1");

        Assert.That(pulled.Digest, Is.EqualTo(Image.Digest));
    }

    [Test]
    public async Task A_manifest_under_another_digest_is_refused()
    {
        Registry.Content.Add("app", "1", Image);
        var wanted = Digest.Of("another"u8);
        Registry.Content["app"].Manifests[wanted] = new StoredManifest(SampleImage.ManifestType, Image.Manifest);

        Assert.That(() => PullAsync($"app@{wanted}"), Throws.InstanceOf<ContainerKitException>().With.Message.Contains(wanted.ToString()));

        await AssertNothingArrived();
    }

    [Test]
    public async Task A_digest_in_a_header_that_is_not_the_contents_is_refused()
    {
        Registry.Content.Add("app", "1", Image);
        Registry.Faults.Add(Spoiling("/manifests/", "Docker-Content-Digest", Digest.Of("another"u8).ToString()));

        Assert.That(() => PullAsync("app:1"), Throws.InstanceOf<ContainerKitException>());

        await AssertNothingArrived();
    }

    [TestCase(-1)]
    [TestCase(1)]
    [TestCase(1_000_000_000)]
    public async Task A_manifest_whose_sizes_lie_is_refused(int difference)
    {
        var lying = Image.WithManifest(manifest => manifest.Replace(
            $"\"size\":{Image.Layers[0].Length}", $"\"size\":{Image.Layers[0].Length + difference}", StringComparison.Ordinal));
        Registry.Content.Add("app", "1", lying);

        Assert.That(() => PullAsync("app:1"), Throws.InstanceOf<ContainerKitException>());

        Assert.That(Store.Catalog.Blobs.Contains(Layer), Is.False);
        await AssertNothingArrived();
    }

    [TestCase("\"size\":-1")]
    [TestCase("\"size\":9223372036854775807")]
    [TestCase("\"size\":1e400")]
    [TestCase("\"size\":\"1\"")]
    public async Task A_size_that_makes_no_sense_is_refused(string size)
    {
        Registry.Content.Add("app", "1", Image.WithManifest(manifest => manifest.Replace($"\"size\":{Image.Config.Length}", size, StringComparison.Ordinal)));

        Assert.That(() => PullAsync("app:1"), Throws.InstanceOf<ContainerKitException>());

        await AssertNothingArrived();
    }

    [Test]
    public async Task A_layer_that_is_not_what_the_config_names_is_found_out_before_anything_stands_on_it()
    {
        Registry.Content.Add("app", "1", SampleImage.From(Platform.Host, Image.Layers, [Digest.Of("another"u8)]));

        var pulled = await PullAsync("app:1");
        await using var tar = await pulled.Layers[0].OpenAsync();

        Assert.That(() => tar.CopyTo(Stream.Null), Throws.TypeOf<ImageException>());
    }

    [Test]
    public async Task A_config_that_names_fewer_layers_than_there_are_is_refused()
    {
        Registry.Content.Add("app", "1", SampleImage.From(Platform.Host, Image.Layers, []));

        Assert.That(() => PullAsync("app:1"), Throws.TypeOf<ImageException>());

        await AssertNothingArrived();
    }

    [TestCase(SampleImage.ManifestType)]
    [TestCase(SampleImage.IndexType)]
    public async Task A_document_that_reads_as_manifest_and_as_index_is_refused(string mediaType)
    {
        Registry.Content.Add("app", "1", Image);
        var both = Encoding.UTF8.GetString(Image.Manifest)
            .Replace($"\"mediaType\":\"{SampleImage.ManifestType}\",", "", StringComparison.Ordinal)
            .Replace("]}", $"],\"manifests\":[{SampleImage.Describe(Image.Manifest, SampleImage.ManifestType)}]}}", StringComparison.Ordinal);
        Registry.Content.AddManifest("app", "both", mediaType, Encoding.UTF8.GetBytes(both));

        Assert.That(() => PullAsync("app:both"), Throws.TypeOf<ImageException>().With.Message.Contains("both as a manifest and as an index"));

        await AssertNothingArrived();
    }

    [Test]
    public async Task A_document_that_comes_under_the_type_of_another_kind_is_refused()
    {
        Registry.Content.Add("app", "1", Image with { MediaType = SampleImage.IndexType });

        Assert.That(() => PullAsync("app:1"), Throws.TypeOf<ImageException>());

        await AssertNothingArrived();
    }

    [TestCase("text/html")]
    [TestCase("application/vnd.docker.distribution.manifest.v1+prettyjws")]
    [TestCase(null)]
    public async Task A_document_of_a_type_that_nobody_asked_for_is_refused(string? mediaType)
    {
        Registry.Content.AddManifest("app", "1", mediaType ?? "", """{"hello":"world"}"""u8.ToArray());
        Registry.Faults.Add(Spoiling("/manifests/", "Content-Type", mediaType));

        Assert.That(() => PullAsync("app:1"), Throws.InstanceOf<ContainerKitException>());

        await AssertNothingArrived();
    }

    private static readonly string[] Bombs =
    [
        new string('[', 100_000),
        string.Concat(Enumerable.Repeat("{\"a\":", 100_000)),
        $$"""{"schemaVersion":2,"layers":[{{string.Join(',', Enumerable.Repeat("{}", 200_000))}}]}""",
        $$"""{"schemaVersion":2,"schemaVersion":2,"config":{},"layers":[]}""",
        $$"""{"schemaVersion":{{new string('9', 100_000)}}}""",
        $$"""{"schemaVersion":2,"config":{"mediaType":"{{new string('a', 1_000_000)}}","digest":"sha256:","size":1},"layers":[]}""",
        "null",
        "\ufeff",
        "",
    ];

    [Test]
    public async Task A_document_that_is_a_bomb_is_refused([Range(0, 8)] int number, [Values(SampleImage.ManifestType, SampleImage.IndexType)] string mediaType)
    {
        Registry.Content.AddManifest("app", "1", mediaType, Encoding.UTF8.GetBytes(Bombs[number]));

        Assert.That(() => PullAsync("app:1"), Throws.InstanceOf<ContainerKitException>());

        await AssertNothingArrived();
    }

    [Test]
    public async Task A_document_that_is_too_long_is_not_read_to_its_end()
    {
        Registry.Content.AddManifest("app", "1", SampleImage.ManifestType, Encoding.UTF8.GetBytes("{" + new string(' ', 5 << 20) + "}"));

        Assert.That(() => PullAsync("app:1"), Throws.InstanceOf<ContainerKitException>());

        await AssertNothingArrived();
    }

    [TestCase("/manifests/")]
    [TestCase("/blobs/")]
    public async Task What_has_no_end_is_not_waited_for(string part)
    {
        Registry.Content.Add("app", "1", Image);
        Registry.Faults.Add(new Fault("GET", part) { IsEndless = true, Times = Fault.Always });

        Assert.That(() => PullAsync("app:1"), Throws.InstanceOf<ContainerKitException>());

        await AssertNothingArrived();
    }

    [Test]
    public async Task An_error_that_has_no_end_is_still_an_error()
    {
        Registry.Faults.Add(new Fault("GET", "/manifests/") { Status = 404, IsEndless = true, Times = Fault.Always });

        Assert.That(() => PullAsync("app:1"), Throws.TypeOf<RegistryException>());

        await AssertNothingArrived();
    }

    [Test]
    public async Task A_blob_that_grows_while_it_is_read_is_refused()
    {
        Registry.Content.Add("app", "1", Image);
        Registry.Content["app"].Blobs[Layer] = [.. Image.Layers[0], .. new byte[1_000_000]];

        Assert.That(() => PullAsync("app:1"), Throws.InstanceOf<ContainerKitException>());

        Assert.That(Directory.EnumerateFiles(Path.Combine(Store.Root, ".tmp")).Sum(file => new FileInfo(file).Length), Is.LessThanOrEqualTo(Image.Layers[0].Length));
        await AssertNothingArrived();
    }

    [Test]
    public async Task Redirects_in_a_circle_come_to_an_end()
    {
        Registry.Content.Add("app", "1", Image);
        Registry.Faults.Add(new Fault("GET", "/blobs/")
        {
            Status = 307,
            Times = Fault.Always,
            Headers = new Dictionary<string, string?> { ["Location"] = $"/v2/app/blobs/{Layer}" },
        });

        Assert.That(() => PullAsync("app:1"), Throws.TypeOf<RegistryException>());

        Assert.That(Registry.Requests, Has.Count.LessThan(100));
        await AssertNothingArrived();
    }

    [TestCase("ftp://127.0.0.1/")]
    [TestCase("file:///etc/passwd")]
    [TestCase("http://")]
    [TestCase("//")]
    [TestCase("::")]
    [TestCase("")]
    public async Task A_redirect_to_nowhere_is_refused(string location)
    {
        Registry.Content.Add("app", "1", Image);
        Registry.Faults.Add(new Fault("GET", "/blobs/") { Status = 307, Times = Fault.Always, Headers = new Dictionary<string, string?> { ["Location"] = location } });

        Assert.That(() => PullAsync("app:1"), Throws.InstanceOf<ContainerKitException>());

        await AssertNothingArrived();
    }

    [Test]
    public async Task What_a_registry_says_is_shown_without_what_terminals_obey()
    {
        Registry.Faults.Add(new Fault("GET", "/manifests/")
        {
            Status = 404,
            Times = Fault.Always,
            Headers = new Dictionary<string, string?> { ["Content-Type"] = "application/json" },
            Body = Encoding.UTF8.GetBytes("""{"errors":[{"code":"UNKNOWN","message":"\u001b[2Jgone\r\nforged: line"}]}"""),
        });

        var refusal = Assert.ThrowsAsync<RegistryException>(() => PullAsync("app:1"))!;

        Assert.That(refusal.Message.Where(char.IsControl), Is.Empty);
        await AssertNothingArrived();
    }

    private static Fault Spoiling(string part, string header, string? value) =>
        new("GET", part) { Times = Fault.Always, Headers = new Dictionary<string, string?> { [header] = value } };
}

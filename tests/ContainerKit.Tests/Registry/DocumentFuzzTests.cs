using System.Text;
using System.Text.Json.Nodes;
using ContainerKit.Images;
using ContainerKit.Tests.Shared.Registry;
using ContainerKit.Tests.Support;
using FsCheck;
using FsCheck.Fluent;

namespace ContainerKit.Tests.Registry;

/// <summary>Whatever is in a document of OCI's, it is understood or refused in a sentence.</summary>
internal sealed class DocumentFuzzTests : RegistryFixture
{
    private const int Some = 100;
    private const int Many = 1500;

    private static readonly SampleImage Image = SampleImage.Of(200);

    private static readonly string[] Names =
    [
        "schemaVersion", "mediaType", "config", "layers", "manifests", "digest", "size", "annotations", "urls", "platform", "os", "architecture", "variant", "rootfs", "diff_ids", "type", "history", "created",
        "Env", "Cmd", "Entrypoint", "User", "Labels", "ExposedPorts", "Volumes", "WorkingDir", "StopSignal", "artifactType", "subject", "data", "empty_layer", "fsLayers",
    ];

    private static readonly string[] Atoms =
    [
        "null", "true", "0", "1", "2", "-1", "1e400", "9223372036854775807", "9223372036854775808", "0.5", "\"\"", "\"\\ud800\"", "\"\\u0000\"", "[]", "{}", "\"sha256:\"", "\"sha512:00\"", "\"../../etc\"",
        $"\"{Digest.Of("x"u8)}\"", $"\"{SampleImage.ManifestType}\"", $"\"{SampleImage.IndexType}\"", $"\"{SampleImage.ConfigType}\"", $"\"{SampleImage.LayerType}\"", "\"linux\"", "\"amd64\"",
        SampleImage.Describe(Image.Config, SampleImage.ConfigType), SampleImage.Describe(Image.Layers[0], SampleImage.LayerType), SampleImage.Describe(Image.Manifest, SampleImage.ManifestType),
    ];

    /// <summary>Any value in JSON, with the names and values that readers look for.</summary>
    private static Gen<string> Value(int depth) => depth == 0 ? Gen.Elements(Atoms) : Gen.Frequency(
        (4, Gen.Elements(Atoms)),
        (1, Value(depth - 1).ListOf().Select(items => $"[{string.Join(',', items)}]")),
        (2, Fields(depth - 1)));

    private static Gen<string> Fields(int depth) =>
        (from name in Gen.Elements(Names) from value in Value(depth) select $"\"{name}\":{value}").ListOf().Select(fields => $"{{{string.Join(',', fields)}}}");

    /// <summary>A right document in which one value is another, or a document of nothing but chance.</summary>
    private static Gen<string> Document(byte[] right) => Gen.OneOf(
        from slot in Gen.Choose(0, 1000)
        from value in Value(2)
        select Replace(Encoding.UTF8.GetString(right), slot, value),
        Fields(3));

    [Test]
    public void A_manifest_is_read_or_refused() => Properties.Hold(Document(Image.Manifest), Many, json => Tolerate.Only<ImageException>(
        () => Manifest.Parse(Encoding.UTF8.GetBytes(json), DescriptorOf(json, SampleImage.ManifestType))));

    [Test]
    public void An_index_is_read_or_refused() => Properties.Hold(Document(SampleImage.IndexOf(Image)), Many, json => Tolerate.Only<ImageException>(
        () => ImageIndex.Parse(Encoding.UTF8.GetBytes(json), SampleImage.IndexType, "index")));

    [Test]
    public void A_config_is_read_or_refused() => Properties.Hold(Document(Image.Config), Many, json => Tolerate.Only<ImageException>(
        () => ImageConfig.Parse(Encoding.UTF8.GetBytes(json), "config")));

    [Test]
    public void Nothing_reads_both_as_a_manifest_and_as_an_index() => Properties.Hold(Gen.OneOf(Document(Image.Manifest), Document(SampleImage.IndexOf(Image))), Many, json =>
        Assert.That(
            Reads(() => Manifest.Parse(Encoding.UTF8.GetBytes(json), DescriptorOf(json, SampleImage.ManifestType)))
            && Reads(() => ImageIndex.Parse(Encoding.UTF8.GetBytes(json), SampleImage.IndexType, "index")),
            Is.False));

    [TestCase(SampleImage.ManifestType)]
    [TestCase(SampleImage.IndexType)]
    public void Whatever_document_a_registry_gives_is_taken_whole_or_not_at_all(string mediaType)
    {
        Registry.Content.Add("app", "1", Image);
        var client = Client();

        Properties.Hold(Document(mediaType == SampleImage.IndexType ? SampleImage.IndexOf(Image) : Image.Manifest), Some, json =>
        {
            Registry.Content.AddManifest("app", "fuzz", mediaType, Encoding.UTF8.GetBytes(json));
            Tolerate.Only<ContainerKitException>(() => client.PullAsync(Name("app:fuzz")).GetAwaiter().GetResult());
        });

        AssertVerified(Store);
    }

    [Test]
    public void Whatever_config_a_registry_gives_is_taken_whole_or_not_at_all()
    {
        Registry.Content.Add("app", "1", Image);
        var client = Client();

        Properties.Hold(Document(Image.Config), Some, json =>
        {
            var config = Encoding.UTF8.GetBytes(json);
            Registry.Content.Add("app", "fuzz", Image with { Config = config, Manifest = ManifestOf(config) });
            Tolerate.Only<ContainerKitException>(() => client.PullAsync(Name("app:fuzz")).GetAwaiter().GetResult());
        });

        AssertVerified(Store);
    }

    private static byte[] ManifestOf(byte[] config) => Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(Image.Manifest).Replace(
        SampleImage.Describe(Image.Config, SampleImage.ConfigType), SampleImage.Describe(config, SampleImage.ConfigType), StringComparison.Ordinal));

    private static Descriptor DescriptorOf(string json, string mediaType) => new(mediaType, Digest.Of(Encoding.UTF8.GetBytes(json)), Encoding.UTF8.GetByteCount(json));

    private static bool Reads(Action read)
    {
        try
        {
            read();
            return true;
        }
        catch (ImageException)
        {
            return false;
        }
    }

    private static string Replace(string json, int slot, string value)
    {
        var document = JsonNode.Parse(json)!;
        var slots = Slots(document).ToList();
        slots[slot % slots.Count]("here");

        // The value goes in as text: some are such that no writer would write them.
        return document.ToJsonString().Replace("\"here\"", value, StringComparison.Ordinal);
    }

    // Every place of a document at which there is a value.
    private static IEnumerable<Action<JsonNode?>> Slots(JsonNode? node) => node switch
    {
        JsonObject members => members.ToList().SelectMany(member => Slots(member.Value).Prepend(value => members[member.Key] = value)),
        JsonArray items => items.ToList().SelectMany((item, i) => Slots(item).Prepend(value => items[i] = value)),
        _ => [],
    };
}

using System.Text;
using ContainerKit.Images;

namespace ContainerKit.Tests.Images;

public sealed class ManifestTests
{
    private const string Blob = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [Test]
    public void A_manifest_is_written_and_read_back()
    {
        var manifest = new Manifest(
            new Descriptor(MediaTypes.Config, Digest.Parse(Blob), 5),
            [new Descriptor(MediaTypes.LayerGzip, Digest.Parse(Blob), 6) { Annotations = new Dictionary<string, string> { ["a"] = "b" } }]);

        var read = Manifest.Parse(manifest.ToJson(), Of(MediaTypes.Manifest));

        Assert.That(read.Config, Is.EqualTo(manifest.Config));
        Assert.That(read.Layers, Is.EqualTo(manifest.Layers));
    }

    [Test]
    public void Docker_s_schema_2_means_the_same()
    {
        var json = $$"""
            {"schemaVersion":2,"mediaType":"{{MediaTypes.DockerManifest}}","config":{"mediaType":"{{MediaTypes.DockerConfig}}","digest":"{{Blob}}","size":1},
             "layers":[{"mediaType":"{{MediaTypes.DockerLayerGzip}}","digest":"{{Blob}}","size":2}]}
            """;

        Assert.That(Parse(json, MediaTypes.DockerManifest).Layers.Single().Size, Is.EqualTo(2));
    }

    [Test]
    public void A_document_that_reads_both_ways_is_refused([Values(MediaTypes.Manifest, MediaTypes.Index)] string mediaType)
    {
        var json = $$$"""{"schemaVersion":2,"manifests":[],"layers":[],"config":{"mediaType":"{{{MediaTypes.Config}}}","digest":"{{{Blob}}}","size":1}}""";

        Assert.That(() => Parse(json), Throws.TypeOf<ImageException>().With.Message.Contains("both as a manifest and as an index"));
        Assert.That(() => ImageIndex.Parse(Encoding.UTF8.GetBytes(json), mediaType, "index"), Throws.TypeOf<ImageException>().With.Message.Contains("both as a manifest and as an index"));
    }

    [TestCase("""{"schemaVersion":2}""", "no config")]
    [TestCase("""{"schemaVersion":1,"fsLayers":[]}""", "schema version 1")]
    [TestCase("""{"layers":[]}""", "schemaVersion")]
    [TestCase("""{"schemaVersion":2,"manifests":[]}""", "not what its type")]
    [TestCase("""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","config":{}}""", "says that it is")]
    [TestCase("""{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:x","size":1}}""", "digest")]
    [TestCase("""{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":-1}}""", "makes no sense")]
    [TestCase("""{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":1.5}}""", "size")]
    [TestCase("""{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":1}}""", "not that of a container image")]
    public void Anything_else_is_refused(string json, string because)
    {
        Assert.That(() => Parse(json), Throws.TypeOf<ImageException>().With.Message.Contains(because));
    }

    [Test]
    public void Layers_that_are_no_file_systems_are_refused()
    {
        var json = $$"""
            {"schemaVersion":2,"config":{"mediaType":"{{MediaTypes.Config}}","digest":"{{Blob}}","size":1},"layers":[{"mediaType":"text/plain","digest":"{{Blob}}","size":2}]}
            """;

        Assert.That(() => Parse(json), Throws.TypeOf<ImageException>().With.Message.Contains("not a file system"));
    }

    private static Manifest Parse(string json, string mediaType = MediaTypes.Manifest) => Manifest.Parse(Encoding.UTF8.GetBytes(json), Of(mediaType));

    private static Descriptor Of(string mediaType) => new(mediaType, Digest.Parse(Blob), 1);
}

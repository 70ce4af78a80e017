using System.Text;

namespace ContainerKit.Tests.Images;

public sealed class ImageConfigTests
{
    private const string DiffId = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    private const string Full = $$$"""
        {"architecture":"arm64","os":"linux","variant":"v8","created":"2024-02-03T04:05:06.123456789Z","author":"me",
         "config":{"User":"1000:1000","ExposedPorts":{"80/tcp":{},"53/udp":{}},"Env":["PATH=/bin","A=b=c"],"Entrypoint":["/entry"],"Cmd":["serve"],
                   "Volumes":{"/data":{}},"WorkingDir":"/srv","Labels":{"a":"1","b":""},"StopSignal":"SIGINT","Healthcheck":{"Test":["NONE"]},"Shell":["/bin/sh"]},
         "rootfs":{"type":"layers","diff_ids":["{{{DiffId}}}"]},
         "history":[{"created":"2024-02-03T04:05:06+01:00","created_by":"step","comment":"c"},{"empty_layer":true}],
         "moby.buildkit.buildinfo.v1":"kept"}
        """;

    [Test]
    public void Everything_that_a_container_needs_is_read()
    {
        var config = Parse(Full);

        Assert.That(config.Platform, Is.EqualTo(new Platform("linux", "arm64", "v8")));
        Assert.That(config.Created, Is.EqualTo(new DateTimeOffset(2024, 2, 3, 4, 5, 6, TimeSpan.Zero).AddTicks(1234567)));
        Assert.That(config.Author, Is.EqualTo("me"));
        Assert.That(config.User, Is.EqualTo("1000:1000"));
        Assert.That(config.ExposedPorts, Is.EqualTo(new[] { "80/tcp", "53/udp" }));
        Assert.That(config.Environment, Is.EqualTo(new[] { "PATH=/bin", "A=b=c" }));
        Assert.That(config.Entrypoint, Is.EqualTo(new[] { "/entry" }));
        Assert.That(config.Command, Is.EqualTo(new[] { "serve" }));
        Assert.That(config.Volumes, Is.EqualTo(new[] { "/data" }));
        Assert.That(config.WorkingDirectory, Is.EqualTo("/srv"));
        Assert.That(config.Labels, Is.EqualTo(new Dictionary<string, string> { ["a"] = "1", ["b"] = "" }));
        Assert.That(config.StopSignal, Is.EqualTo("SIGINT"));
        Assert.That(config.DiffIds, Is.EqualTo(new[] { Digest.Parse(DiffId) }));
        Assert.That(config.History[0], Has.Property("CreatedBy").EqualTo("step").And.Property("Comment").EqualTo("c"));
        Assert.That(config.History[1].IsEmptyLayer);
    }

    [TestCase("""{"rootfs":{"diff_ids":[]}}""")]
    [TestCase("""{"rootfs":{"diff_ids":null},"config":null,"history":null,"created":null}""")]
    [TestCase("""{"rootfs":{},"config":{"Env":null,"Cmd":null,"Entrypoint":null,"Labels":null,"Volumes":null,"ExposedPorts":null,"User":null}}""")]
    public void What_is_left_out_is_empty(string json)
    {
        var config = Parse(json);

        Assert.That((config.Command.Count, config.Environment.Count, config.User, config.StopSignal), Is.EqualTo((0, 0, "", (string?)null)));
    }

    [Test]
    public void Unknown_fields_survive_a_change()
    {
        var changed = Text(Parse(Full) with { Command = ["other"], Environment = [], User = "" });

        Assert.That(changed, Does.Contain("\"moby.buildkit.buildinfo.v1\":\"kept\"").And.Contain("\"Healthcheck\":{\"Test\":[\"NONE\"]}").And.Contain("\"Shell\":[\"/bin/sh\"]"));
        Assert.That(changed, Does.Contain("\"Cmd\":[\"other\"]").And.Not.Contain("\"Env\"").And.Not.Contain("\"User\""));
    }

    [Test]
    public void What_is_written_is_read_back()
    {
        var config = Parse(Full) with { Platform = Platform.LinuxAmd64, Labels = new Dictionary<string, string> { ["z"] = "1", ["ü"] = "\n\"" } };

        Assert.That(Text(Parse(Text(config))), Is.EqualTo(Text(config)));
        Assert.That(Parse(Text(config)).Labels["ü"], Is.EqualTo("\n\""));
    }

    [Test]
    public void A_config_without_anything_is_a_config()
    {
        Assert.That(Text(new ImageConfig { Platform = Platform.LinuxAmd64 }), Is.EqualTo("""{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"""));
    }

    [TestCase("", "not valid JSON")]
    [TestCase("[]", "not a JSON object")]
    [TestCase("null", "not a JSON object")]
    [TestCase("{}", "rootfs")]
    [TestCase("""{"rootfs":[]}""", "rootfs")]
    [TestCase("""{"rootfs":{"diff_ids":["sha256:../../x"]}}""", "digest")]
    [TestCase("""{"rootfs":{"diff_ids":[1]}}""", "diff_ids")]
    [TestCase("""{"rootfs":{},"config":{"Env":"PATH=/bin"}}""", "Env")]
    [TestCase("""{"rootfs":{},"config":{"Env":[null]}}""", "Env")]
    [TestCase("""{"rootfs":{},"config":{"Labels":{"a":1}}}""", "Labels")]
    [TestCase("""{"rootfs":{},"os":5}""", "os")]
    [TestCase("""{"rootfs":{},"os":"\ud800"}""", "not valid JSON")]
    [TestCase("""{"rootfs":{},"config":{"\ud800":1}}""", "not valid JSON")]
    [TestCase("""{"rootfs":{},"rootfs":{}}""", "not valid JSON")]
    [TestCase("""{"rootfs":{}} x""", "not valid JSON")]
    [TestCase("""{"rootfs":{},"history":[5]}""", "history")]
    public void Anything_else_is_refused(string json, string because)
    {
        Assert.That(() => Parse(json), Throws.TypeOf<ImageException>().With.Message.Contains(because));
    }

    [Test]
    public void A_JSON_bomb_is_refused()
    {
        var deep = new string('[', 100_000) + new string(']', 100_000);

        Assert.That(() => Parse($$"""{"rootfs":{},"x":{{deep}}}"""), Throws.TypeOf<ImageException>());
        Assert.That(() => Parse($$"""{"rootfs":{},"x":"{{new string('x', 5 << 20)}}"}"""), Throws.TypeOf<ImageException>().With.Message.Contains("are allowed"));
    }

    private static ImageConfig Parse(string json) => ImageConfig.Parse(Encoding.UTF8.GetBytes(json), "config");

    private static string Text(ImageConfig config) => Encoding.UTF8.GetString(config.ToJson());
}

using System.Text.Json.Nodes;

namespace ContainerKit.Tests.Linux.Samples;

/// <summary>Volumes and bind mounts from the command line.</summary>
internal sealed class CkitVolumeTests : CkitFixture
{
    [Test]
    public void A_volume_is_made_used_looked_at_and_removed()
    {
        Assert.That(Output("volume", "create", "--label", "owner=shop", "goods"), Is.EqualTo("goods"));
        Assert.That(Output("volume", "create", "goods"), Is.EqualTo("goods"));
        Output("run", "--name", "clerk", "-v", "goods:/goods", "box:1", "sh", "-c", "echo apples > /goods/list");

        var volume = JsonNode.Parse(Output("volume", "inspect", "goods"))!.AsArray()[0]!;
        var mount = JsonNode.Parse(Output("inspect", "clerk"))!.AsArray()[0]!["Mounts"]![0]!;
        var refusal = Ckit("volume", "rm", "goods");
        Output("rm", "-v", "clerk");

        Assert.That(volume["Labels"]!["owner"]!.GetValue<string>(), Is.EqualTo("shop"));
        Assert.That(volume["Containers"]!.AsArray().Select(name => name!.GetValue<string>()), Is.EqualTo(new[] { "clerk" }));
        Assert.That((mount["Type"]!.GetValue<string>(), mount["Name"]!.GetValue<string>(), mount["Destination"]!.GetValue<string>()), Is.EqualTo(("volume", "goods", "/goods")));
        Assert.That((refusal.ExitCode, refusal.Error), Is.EqualTo((125, "ckit: Cannot remove the volume 'goods': the container 'clerk' has it. Remove the container first; whether it runs does not matter.\n")));
        Assert.That(RunInBox(["-v", "goods:/here:ro"], "cat", "/here/list"), Is.EqualTo("apples"));
        Assert.That(Output("volume", "ls"), Does.Match("goods +0 "));
        Assert.That(Output("volume", "rm", "goods"), Is.EqualTo("goods"));
        Assert.That(Output("volume", "ls", "-q"), Is.Empty);
    }

    [Test]
    public void A_volume_without_a_name_goes_with_its_container_and_pruning_spares_named_ones()
    {
        Assert.That(RunInBox(["-v", "/cache", "-v", "kept:/kept"], "sh", "-c", "echo 1 > /cache/1; ls /cache"), Is.EqualTo("1"));

        Assert.That(Output("volume", "ls", "-q"), Is.EqualTo("kept"));
        Assert.That(Output("volume", "prune"), Is.Empty);
        Assert.That(Output("volume", "prune", "--all", "-f"), Is.EqualTo("kept"));
    }

    [TestCase("ckit: There is no volume 'none-such'.", "volume", "inspect", "none-such")]
    [TestCase("ckit: There is no volume 'none-such'.", "volume", "rm", "none-such")]
    [TestCase("ckit: '../x' cannot name a volume", "volume", "create", "../x")]
    [TestCase("ckit: A volume can be 'ro' or 'rw', not 'rslave'.", "run", "--rm", "-v", "name:/data:rslave", "box:1", "true")]
    [TestCase("ckit: A bind mount can be ro or rw, rprivate, rslave or rshared, and idmap; not 'z'.", "run", "--rm", "-v", "/tmp:/data:z", "box:1", "true")]
    [TestCase("ckit: 'a:b:c:d' is neither a bind mount nor a volume", "run", "--rm", "-v", "a:b:c:d", "box:1", "true")]
    [TestCase("ckit: A path inside a container must be absolute: 'data'.", "run", "--rm", "-v", "name:data", "box:1", "true")]
    public void What_cannot_be_is_said_in_a_sentence(string sentence, params string[] arguments)
    {
        var result = Ckit(arguments);

        Assert.That(result.ExitCode, Is.Not.Zero);
        Assert.That(result.Error, Does.StartWith(sentence));
    }
}

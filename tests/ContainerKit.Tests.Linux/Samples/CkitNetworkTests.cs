using System.Text.Json.Nodes;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Samples;

/// <summary>Networks from the command line.</summary>
internal sealed class CkitNetworkTests : CkitFixture
{
    [Test]
    public void A_network_is_made_joined_looked_at_and_removed()
    {
        Needs.Root();
        Assert.That(Output("network", "create", "--subnet", "10.213.77.0/24", "shop"), Is.EqualTo("shop"));
        Output("run", "-d", "--name", "till", "--network", "shop", "box:1", "sleep", "1000");

        var network = JsonNode.Parse(Output("network", "inspect", "shop"))!.AsArray()[0]!;
        var refusal = Ckit("network", "rm", "shop");
        var hosts = Output("run", "--rm", "--network", "shop", "box:1", "cat", "/etc/hosts");
        Output("rm", "-f", "till");

        Assert.That(network["Subnet"]!.GetValue<string>(), Is.EqualTo("10.213.77.0/24"));
        Assert.That(network["Members"]![0]!["Address"]!.GetValue<string>(), Is.EqualTo("10.213.77.2"));
        Assert.That(network["Members"]![0]!["Names"]!.AsArray().Select(name => name!.GetValue<string>()), Does.Contain("till"));
        Assert.That(hosts, Does.Match(@"10\.213\.77\.2\s.*till"));
        Assert.That((refusal.ExitCode, refusal.Error), Is.EqualTo((125, "ckit: Cannot remove the network 'shop': it has a member, 'till' among them. Stop them first.\n")));
        Assert.That(Output("network", "ls"), Does.Match("shop +10.213.77.0/24 +0 "));
        Assert.That(Output("network", "rm", "shop"), Is.EqualTo("shop"));
        Assert.That(Output("network", "ls"), Does.Not.Contain("shop"));
    }

    [TestCase("ckit: There is no network 'none-such'.", "inspect", "none-such")]
    [TestCase("ckit: There is no network 'none-such'.", "rm", "none-such")]
    [TestCase("ckit: '10.1.2.3/24' is no subnet, such as 10.1.2.0/24.", "create", "--subnet", "10.1.2.3/24", "x")]
    [TestCase("ckit: Cannot make a network 'host': this name has a meaning of its own.", "create", "host")]
    [TestCase("ckit: '../x' is no name for a network", "create", "../x")]
    public void What_cannot_be_is_said_in_a_sentence(string sentence, params string[] arguments)
    {
        var result = Ckit(["network", .. arguments]);

        Assert.That(result.ExitCode, Is.Not.Zero);
        Assert.That(result.Error, Does.StartWith(sentence));
    }
}

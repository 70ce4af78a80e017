using System.Net;
using ContainerKit.Networking.Bridges;

namespace ContainerKit.Tests.Networking.Bridges;

/// <summary>The rules of a network, read as nft(8) would write them.</summary>
public sealed class NetworkFirewallTests
{
    [Test]
    public void A_port_on_loopback_leads_there_for_this_host_alone_and_one_on_all_addresses_for_everybody()
    {
        var target = new IPEndPoint(IPAddress.Parse("10.211.0.2"), 80);

        var table = NetworkFirewall.Plan("t", "ck-0", IPNetwork.Parse("10.211.0.0/24"), [new(IPAddress.Loopback, 8080, target), new(IPAddress.Any, 8081, target)]);

        const string closed = "ip daddr 127.0.0.1 tcp dport 8080 dnat to 10.211.0.2:80", open = "fib daddr type local tcp dport 8081 dnat to 10.211.0.2:80";
        Assert.That(Rules("output"), Is.EqualTo(new[] { closed, open }));
        Assert.That(Rules("prerouting"), Is.EqualTo(new[] { open }));

        IEnumerable<string> Rules(string chain) => table.Chains.Single(one => one.Name == chain).Rules.Select(rule => rule.Text);
    }
}

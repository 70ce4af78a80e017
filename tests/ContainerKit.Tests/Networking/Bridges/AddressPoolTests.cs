using System.Net;
using ContainerKit.Networking.Bridges;

namespace ContainerKit.Tests.Networking.Bridges;

/// <summary>Which addresses networks and their members are given.</summary>
public sealed class AddressPoolTests
{
    [Test]
    public void A_network_shares_no_address_with_what_the_host_reaches_elsewhere()
    {
        IPNetwork[] used = [IPNetwork.Parse("10.211.0.0/23"), IPNetwork.Parse("10.211.2.128/25"), IPNetwork.Parse("10.211.3.7/32")];

        Assert.That(AddressPool.Choose(used), Is.EqualTo(IPNetwork.Parse("10.211.4.0/24")));
    }

    [Test]
    public void A_route_to_a_whole_private_network_leaves_the_others() =>
        Assert.That(AddressPool.Choose([IPNetwork.Parse("10.0.0.0/8")]), Is.EqualTo(IPNetwork.Parse("172.29.0.0/24")));

    [Test]
    public void Where_all_are_taken_there_is_none() => Assert.That(
        AddressPool.Choose([IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("172.16.0.0/12"), IPNetwork.Parse("192.168.0.0/16")]), Is.Null);

    [Test]
    public void Members_get_neither_the_gateways_address_nor_the_last()
    {
        var network = IPNetwork.Parse("10.222.7.0/29");
        var taken = new List<IPAddress>();
        while (AddressPool.ChooseMember(network, taken) is { } address)
        {
            taken.Add(address);
        }

        Assert.That(taken.Select(address => address.ToString()), Is.EqualTo(new[] { "10.222.7.2", "10.222.7.3", "10.222.7.4", "10.222.7.5", "10.222.7.6" }));
    }
}

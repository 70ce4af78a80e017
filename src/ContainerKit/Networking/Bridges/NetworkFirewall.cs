using System.Net;
using ContainerKit.Networking.Netlink;

namespace ContainerKit.Networking.Bridges;

/// <summary>The rules of one network, as data: who gets out, who gets in, and where published ports lead.</summary>
internal static class NetworkFirewall
{
    // As nft(8) names them: raw, dstnat, filter, srcnat.
    private const int Raw = -300, DestinationNat = -100, Filter = 0, SourceNat = 100;

    private static readonly IPNetwork Loopback = IPNetwork.Parse("127.0.0.0/8");

    /// <param name="name">The table's name.</param>
    /// <param name="bridge">The name of the network's bridge.</param>
    /// <param name="network">Its addresses.</param>
    /// <param name="ports">The published ports of all its members.</param>
    public static FirewallTable Plan(string name, string bridge, IPNetwork network, IEnumerable<MemberPort> ports)
    {
        var open = ports.ToArray();
        return new FirewallTable(name,
        [
            // route_localnet opens the host's loopback addresses to the bridge; this shuts them again.
            new("loopback", "filter", FirewallChain.Prerouting, Raw,
                [new FirewallRule($"iifname \"{bridge}\" ip daddr {Loopback} drop").Enters(bridge).To(Loopback).Drop()]),

            // What comes from elsewhere comes as an answer, or to a published port. Other networks of containers are elsewhere, too.
            new("forward", "filter", FirewallChain.Forward, Filter,
            [
                new FirewallRule($"iifname != \"{bridge}\" oifname \"{bridge}\" ct state established,related accept")
                    .Enters(bridge, isNot: true).Leaves(bridge).OfKnownConnection().Accept(),
                new FirewallRule($"iifname != \"{bridge}\" oifname \"{bridge}\" ct status dnat accept")
                    .Enters(bridge, isNot: true).Leaves(bridge).OfPublishedPort().Accept(),
                new FirewallRule($"iifname != \"{bridge}\" oifname \"{bridge}\" drop").Enters(bridge, isNot: true).Leaves(bridge).Drop(),
            ]),
            new("prerouting", "nat", FirewallChain.Prerouting, DestinationNat, [.. open.Where(port => !Loopback.Contains(port.Address)).Select(Publish)]),
            new("output", "nat", FirewallChain.Output, DestinationNat, [.. open.Select(Publish)]),
            new("postrouting", "nat", FirewallChain.Postrouting, SourceNat,
            [
                new FirewallRule($"ip saddr {network} oifname != \"{bridge}\" masquerade").From(network).Leaves(bridge, isNot: true).Masquerade(),

                // A container cannot answer a loopback address, as it has some of its own.
                new FirewallRule($"ip saddr {Loopback} oifname \"{bridge}\" masquerade").From(Loopback).Leaves(bridge).Masquerade(),

                // Nor would a member that reaches another by a published port know the answer, did it come straight from there.
                new FirewallRule($"ip saddr {network} oifname \"{bridge}\" ct status dnat masquerade").From(network).Leaves(bridge).OfPublishedPort().Masquerade(),
            ]),
        ]);
    }

    private static FirewallRule Publish(MemberPort port)
    {
        var isAny = port.Address.Equals(IPAddress.Any);
        var rule = new FirewallRule($"{(isAny ? "fib daddr type local" : $"ip daddr {port.Address}")} tcp dport {port.HostPort} dnat to {port.Target}");
        rule = isAny ? rule.ToThisHost() : rule.To(new IPNetwork(port.Address, 32));
        return rule.ToTcpPort(port.HostPort).SendTo(port.Target);
    }
}

/// <summary>A port of the host that leads to a member of a network.</summary>
/// <param name="Address">The host's address; <see cref="IPAddress.Any"/> for all.</param>
/// <param name="HostPort">The host's port.</param>
/// <param name="Target">The member's address and port.</param>
internal readonly record struct MemberPort(IPAddress Address, int HostPort, IPEndPoint Target);

using System.Net;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using ContainerKit.Linux;
using ContainerKit.Networking.Netlink;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Networking.Bridges;

/// <summary>What a network has in the kernel: its bridge, its table of the firewall, and a pair of interfaces for each member.</summary>
[SupportedOSPlatform("linux")]
internal static class BridgeSetup
{
    private const string InsideName = "eth0";
    private const string AnotherSubnet = "Make it with another subnet, or with none: then free addresses are chosen.";
    private const int MostAttempts = 16;

    /// <summary>Makes the bridge, with addresses that nobody else on this host has.</summary>
    /// <param name="record">The network.</param>
    /// <param name="wanted">The addresses that it has to have; null for any.</param>
    /// <returns>Its addresses.</returns>
    public static IPNetwork Make(NetworkRecord record, IPNetwork? wanted)
    {
        using var links = LinkCalls.Open();
        links.Remove(record.Bridge);
        var refused = new List<IPNetwork>();
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var network = Choose(record, wanted, [.. links.UsedNetworks().Select(used => used.Network), .. refused]);
            try
            {
                if (TryMake(links, record, network))
                {
                    RouteBetween(record);
                    return network;
                }
            }
            catch
            {
                links.Remove(record.Bridge);
                throw;
            }

            // Another store's network has chosen the same in the same moment.
            links.Remove(record.Bridge);
            refused.Add(network);
        }

        throw new NetworkException($"Cannot set up the network '{record.Name}': every address that was free a moment ago had been taken by another.");
    }

    public static bool Exists(NetworkRecord record)
    {
        using var links = LinkCalls.Open();
        return links.Find(record.Bridge) is not null;
    }

    /// <summary>Removes the bridge and the table; what is not there is no error.</summary>
    public static void Remove(NetworkRecord record)
    {
        FirewallTable.Remove(record.Table);
        using var links = LinkCalls.Open();
        links.Remove(record.Bridge);
    }

    /// <summary>Sets the rules for those who are members.</summary>
    public static void ApplyRules(NetworkRecord record, IPNetwork network, IEnumerable<MemberRecord> members) => NetworkFirewall.Plan(
        record.Table,
        record.Bridge,
        network,
        from member in members
        from port in member.Ports
        let address = IPAddress.Parse(port.Address)
        where address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork
        select new MemberPort(address, port.HostPort, new IPEndPoint(IPAddress.Parse(member.Address), port.ContainerPort))).Apply();

    /// <summary>Gives a container its interface, address and way out.</summary>
    /// <param name="record">The network.</param>
    /// <param name="network">Its addresses.</param>
    /// <param name="member">The member.</param>
    /// <param name="processId">The number of its first process.</param>
    /// <param name="process">The same process.</param>
    public static void Connect(NetworkRecord record, IPNetwork network, MemberRecord member, int processId, SafeFileHandle process)
    {
        using var inside = new LinkCalls(NetlinkSocket.OpenIn(process, NetlinkProtocol.Route));
        using var links = LinkCalls.Open();
        var address = IPAddress.Parse(member.Address);
        links.Remove(member.Interface);
        var bridge = links.Find(record.Bridge) ?? throw new NetworkException($"The bridge '{record.Bridge}' of the network '{record.Name}' is gone.") { Hint = "Somebody else has removed it." };
        links.MakePair(member.Interface, bridge, InsideName, AddressPool.HardwareAddress(address), processId);
        var index = inside.Find(InsideName) ?? throw new LinuxException(Errno.ENODEV, $"find the interface '{InsideName}' of a container");
        inside.AddAddress(index, InsideName, address, network);
        inside.SetUp(index, InsideName);
        inside.AddDefaultRoute(AddressPool.Gateway(network));
    }

    public static void Disconnect(MemberRecord member)
    {
        using var links = LinkCalls.Open();
        links.Remove(member.Interface);
    }

    /// <summary>Refuses addresses that this host reaches elsewhere.</summary>
    public static void RequireFree(string name, IPNetwork network)
    {
        using var links = LinkCalls.Open();
        if (Clash(network, links.UsedNetworks().Select(used => used.Network)) is { } clash)
        {
            throw new NetworkException($"Cannot make the network '{name}': its addresses {network} are among those that this host reaches elsewhere ({clash}).") { Hint = AnotherSubnet };
        }
    }

    private static IPNetwork? Clash(IPNetwork network, IEnumerable<IPNetwork> used) => used.Where(other => Subnet.Overlap(network, other)).Select(other => (IPNetwork?)other).FirstOrDefault();

    private static IPNetwork Choose(NetworkRecord record, IPNetwork? wanted, IReadOnlyCollection<IPNetwork> used)
    {
        if (wanted is not { } network)
        {
            return AddressPool.Choose(used) ?? throw new NetworkException($"Cannot set up the network '{record.Name}': the host has routes to all private addresses that networks are given.")
            {
                Hint = "Make a network with a subnet of your own choice.",
            };
        }

        return Clash(network, used) is { } clash
            ? throw new NetworkException($"Cannot set up the network '{record.Name}': its addresses {network} are among those that this host reaches elsewhere ({clash}).") { Hint = AnotherSubnet }
            : network;
    }

    private static bool TryMake(LinkCalls links, NetworkRecord record, IPNetwork network)
    {
        var gateway = AddressPool.Gateway(network);
        links.MakeBridge(record.Bridge, new([0x02, 0x43, .. RandomNumberGenerator.GetBytes(4)]));
        var index = links.Find(record.Bridge) ?? throw new LinuxException(Errno.ENODEV, $"find the bridge '{record.Bridge}'");
        links.AddAddress(index, record.Bridge, gateway, network);

        // Looked at again: of two that have chosen the same, each sees the other by now, and the later one gives way.
        if (links.UsedNetworks().Any(used => used.Interface != index && used.Interface < index && Subnet.Overlap(used.Network, network)))
        {
            return false;
        }

        links.SetUp(index, record.Bridge);
        return true;
    }

    private static void RouteBetween(NetworkRecord record)
    {
        // Connections from the host's loopback addresses to published ports leave by the bridge: the kernel would call them martians.
        Set($"/proc/sys/net/ipv4/conf/{record.Bridge}/route_localnet");
        Set("/proc/sys/net/ipv4/ip_forward");
    }

    private static void Set(string setting)
    {
        try
        {
            if (File.ReadAllText(setting).Trim() != "1")
            {
                File.WriteAllText(setting, "1");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NetworkException($"Cannot set '{setting}' to 1: {e.Message}", e) { Hint = "Networks of containers need a host that may forward packets." };
        }
    }
}

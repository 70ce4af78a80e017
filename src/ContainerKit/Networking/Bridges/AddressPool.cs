using System.Net;

namespace ContainerKit.Networking.Bridges;

/// <summary>Chooses addresses: for a network some that the host has no other use for, and for a container one that nobody has. Pure functions.</summary>
internal static class AddressPool
{
    /// <summary>How long the prefix of a chosen network is: room for 253 containers.</summary>
    public const int PrefixLength = 24;

    // Private networks (RFC 1918), first where others have theirs least. A route to all of 10.0.0.0/8, as many companies' have, leaves the others.
    private static readonly IPNetwork[] Ranges = [IPNetwork.Parse("10.211.0.0/16"), IPNetwork.Parse("172.29.0.0/16"), IPNetwork.Parse("192.168.128.0/17")];

    /// <summary>All networks there are to choose from, in order.</summary>
    public static IEnumerable<IPNetwork> Candidates =>
        from range in Ranges
        from number in Enumerable.Range(0, (int)(Subnet.Size(range) / 256))
        select new IPNetwork(Subnet.At(range, (uint)number * 256), PrefixLength);

    /// <summary>The first network that shares no address with any that the host knows; null when there is none.</summary>
    public static IPNetwork? Choose(IReadOnlyCollection<IPNetwork> used)
    {
        foreach (var candidate in Candidates)
        {
            if (!used.Any(other => Subnet.Overlap(candidate, other)))
            {
                return candidate;
            }
        }

        return null;
    }

    /// <summary>The bridge's own address, which is the members' way out.</summary>
    public static IPAddress Gateway(IPNetwork network) => Subnet.At(network, 1);

    /// <summary>The first address that nobody has; null when all are taken.</summary>
    public static IPAddress? ChooseMember(IPNetwork network, IReadOnlyCollection<IPAddress> taken)
    {
        var last = Subnet.Size(network) - 1;
        for (var place = 2u; place < last; place++)
        {
            var address = Subnet.At(network, place);
            if (!taken.Contains(address))
            {
                return address;
            }
        }

        return null;
    }

    /// <summary>The hardware address that belongs to an address: neighbours who remember the last owner of the address are still right.</summary>
    public static System.Net.NetworkInformation.PhysicalAddress HardwareAddress(IPAddress address) => new([0x02, 0x43, .. address.GetAddressBytes()]);
}

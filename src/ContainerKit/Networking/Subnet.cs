using System.Buffers.Binary;
using System.Net;

namespace ContainerKit.Networking;

/// <summary>Arithmetic with IPv4 networks.</summary>
internal static class Subnet
{
    /// <summary>The network of a prefix length that an address is in.</summary>
    public static IPNetwork Around(IPAddress address, int prefixLength) => new(Of(ToNumber(address) & Mask(prefixLength)), prefixLength);

    /// <summary>Whether two networks have addresses in common.</summary>
    public static bool Overlap(IPNetwork one, IPNetwork other) => one.Contains(other.BaseAddress) || other.Contains(one.BaseAddress);

    /// <summary>The address at a place in a network; 0 is the network itself.</summary>
    public static IPAddress At(IPNetwork network, uint place) => Of(ToNumber(network.BaseAddress) + place);

    /// <summary>The last address, which is everybody's.</summary>
    public static IPAddress Last(IPNetwork network) => At(network, Size(network) - 1);

    /// <summary>How many addresses it has; 30 bits of them are counted at most.</summary>
    public static uint Size(IPNetwork network) => 1u << Math.Min(32 - network.PrefixLength, 30);

    public static uint Mask(int prefixLength) => prefixLength == 0 ? 0 : uint.MaxValue << (32 - prefixLength);

    public static uint ToNumber(IPAddress address) => BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes());

    public static IPAddress Of(uint number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return new IPAddress(bytes);
    }
}

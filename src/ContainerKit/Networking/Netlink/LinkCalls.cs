using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Networking.Netlink;

/// <summary>Interfaces, their addresses and routes as verbs, in the namespace of one socket. rtnetlink(7)</summary>
[SupportedOSPlatform("linux")]
internal sealed class LinkCalls(NetlinkSocket socket) : IDisposable
{
    private const int NewLink = 16, DeleteLink = 17, GetLink = 18, SetLink = 19, NewAddress = 20, GetAddress = 22, NewRoute = 24, GetRoute = 26;
    private const int Address = 1, Name = 3, Master = 10, LinkInformation = 18, ProcessOfNamespace = 19, FamilySpecific = 26, Kind = 1, KindData = 2, Peer = 1;
    private const int LocalAddress = 2, AddressOfInterface = 1, Broadcast = 4, Destination = 1, Gateway = 5;
    private const int LinkSize = 16, AddressSize = 8, RouteSize = 12;
    private const byte Inet = 2, Inet6 = 10;
    private const int NotSupported = 97;

    public static LinkCalls Open() => new(NetlinkSocket.Open(NetlinkProtocol.Route));

    /// <summary>Makes a bridge, which is down. Its hardware address is given, because one that it chose itself would change with its ports.</summary>
    public void MakeBridge(string name, PhysicalAddress hardwareAddress) => socket.Execute(
        new NetlinkWriter().Message(NewLink, NetlinkFlags.Acknowledge | NetlinkFlags.Create | NetlinkFlags.Exclusive, Link(), to => to
            .Text(Name, name)
            .Bytes(Address, hardwareAddress.GetAddressBytes())
            .Nested(LinkInformation, information => information.Text(Kind, "bridge"))),
        $"make the bridge '{name}'");

    /// <summary>Makes a pair of interfaces, of which one is up and a port of a bridge, and the other (down still) is in the network of a process.</summary>
    /// <param name="name">The one here.</param>
    /// <param name="bridge">The number of the bridge.</param>
    /// <param name="peerName">The one there.</param>
    /// <param name="peerAddress">The hardware address of that.</param>
    /// <param name="processId">The process.</param>
    public void MakePair(string name, int bridge, string peerName, PhysicalAddress peerAddress, int processId) => socket.Execute(
        new NetlinkWriter().Message(NewLink, NetlinkFlags.Acknowledge | NetlinkFlags.Create | NetlinkFlags.Exclusive, Link(0, isUp: true), to => to
            .Text(Name, name)
            .Number(Master, bridge)
            .Nested(LinkInformation, information => information
                .Text(Kind, "veth")
                .Nested(KindData, data => data
                    .Nested(Peer, peer => peer.Text(Name, peerName).Bytes(Address, peerAddress.GetAddressBytes()).Number(ProcessOfNamespace, processId), Link())))),
        $"make the interface '{name}'");

    /// <summary>Sets an interface up; without an IPv6 address of its own making, which nobody would have asked for.</summary>
    public void SetUp(int index, string name)
    {
        const int addressGeneration = 8;
        var quiet = new NetlinkWriter().Message(SetLink, NetlinkFlags.Acknowledge, Link(index), to => to
            .Nested(FamilySpecific, families => families.Nested(Inet6, ipv6 => ipv6.Bytes(addressGeneration, [1]))));
        var errno = socket.TryExecute(quiet, $"set up the interface '{name}'");

        // A kernel without IPv6 makes no such address either.
        LinuxException.ThrowIf(errno is NotSupported or Errno.EOPNOTSUPP ? 0 : errno, $"set up the interface '{name}'");
        socket.Execute(new NetlinkWriter().Message(SetLink, NetlinkFlags.Acknowledge, Link(index, isUp: true)), $"set up the interface '{name}'");
    }

    /// <summary>Gives an interface an address, and with that the way to the addresses around it.</summary>
    public void AddAddress(int index, string name, IPAddress address, IPNetwork network) => socket.Execute(
        new NetlinkWriter().Message(NewAddress, NetlinkFlags.Acknowledge | NetlinkFlags.Create | NetlinkFlags.Exclusive, AddressPart(index, network.PrefixLength), to => to
            .Address(LocalAddress, address)
            .Address(AddressOfInterface, address)
            .Address(Broadcast, Subnet.Last(network))),
        $"give the interface '{name}' the address {address}");

    /// <summary>Sends everything that goes elsewhere to a neighbour.</summary>
    public void AddDefaultRoute(IPAddress gateway)
    {
        // struct rtmsg: family, lengths, tos, table (main), protocol (static), scope (universe), type (unicast), flags.
        byte[] route = [Inet, 0, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0];
        socket.Execute(
            new NetlinkWriter().Message(NewRoute, NetlinkFlags.Acknowledge | NetlinkFlags.Create | NetlinkFlags.Exclusive, route, to => to.Address(Gateway, gateway)),
            $"make {gateway} the way to everywhere");
    }

    /// <summary>Removes an interface, and the other of its pair.</summary>
    /// <returns>False when there is none of that name.</returns>
    public bool Remove(string name)
    {
        var errno = socket.TryExecute(new NetlinkWriter().Message(DeleteLink, NetlinkFlags.Acknowledge, Link(), to => to.Text(Name, name)), $"remove the interface '{name}'");
        LinuxException.ThrowIf(errno == Errno.ENODEV ? 0 : errno, $"remove the interface '{name}'");
        return errno == 0;
    }

    /// <summary>The number of an interface; null when there is none of that name.</summary>
    public int? Find(string name)
    {
        var question = new NetlinkWriter().Message(GetLink, NetlinkFlags.Acknowledge, Link(), to => to.Text(Name, name));
        var errno = socket.TryAsk(question, $"look for the interface '{name}'", out var link);
        LinuxException.ThrowIf(errno == Errno.ENODEV ? 0 : errno, $"look for the interface '{name}'");
        return link is null ? null : BinaryPrimitives.ReadInt32LittleEndian(link.AsSpan(4));
    }

    /// <summary>All IPv4 networks that are near or have a route, the route to everywhere aside.</summary>
    public IReadOnlyList<UsedNetwork> UsedNetworks()
    {
        var used = new List<UsedNetwork>();
        foreach (var address in socket.Dump(new NetlinkWriter().Message(GetAddress, NetlinkFlags.Dump, AddressPart(0, 0)), "list the addresses of this host"))
        {
            Add(address, AddressSize, AddressOfInterface, address[1], BinaryPrimitives.ReadInt32LittleEndian(address.AsSpan(4)));
        }

        foreach (var route in socket.Dump(new NetlinkWriter().Message(GetRoute, NetlinkFlags.Dump, [Inet, .. new byte[RouteSize - 1]]), "list the routes of this host"))
        {
            const int outInterface = 4;
            var through = Attributes(route, RouteSize).FirstOrDefault(attribute => attribute.Type == outInterface).Value;
            Add(route, RouteSize, Destination, route[1], through is { Length: 4 } ? BinaryPrimitives.ReadInt32LittleEndian(through) : 0);
        }

        return used;

        void Add(byte[] message, int fixedSize, int type, int prefix, int index)
        {
            if (message[0] == Inet && prefix is > 0 and <= 32 && Attributes(message, fixedSize).FirstOrDefault(attribute => attribute.Type == type).Value is { Length: 4 } bytes)
            {
                used.Add(new UsedNetwork(Subnet.Around(new IPAddress(bytes), prefix), index));
            }
        }
    }

    public void Dispose() => socket.Dispose();

    // struct ifinfomsg: family, padding, type, index, flags, which flags are meant.
    private static byte[] Link(int index = 0, bool isUp = false)
    {
        var link = new byte[LinkSize];
        BinaryPrimitives.WriteInt32LittleEndian(link.AsSpan(4), index);
        BinaryPrimitives.WriteInt32LittleEndian(link.AsSpan(8), isUp ? 1 : 0);
        BinaryPrimitives.WriteInt32LittleEndian(link.AsSpan(12), isUp ? 1 : 0);
        return link;
    }

    // struct ifaddrmsg: family, prefix, flags, scope, index.
    private static byte[] AddressPart(int index, int prefix)
    {
        var part = new byte[AddressSize];
        (part[0], part[1]) = (Inet, (byte)prefix);
        BinaryPrimitives.WriteInt32LittleEndian(part.AsSpan(4), index);
        return part;
    }

    private static IEnumerable<(int Type, byte[] Value)> Attributes(byte[] message, int fixedSize)
    {
        for (var at = fixedSize; at + 4 <= message.Length;)
        {
            var length = BinaryPrimitives.ReadUInt16LittleEndian(message.AsSpan(at));
            if (length < 4 || at + length > message.Length)
            {
                yield break;
            }

            yield return (BinaryPrimitives.ReadUInt16LittleEndian(message.AsSpan(at + 2)) & 0x3FFF, message[(at + 4)..(at + length)]);
            at += (length + 3) / 4 * 4;
        }
    }
}

/// <summary>Addresses that the host knows a way to.</summary>
/// <param name="Network">The addresses.</param>
/// <param name="Interface">The number of the interface that they are behind; 0 where there is none.</param>
internal readonly record struct UsedNetwork(IPNetwork Network, int Interface);

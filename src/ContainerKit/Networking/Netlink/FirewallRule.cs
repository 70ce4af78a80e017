using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace ContainerKit.Networking.Netlink;

/// <summary>
/// One rule of nftables, as the expressions that the kernel evaluates from left to right: each compares what a register was filled with and ends the rule
/// where that differs. linux/netfilter/nf_tables.h
/// </summary>
/// <param name="text">What nft(8) would call it: for people, and for tests that read the plan.</param>
internal sealed class FirewallRule(string text)
{
    private const uint Register = 1, SecondRegister = 2, VerdictRegister = 0;
    private const int Destination = 1, Key = 2, Elements = 1, ExpressionName = 1, ExpressionData = 2, Value = 1, Verdict = 2;
    private const uint NetworkHeader = 1, TransportHeader = 2, Accepted = 1, Dropped = 0;

    private readonly List<Action<NetlinkWriter>> _expressions = [];

    /// <summary>The rule in nft(8)'s words.</summary>
    public string Text { get; } = text;

    /// <summary>Writes the expressions as an attribute.</summary>
    public void WriteTo(NetlinkWriter writer, int type) => writer.Nested(type, list =>
    {
        foreach (var expression in _expressions)
        {
            expression(list);
        }
    });

    public FirewallRule From(IPNetwork network) => Compare(Payload(NetworkHeader, 12, 4), network);

    public FirewallRule To(IPNetwork network) => Compare(Payload(NetworkHeader, 16, 4), network);

    public FirewallRule Enters(string interfaceName, bool isNot = false) => Interface(6, interfaceName, isNot);

    public FirewallRule Leaves(string interfaceName, bool isNot = false) => Interface(7, interfaceName, isNot);

    /// <summary>TCP to a port.</summary>
    public FirewallRule ToTcpPort(int port)
    {
        Meta(16).Equal([6]);
        Span<byte> number = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(number, (ushort)port);
        return Payload(TransportHeader, 2, 2).Equal(number.ToArray());
    }

    /// <summary>To any address of the host's own.</summary>
    public FirewallRule ToThisHost()
    {
        const uint addressType = 3, ofDestination = 2;
        const int result = 2, flags = 3, local = 2;
        Add("fib", to => to.NetworkNumber(Destination, Register).NetworkNumber(result, addressType).NetworkNumber(flags, ofDestination));
        return Equal(BitConverter.GetBytes(local));
    }

    /// <summary>Packets of connections that others have begun, or that belong to such.</summary>
    public FirewallRule OfKnownConnection() => Tracked(key: 0, bits: 2 | 4);

    /// <summary>Packets of connections whose destination was exchanged.</summary>
    public FirewallRule OfPublishedPort() => Tracked(key: 2, bits: 1 << 5);

    public FirewallRule Masquerade() => Add("masq", null);

    /// <summary>Sends the connection to another address and port.</summary>
    public FirewallRule SendTo(IPEndPoint endPoint)
    {
        const uint destination = 1, inet = 2;
        var port = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(port, (ushort)endPoint.Port);
        Load(Register, endPoint.Address.GetAddressBytes());
        Load(SecondRegister, port);
        return Add("nat", to => to.NetworkNumber(1, destination).NetworkNumber(2, inet).NetworkNumber(3, Register).NetworkNumber(5, SecondRegister));
    }

    public FirewallRule Accept() => Decide(Accepted);

    public FirewallRule Drop() => Decide(Dropped);

    private FirewallRule Compare(FirewallRule loaded, IPNetwork network)
    {
        if (network.PrefixLength == 32)
        {
            return loaded.Equal(network.BaseAddress.GetAddressBytes());
        }

        return Masked(Subnet.Of(Subnet.Mask(network.PrefixLength)).GetAddressBytes()).Equal(network.BaseAddress.GetAddressBytes());
    }

    private FirewallRule Interface(uint key, string name, bool isNot)
    {
        var text = new byte[16];
        Encoding.UTF8.GetBytes(name, text);
        return Meta(key).Equal(text, isNot);
    }

    private FirewallRule Tracked(uint key, int bits)
    {
        Add("ct", to => to.NetworkNumber(Destination, Register).NetworkNumber(Key, key));
        return Masked(BitConverter.GetBytes(bits)).Equal(new byte[4], isNot: true);
    }

    private FirewallRule Meta(uint key) => Add("meta", to => to.NetworkNumber(Destination, Register).NetworkNumber(Key, key));

    private FirewallRule Payload(uint header, uint offset, uint length) => Add("payload", to => to
        .NetworkNumber(Destination, Register).NetworkNumber(2, header).NetworkNumber(3, offset).NetworkNumber(4, length));

    private FirewallRule Masked(byte[] mask) => Add("bitwise", to => to
        .NetworkNumber(1, Register).NetworkNumber(2, Register).NetworkNumber(3, (uint)mask.Length)
        .Nested(4, value => value.Bytes(Value, mask)).Nested(5, value => value.Bytes(Value, new byte[mask.Length])));

    private FirewallRule Equal(byte[] value, bool isNot = false) => Add("cmp", to => to
        .NetworkNumber(1, Register).NetworkNumber(2, isNot ? 1u : 0u).Nested(3, data => data.Bytes(Value, value)));

    private void Load(uint register, byte[] value) => Add("immediate", to => to.NetworkNumber(1, register).Nested(2, data => data.Bytes(Value, value)));

    private FirewallRule Decide(uint code) => Add("immediate", to => to
        .NetworkNumber(1, VerdictRegister).Nested(2, data => data.Nested(Verdict, verdict => verdict.NetworkNumber(1, code))));

    private FirewallRule Add(string name, Action<NetlinkWriter>? data)
    {
        _expressions.Add(to => to.Nested(Elements, element => element.Text(ExpressionName, name).Nested(ExpressionData, data)));
        return this;
    }
}

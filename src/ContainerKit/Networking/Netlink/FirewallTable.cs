using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Networking.Netlink;

/// <summary>Where in a packet's way through the kernel a chain has its say, and whether it filters or translates.</summary>
/// <param name="Name">Its name in the table.</param>
/// <param name="Type"><c>filter</c> or <c>nat</c>.</param>
/// <param name="Hook">NF_INET_PRE_ROUTING and the others.</param>
/// <param name="Priority">Its place among others of the same hook.</param>
/// <param name="Rules">In order.</param>
internal sealed record FirewallChain(string Name, string Type, int Hook, int Priority, IReadOnlyList<FirewallRule> Rules)
{
    public const int Prerouting = 0, Forward = 2, Output = 3, Postrouting = 4;
}

/// <summary>A table of nftables for IPv4, which is always replaced as a whole: no packet ever meets half of it.</summary>
internal sealed record FirewallTable(string Name, IReadOnlyList<FirewallChain> Chains)
{
    private const int NewTable = 0xA00, DeleteTable = 0xA02, NewChain = 0xA03, NewRule = 0xA06, BatchBegin = 0x10, BatchEnd = 0x11;
    private const byte Inet = 2;

    // struct nfgenmsg: family, version, and for a batch the subsystem that it is for, in the network's order.
    private static readonly byte[] Generic = [Inet, 0, 0, 0], Batch = [0, 0, 0, 10];

    /// <summary>Puts the table in place of whatever has its name.</summary>
    [SupportedOSPlatform("linux")]
    public void Apply()
    {
        var batch = new NetlinkWriter().Message(BatchBegin, NetlinkFlags.None, Batch);

        // Made first, so that removing it is no error; all of the batch happens in one moment.
        AddTable(batch, NetlinkFlags.None);
        batch.Message(DeleteTable, NetlinkFlags.None, Generic, to => to.Text(1, Name));
        AddTable(batch, NetlinkFlags.None);
        foreach (var chain in Chains)
        {
            batch.Message(NewChain, NetlinkFlags.Create, Generic, to => to
                .Text(1, Name)
                .Text(3, chain.Name)
                .Nested(4, hook => hook.NetworkNumber(1, (uint)chain.Hook).NetworkNumber(2, unchecked((uint)chain.Priority)))
                .Text(7, chain.Type));
            foreach (var rule in chain.Rules)
            {
                batch.Message(NewRule, NetlinkFlags.Create | NetlinkFlags.Append, Generic, to => rule.WriteTo(to.Text(1, Name).Text(2, chain.Name), 4));
            }
        }

        // The kernel answers single messages of a batch: this one is the last, and changes nothing.
        AddTable(batch, NetlinkFlags.Acknowledge);
        using var socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
        socket.Execute(batch.Message(BatchEnd, NetlinkFlags.None, Batch), $"set the firewall's table '{Name}'");
    }

    /// <summary>Removes a table, if there is one of that name.</summary>
    [SupportedOSPlatform("linux")]
    public static void Remove(string name)
    {
        var batch = new NetlinkWriter().Message(BatchBegin, NetlinkFlags.None, Batch)
            .Message(DeleteTable, NetlinkFlags.Acknowledge, Generic, to => to.Text(1, name))
            .Message(BatchEnd, NetlinkFlags.None, Batch);
        using var socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
        var errno = socket.TryExecute(batch, $"remove the firewall's table '{name}'");
        LinuxException.ThrowIf(errno == Errno.ENOENT ? 0 : errno, $"remove the firewall's table '{name}'");
    }

    private void AddTable(NetlinkWriter batch, NetlinkFlags flags) => batch.Message(NewTable, NetlinkFlags.Create | flags, Generic, to => to.Text(1, Name));
}

using System.Net;
using System.Runtime.CompilerServices;
using ContainerKit.Networking.Bridges;

// There is one only where containers run, which is Linux.
#pragma warning disable CA1416

namespace ContainerKit;

/// <summary>
/// The networks that a store's containers can share. There is always one, <c>bridge</c>, for those who name no other. What a network has in the kernel (bridge,
/// firewall rules) comes with its first member and goes with its last.
/// </summary>
public sealed class NetworkStore
{
    internal const string DefaultName = NetworkCatalog.DefaultName;

    /// <summary>What an ordinary user does instead.</summary>
    internal const string CureForUsers = "Run as root; or use NetworkMode.Pasta, which leads out, or NetworkMode.None, into which OpenTcpAsync and published ports lead for every user, or NetworkMode.Host.";

    private readonly NetworkCatalog _catalog;

    internal NetworkStore(NetworkCatalog catalog) => _catalog = catalog;

    /// <summary>Makes a network. Anybody may; only root's containers can join it.</summary>
    /// <param name="name">1 to 63 letters, digits, <c>_</c>, <c>.</c> and <c>-</c>.</param>
    /// <param name="subnet">
    /// Its IPv4 addresses, with a prefix of 16 to 29 bits. When null, 256 that the host has no other use for are chosen each time that a first member comes.
    /// </param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="NetworkException">There is a network of that name, or the name is <c>bridge</c>, <c>host</c>, <c>none</c> or <c>pasta</c>.</exception>
    public Task<BridgeNetwork> CreateAsync(string name, IPNetwork? subnet = null, CancellationToken cancellationToken = default)
    {
        Require(name, subnet);
        return Task.Run(() => Describe(_catalog.Create(name, subnet)), cancellationToken);
    }

    /// <summary>Finds a network by its name.</summary>
    /// <returns>Null when there is none. The network <c>bridge</c> is there once a container was its member.</returns>
    public Task<BridgeNetwork?> FindAsync(string name, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return Task.Run(() => _catalog.Find(name) is { } network ? Describe(network) : null, cancellationToken);
    }

    /// <summary>The networks of the store, by name.</summary>
    public async IAsyncEnumerable<BridgeNetwork> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var network in await Task.Run(() => _catalog.List().Select(Describe).ToArray(), cancellationToken).ConfigureAwait(false))
        {
            yield return network;
        }
    }

    /// <summary>Removes a network.</summary>
    /// <returns>False when there is none of that name.</returns>
    /// <exception cref="NetworkException">Containers run in it.</exception>
    public Task<bool> RemoveAsync(string name, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return Task.Run(
            () =>
            {
                if (_catalog.Find(name) is not { } network)
                {
                    return false;
                }

                _catalog.Remove(network);
                return true;
            },
            cancellationToken);
    }

    internal static void Require(string name, IPNetwork? subnet)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        NetworkCatalog.Require(name, subnet);
    }

    private static BridgeNetwork Describe(NetworkDirectory network)
    {
        using var turn = network.Lock();
        var living = network.ReadMembers().Where(member => !network.IsDead(member)).ToArray();
        var addresses = living.Length > 0 ? network.Addresses : null;
        return new BridgeNetwork
        {
            Name = network.Record.Name,
            Created = network.Record.Created,
            Bridge = network.Record.Bridge,
            FixedSubnet = network.Record.Subnet is { } subnet ? IPNetwork.Parse(subnet) : null,
            Subnet = addresses,
            Gateway = addresses is { } now ? AddressPool.Gateway(now) : null,
            Members = [.. living.Select(member => new NetworkMember(member.Id, IPAddress.Parse(member.Address), member.Names))],
        };
    }
}

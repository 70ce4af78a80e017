using System.Net;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using ContainerKit.Content;
using ContainerKit.Linux;
using Microsoft.Extensions.Logging;

namespace ContainerKit.Networking.Bridges;

/// <summary>The networks of a store: made, found, joined and left, and cleared of members that are gone.</summary>
/// <remarks>
/// A network has something in the kernel only while it has members: the first who comes makes the bridge, and the last who goes removes it. What a killed
/// process leaves is found by the locks of its members, which nobody holds any more: at the next open, and whenever somebody comes or goes.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed partial class NetworkCatalog(string root, ILogger logger)
{
    /// <summary>The network that containers share unless they name another. It makes itself.</summary>
    public const string DefaultName = "bridge";

    private const int SmallestPrefix = 16, LargestPrefix = 29;

    /// <summary>Makes a network.</summary>
    /// <exception cref="NetworkException">There is one of that name, or this host reaches its addresses elsewhere.</exception>
    public NetworkDirectory Create(string name, IPNetwork? subnet)
    {
        if (name is DefaultName or "none" or "host" or "pasta")
        {
            throw new NetworkException($"Cannot make a network '{name}': this name has a meaning of its own.");
        }

        if (subnet is { } network && Find(name) is null)
        {
            BridgeSetup.RequireFree(name, network);
        }

        return TryMake(name, subnet) ? Open(name) : throw new NetworkException($"Cannot make a network '{name}': there is one.");
    }

    /// <summary>Checks what a network is to be called, and where it is to lie.</summary>
    public static void Require(string name, IPNetwork? subnet)
    {
        if (!Name().IsMatch(name))
        {
            throw new ArgumentException($"'{name}' is no name for a network: it has 1 to 63 letters, digits, '_', '.' and '-', and begins with a letter or digit.", nameof(name));
        }

        if (subnet is { } network && (network.BaseAddress.AddressFamily != System.Net.Sockets.AddressFamily.InterNetwork || network.PrefixLength is < SmallestPrefix or > LargestPrefix))
        {
            throw new ArgumentException($"{network} is no subnet for a network: it is IPv4, with a prefix of {SmallestPrefix} to {LargestPrefix} bits.", nameof(subnet));
        }
    }

    public NetworkDirectory? Find(string name) => Name().IsMatch(name) && File.Exists(Path.Combine(root, name, "network.json")) ? Open(name) : null;

    public IEnumerable<NetworkDirectory> List() => !Directory.Exists(root)
        ? []
        : Directory.EnumerateDirectories(root).Select(path => Path.GetFileName(path)).Where(name => !name.StartsWith('.')).Order(StringComparer.Ordinal).Select(Find).OfType<NetworkDirectory>();

    /// <summary>Removes a network that has no members.</summary>
    /// <exception cref="NetworkException">It has some.</exception>
    public void Remove(NetworkDirectory network)
    {
        using var turn = network.Lock();
        SweepLocked(network);
        if (network.ReadMembers() is [var member, ..] members)
        {
            throw new NetworkException($"Cannot remove the network '{network.Record.Name}': it has {(members.Count == 1 ? "a member" : $"{members.Count} members")}, '{member.Names[0]}' among them.") { Hint = "Stop them first." };
        }

        network.Delete();
    }

    /// <summary>Makes a container a member: its address is its own from here on, and the others find it by its names.</summary>
    /// <exception cref="NetworkException">There is no such network, or it cannot be set up, or has no address left.</exception>
    public async Task<Membership> JoinAsync(string name, Newcomer newcomer, CancellationToken cancellationToken)
    {
        RequireRoot(name);
        if (name == DefaultName)
        {
            TryMake(name, null);
        }

        var network = Find(name) ?? throw new NetworkException($"There is no network '{name}'.") { Hint = "Make it first." };
        using var turn = await network.LockAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return Join(network, newcomer);
        }
        catch (LinuxException e)
        {
            throw CannotSetUp(name, e);
        }
    }

    /// <summary>Ends a membership, and with the last one what the network has in the kernel.</summary>
    public void Leave(NetworkDirectory network, MemberRecord member)
    {
        // It takes some milliseconds, and needs no turn.
        BridgeSetup.Disconnect(member);
        using var turn = network.Lock();
        network.Remove(member);
        SweepLocked(network, hasChanged: true);
    }

    /// <summary>Clears away what members left that are gone.</summary>
    public void Sweep()
    {
        foreach (var network in List())
        {
            Sweep(network);
        }
    }

    public void Sweep(NetworkDirectory network)
    {
        try
        {
            using var turn = network.Lock();
            SweepLocked(network);
        }
        catch (Exception e) when (e is IOException or StorageException)
        {
            // It must not keep a store from opening, and is tried again.
            logger.NetworkNotSwept(network.Record.Name, e.Message);
        }
    }

    /// <summary>What is written down about a member of any network, while it lives.</summary>
    public MemberRecord? FindMember(string name, string id) => Find(name)?.TryReadMember(id);

    public static NetworkException CannotSetUp(string name, LinuxException e) => new($"Cannot set up the network '{name}': {char.ToLowerInvariant(e.Message[0])}{e.Message[1..]}", e)
    {
        Hint = e.Errno switch
        {
            Errno.EPERM or Errno.EACCES => "It takes root with CAP_NET_ADMIN.",
            Errno.EOPNOTSUPP or Errno.ENOENT => "The kernel lacks bridge, veth or nftables with NAT: load them with 'modprobe -a bridge veth nf_tables nft_chain_nat nft_masq'.",
            _ => null,
        },
    };

    private static void RequireRoot(string name)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            throw new HostCapabilityException("bridge-networks", $"Cannot join the network '{name}': bridges, addresses and firewall rules are root's.")
            {
                Hint = NetworkStore.CureForUsers,
            };
        }
    }

    private Membership Join(NetworkDirectory network, Newcomer newcomer)
    {
        var record = network.Record;
        SweepLocked(network);
        var members = network.ReadMembers();
        var addresses = network.Addresses;
        if (addresses is null || !BridgeSetup.Exists(record))
        {
            // Where members live without a bridge, somebody else has removed it: they keep their addresses, at least.
            var wanted = members.Count > 0 && addresses is not null ? addresses : record.Subnet is { } subnet ? IPNetwork.Parse(subnet) : (IPNetwork?)null;
            network.Addresses = addresses = BridgeSetup.Make(record, wanted);
            BridgeSetup.ApplyRules(record, addresses.Value, members);
        }

        FileLock? held = null;
        MemberRecord? member = null;
        try
        {
            var address = AddressPool.ChooseMember(addresses.Value, [.. members.Select(other => IPAddress.Parse(other.Address))])
                ?? throw new NetworkException($"Cannot join the network '{record.Name}': all of its addresses ({addresses}) are taken.");
            member = new MemberRecord { Id = newcomer.Id, Names = newcomer.Names, Address = address.ToString(), Ports = newcomer.Ports, HostsFile = newcomer.HostsFile };
            held = network.Add(member);
            Tell([.. members, member]);
            if (member.Ports.Count > 0)
            {
                BridgeSetup.ApplyRules(record, addresses.Value, [.. members, member]);
            }

            return new Membership(this, network, member, addresses.Value, held);
        }
        catch
        {
            held?.Dispose();
            if (member is not null)
            {
                network.Remove(member);
            }

            SweepLocked(network, hasChanged: true);
            throw;
        }
    }

    private void SweepLocked(NetworkDirectory network, bool hasChanged = false)
    {
        var members = network.ReadMembers();
        var dead = members.Where(network.IsDead).ToArray();
        foreach (var member in dead)
        {
            BridgeSetup.Disconnect(member);
            network.Remove(member);
            logger.MemberSwept(member.Id, network.Record.Name);
        }

        if (dead.Length == 0 && !hasChanged && members.Count > 0)
        {
            return;
        }

        MemberRecord[] living = [.. members.Except(dead)];
        if (living.Length > 0)
        {
            Tell(living);
            if (network.Addresses is { } addresses)
            {
                BridgeSetup.ApplyRules(network.Record, addresses, living);
            }
        }
        else if (network.Addresses is not null)
        {
            BridgeSetup.Remove(network.Record);
            network.Addresses = null;
        }
    }

    // A member that is being removed has no file any more, and needs none.
    private void Tell(IReadOnlyList<MemberRecord> members)
    {
        foreach (var member in members.Where(member => File.Exists(member.HostsFile)))
        {
            try
            {
                HostsFile.Rewrite(member.HostsFile!, members);
            }
            catch (IOException e)
            {
                // What one has done to its own file is no reason for the others to go without.
                logger.NotTold(member.Id, e.Message);
            }
        }
    }

    private bool TryMake(string name, IPNetwork? subnet)
    {
        if (Find(name) is not null)
        {
            return false;
        }

        Directory.CreateDirectory(root);
        return NetworkDirectory.TryMake(root, new NetworkRecord
        {
            Name = name,
            Id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)),
            Created = DateTimeOffset.UtcNow,
            Subnet = subnet?.ToString(),
        });
    }

    private NetworkDirectory Open(string name) => new(Path.Combine(root, name));

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\z")]
    private static partial Regex Name();
}

/// <summary>Who joins a network.</summary>
/// <param name="Id">The container's id.</param>
/// <param name="Names">The names that the others are to find it by.</param>
/// <param name="Ports">The ports of the host that are to lead to it.</param>
/// <param name="HostsFile">The file that it will see as its /etc/hosts.</param>
internal sealed record Newcomer(string Id, IReadOnlyList<string> Names, IReadOnlyList<PublishedPort> Ports, string HostsFile);

using System.Net;

namespace ContainerKit;

/// <summary>A network that containers of a store share, as it was when it was looked at.</summary>
public sealed record BridgeNetwork
{
    internal BridgeNetwork()
    {
    }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>The name of the host's interface while it has members.</summary>
    public required string Bridge { get; init; }

    /// <summary>The addresses that it was made with; null where free ones are chosen each time that its first member comes.</summary>
    public required IPNetwork? FixedSubnet { get; init; }

    /// <summary>The addresses that it has now; null while it has no members.</summary>
    public required IPNetwork? Subnet { get; init; }

    /// <summary>The host's address in it, which is its members' way out; null while it has no members.</summary>
    public required IPAddress? Gateway { get; init; }

    /// <summary>The containers that run in it.</summary>
    public required IReadOnlyList<NetworkMember> Members { get; init; }
}

/// <summary>A container that runs in a network.</summary>
/// <param name="ContainerId">The container's id.</param>
/// <param name="Address">Its address there.</param>
/// <param name="Names">The names that others of the network find it by: its own, its host name, and the short form of its id.</param>
public sealed record NetworkMember(string ContainerId, IPAddress Address, IReadOnlyList<string> Names);

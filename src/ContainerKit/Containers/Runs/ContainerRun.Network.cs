using System.Net;
using System.Net.Sockets;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Files;
using ContainerKit.Isolation;
using ContainerKit.Linux;
using ContainerKit.Networking;
using ContainerKit.Networking.Bridges;

namespace ContainerKit.Containers.Runs;

/// <content>The network of a run: what goes in and out while its program lives.</content>
internal abstract partial class ContainerRun
{
    /// <summary>Its network, for as long as it runs.</summary>
    public NetworkNamespace Network
    {
        get
        {
            LookAgain();
            return _network;
        }
    }

    /// <summary>Its address in the network that it is a member of; null when it is of none.</summary>
    public IPAddress? Address => Member is { } member ? IPAddress.Parse(member.Address) : null;

    /// <summary>What is written down about its membership.</summary>
    protected MemberRecord? Member => RunNetwork.NameOf(Record) is { } name ? Catalog.Networks.FindMember(name, Record.Id) : null;

    /// <summary>The ports of the host that lead to it, as far as this process can tell.</summary>
    public abstract IReadOnlyList<PublishedPort> PublishedPorts { get; }

    /// <summary>Connects to a Unix socket that the container sees at a path.</summary>
    public async Task<Socket> OpenUnixAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            Network.Ended.ThrowIfCancellationRequested();
            using var root = LiveRoot.OpenPath(Process);
            using var file = (Calls ?? FileCalls.Local).Open(root, path, OpenFlags.PathOnly, resolve: Resolve.InRoot);
            return await Connector.ConnectUnixAsync(Network, file, path, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is LinuxException or OperationCanceledException && Network.Ended.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw Network.WhyEnded(e);
        }
        catch (LinuxException e)
        {
            throw new NetworkException($"Cannot connect to '{path}' in the container '{Record.Label}': {LinuxException.Describe(e.Errno)}.", e);
        }
    }

    private static NetworkNamespace NetworkOf(ContainerCatalog catalog, ContainerRecord record, IsolatedProcess process)
    {
        var identity = catalog.Identity;
        return record.Options.Network == NetworkMode.Host
            ? NetworkNamespace.OfHost(record.Label)
            : NetworkNamespace.Of(record.Label, process.Handle, identity.UserMappings.Count > 0, identity.Mode == UserNamespaceMode.SingleId, catalog.Engine.ProgramDirectory);
    }
}

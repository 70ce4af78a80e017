using System.Net.Sockets;
using ContainerKit.Isolation;
using ContainerKit.Linux;
using ContainerKit.Networking;

namespace ContainerKit.Containers.Runs;

/// <content>The network of a run: what goes in and out while its program lives.</content>
internal abstract partial class ContainerRun
{
    /// <summary>Its network, for as long as it runs.</summary>
    public NetworkNamespace Network { get; } = NetworkOf(catalog, record, process);

    /// <summary>The ports of the host that lead to it by way of this process.</summary>
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

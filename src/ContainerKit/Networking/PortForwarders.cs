using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;

namespace ContainerKit.Networking;

/// <summary>All published ports of one run of a container: taken before its program starts, so that one that is not to be had starts nothing.</summary>
[SupportedOSPlatform("linux")]
internal sealed class PortForwarders : IDisposable
{
    private readonly List<PortForwarder> _forwarders = [];
    private readonly List<PublishedPort> _ports = [];

    private PortForwarders()
    {
    }

    /// <summary>What leads where, in the order of the description.</summary>
    public IReadOnlyList<PublishedPort> Ports => _ports;

    /// <param name="ports">What the description says.</param>
    /// <param name="isHostNetwork">Whether the container's network is the host's: a port that keeps its number there needs nobody.</param>
    /// <param name="owner">What messages call the container.</param>
    public static PortForwarders Take(IEnumerable<PublishedPort> ports, bool isHostNetwork, string owner)
    {
        var taken = new PortForwarders();
        try
        {
            foreach (var port in ports)
            {
                taken.Add(port, isHostNetwork, owner);
            }

            return taken;
        }
        catch
        {
            taken.Dispose();
            throw;
        }
    }

    public void Begin(NetworkNamespace network, ILogger logger) => _forwarders.ForEach(forwarder => forwarder.Begin(network, logger));

    public Task DrainAsync() => Task.WhenAll(_forwarders.Select(forwarder => forwarder.DrainAsync()));

    public void Dispose() => _forwarders.ForEach(forwarder => forwarder.Dispose());

    private void Add(PublishedPort port, bool isHostNetwork, string owner)
    {
        if (isHostNetwork && port.HostPort == port.ContainerPort)
        {
            _ports.Add(port);
            return;
        }

        var forwarder = PortForwarder.Take(port, owner);
        _forwarders.Add(forwarder);
        _ports.Add(forwarder.Port);
    }
}

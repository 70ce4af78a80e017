using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

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

    /// <param name="network">The container's.</param>
    /// <param name="logger">Hears of connections that could not be made.</param>
    /// <param name="isTranslated">Whether the kernel sends IPv4 connections on: then their ports are only held, so that nobody else takes them.</param>
    public void Begin(NetworkNamespace network, ILogger logger, bool isTranslated) =>
        _forwarders.FindAll(forwarder => !isTranslated || !forwarder.IsInternet4).ForEach(forwarder => forwarder.Begin(network, logger));

    /// <summary>Copies of the listening sockets, for somebody who is to hold the ports, too.</summary>
    public IEnumerable<SafeFileHandle> Copy() => _forwarders.Select(forwarder => forwarder.Copy());

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

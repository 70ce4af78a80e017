using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Specs;
using ContainerKit.Networking;
using ContainerKit.Networking.Bridges;
using ContainerKit.Networking.Pasta;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers.Runs;

/// <summary>What one run has of the host's network: ports, and a place in a network. Taken before its program starts, so that what is not to be had starts nothing.</summary>
[SupportedOSPlatform("linux")]
internal sealed class RunNetwork : IDisposable
{
    private readonly ContainerCatalog _catalog;
    private readonly ContainerRecord _record;
    private readonly PortForwarders _ports;
    private readonly Membership? _membership;
    private readonly string? _pastaProgram;
    private readonly List<SafeFileHandle> _sockets = [];
    private PastaProcess? _pasta;

    private RunNetwork(ContainerCatalog catalog, ContainerRecord record, PortForwarders ports, IReadOnlyList<Mount> mounts, Membership? membership = null, string? pastaProgram = null) =>
        (_catalog, _record, _ports, Mounts, _membership, _pastaProgram) = (catalog, record, ports, mounts, membership, pastaProgram);

    /// <summary>What leads where, in the order of the description.</summary>
    public IReadOnlyList<PublishedPort> Ports => _ports.Ports;

    /// <summary>What the container sees in place of its image's own files.</summary>
    public IReadOnlyList<Mount> Mounts { get; }

    /// <summary>Sets up the network of the first process; null where loopback, or the host's, is all.</summary>
    public Func<int, SafeFileHandle, CancellationToken, Task>? Connect => (_membership, _pastaProgram) switch
    {
        (not null, _) => (processId, process, cancellationToken) => Task.Run(() => _membership.Connect(processId, process), cancellationToken),
        (_, not null) => async (processId, _, cancellationToken) => _pasta = await PastaProcess.StartAsync(
            _pastaProgram, _record.Label, _catalog.DirectoryOf(_record.Id), processId, _catalog.Engine.ProgramDirectory, _catalog.Logger, cancellationToken).ConfigureAwait(false),
        _ => null,
    };

    /// <summary>What has to be held for as long as the container lives: its place, and its ports, which nobody else may take meanwhile.</summary>
    public IReadOnlyList<SafeFileHandle> Locks
    {
        get
        {
            if (_membership is null)
            {
                return [];
            }

            if (_sockets.Count == 0)
            {
                _sockets.AddRange(_ports.Copy());
            }

            return [_membership.Lock, .. _sockets];
        }
    }

    public static async Task<RunNetwork> TakeAsync(ContainerCatalog catalog, ContainerRecord record, CancellationToken cancellationToken)
    {
        var options = record.Options;
        var pasta = options.Network == NetworkMode.Pasta ? PastaProgram.Require(record.Label) : null;
        var ports = PortForwarders.Take(options.PublishedPorts, options.Network == NetworkMode.Host, record.Label);
        try
        {
            if (options.Network == NetworkMode.None)
            {
                return new RunNetwork(catalog, record, ports, []);
            }

            var directory = catalog.DirectoryOf(record.Id);
            var hostname = options.Hostname ?? record.Id[..12];
            var mounts = NetworkFiles.Write(directory, hostname, options.Network == NetworkMode.Host, catalog.Identity.MapsFiles, options.Mounts);
            if (options.Network == NetworkMode.Host)
            {
                return new RunNetwork(catalog, record, ports, mounts);
            }

            string[] names = [.. ((string?[])[record.Name, hostname, record.Id[..12]]).OfType<string>().Distinct()];
            if (pasta is not null)
            {
                File.WriteAllText(NetworkFiles.HostsOf(directory), HostsFile.Write([new MemberRecord { Id = record.Id, Names = names, Address = PastaProgram.Address }]));
                return new RunNetwork(catalog, record, ports, mounts, pastaProgram: pasta);
            }

            var newcomer = new Newcomer(record.Id, names, ports.Ports, NetworkFiles.HostsOf(directory));
            return new RunNetwork(catalog, record, ports, mounts, await catalog.Networks.JoinAsync(NameOf(record)!, newcomer, cancellationToken).ConfigureAwait(false));
        }
        catch
        {
            ports.Dispose();
            throw;
        }
    }

    /// <summary>The network that a container is a member of while it runs; null when there is none.</summary>
    public static string? NameOf(ContainerRecord record) => record.Options.Network == NetworkMode.Bridge ? record.Options.NetworkName ?? NetworkCatalog.DefaultName : null;

    /// <summary>Begins to let in whom the kernel does not lead there by itself.</summary>
    public void Begin(NetworkNamespace network) => _ports.Begin(network, _catalog.Logger, isTranslated: _membership is not null);

    public Task DrainAsync() => Task.WhenAll(_ports.DrainAsync(), _pasta?.Ended ?? Task.CompletedTask);

    /// <summary>Lets go of it without ending it: a supervisor holds it from here on.</summary>
    public void HandOver()
    {
        _membership?.HandOver();
        _ports.Dispose();
        _sockets.ForEach(socket => socket.Dispose());
    }

    public void Dispose()
    {
        _pasta?.Dispose();
        _ports.Dispose();
        _sockets.ForEach(socket => socket.Dispose());
        try
        {
            _membership?.Dispose();
        }
        catch (Exception e) when (e is IOException or ContainerKitException or UnauthorizedAccessException)
        {
            // The program has ended all the same, and whoever waits for that must hear of it.
            _catalog.Logger.NotLeft(_record.Id, e.Message);
        }
    }
}

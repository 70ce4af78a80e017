using System.Net;
using System.Runtime.Versioning;
using ContainerKit.Content;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Networking.Bridges;

/// <summary>One container's place in a network, held from before it starts until it has ended.</summary>
[SupportedOSPlatform("linux")]
internal sealed class Membership(NetworkCatalog catalog, NetworkDirectory network, MemberRecord member, IPNetwork addresses, FileLock held) : IDisposable
{
    private bool _isOver;

    public MemberRecord Member { get; } = member;

    /// <summary>What says that it lives. Whoever inherits the descriptor says so, too.</summary>
    public SafeFileHandle Lock => held.Handle;

    /// <summary>Gives the container its interface, once its first process is there.</summary>
    public void Connect(int processId, SafeFileHandle process)
    {
        try
        {
            BridgeSetup.Connect(network.Record, addresses, Member, processId, process);
        }
        catch (LinuxException e)
        {
            throw NetworkCatalog.CannotSetUp(network.Record.Name, e);
        }
    }

    /// <summary>Lets go of it without ending it: a supervisor holds it from here on.</summary>
    public void HandOver()
    {
        _isOver = true;
        held.Dispose();
    }

    /// <summary>Ends it: interface, address, names and ports are gone when this returns.</summary>
    public void Dispose()
    {
        if (_isOver)
        {
            return;
        }

        _isOver = true;
        try
        {
            catalog.Leave(network, Member);
        }
        finally
        {
            held.Dispose();
        }
    }
}

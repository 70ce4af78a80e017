using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Isolation;

/// <summary>What this process does for a root that it serves: it brings the mount, or takes the device of one that is made in the container.</summary>
[SupportedOSPlatform("linux")]
internal sealed record RootService
{
    /// <summary>The mount, which is nowhere yet; null where the container makes it. It stays the caller's.</summary>
    public SafeFileHandle? Mount { get; init; }

    /// <summary>Takes the device of a mount that the container has made, and begins to serve it.</summary>
    public Action<SafeFileHandle>? Serve { get; init; }

    /// <summary>Waits for the device. It never comes when the launch fails before.</summary>
    public async Task ReceiveAsync(SafeFileHandle socket)
    {
        using var registration = EventLoop.Shared.Watch(socket);
        await registration.WaitAsync(forWriting: false, CancellationToken.None).ConfigureAwait(false);
        if (DescriptorSocket.TryReceive(socket) is { } device)
        {
            await Task.Run(() => Serve!(device)).ConfigureAwait(false);
        }
    }
}

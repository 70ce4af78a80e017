using System.Collections.Concurrent;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Launch;

/// <summary>User namespaces in which nobody lives, one for each map: the kernel takes a map for a mount in no other form. mount_setattr(2)</summary>
[SupportedOSPlatform("linux")]
internal sealed class EmptyUserNamespaces
{
    private readonly ConcurrentDictionary<UserMap, SafeFileHandle> _namespaces = new();

    /// <returns>A handle that stays this object's.</returns>
    /// <exception cref="HostCapabilityException">The host grants no such namespace.</exception>
    public async Task<SafeFileHandle> GetAsync(UserMap map, string? programDirectory, CancellationToken cancellationToken)
    {
        if (_namespaces.TryGetValue(map, out var known))
        {
            return known;
        }

        // The handle keeps the namespace after the one who lived there has gone.
        using var inhabitant = await FileWorker.StartAsync(map, programDirectory, cancellationToken).ConfigureAwait(false);
        var made = FileCalls.Local.Open(null, $"/proc/{inhabitant.ProcessId}/ns/user", OpenFlags.Read, resolve: Resolve.Host);
        var kept = _namespaces.GetOrAdd(map, made);
        if (kept != made)
        {
            made.Dispose();
        }

        return kept;
    }
}

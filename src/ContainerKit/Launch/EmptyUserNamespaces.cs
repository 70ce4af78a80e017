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

        var (made, _) = await MakeAsync(map, withNetwork: false, programDirectory, cancellationToken).ConfigureAwait(false);
        var kept = _namespaces.GetOrAdd(map, made);
        if (kept != made)
        {
            made.Dispose();
        }

        return kept;
    }

    /// <summary>Makes one that nobody else gets.</summary>
    /// <param name="map">Whose ids are whose in it.</param>
    /// <param name="withNetwork">Whether a network namespace that belongs to it is made, too.</param>
    /// <param name="programDirectory">Where launch programs go on hosts that forbid them in memory.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Handles that are the caller's.</returns>
    /// <exception cref="HostCapabilityException">The host grants no such namespace.</exception>
    public static async Task<(SafeFileHandle User, SafeFileHandle? Network)> MakeAsync(UserMap map, bool withNetwork, string? programDirectory, CancellationToken cancellationToken)
    {
        // The handle keeps the namespace after the one who lived there has gone. Nobody else may open it where only root could look at such a process.
        using var inhabitant = await FileWorker.StartAsync(map, programDirectory, cancellationToken, withNetwork).ConfigureAwait(false);
        var user = inhabitant.Calls.Open(null, "/proc/self/ns/user", OpenFlags.Read, resolve: Resolve.Host);
        try
        {
            return (user, withNetwork ? inhabitant.Calls.Open(null, "/proc/self/ns/net", OpenFlags.Read, resolve: Resolve.Host) : null);
        }
        catch
        {
            user.Dispose();
            throw;
        }
    }
}

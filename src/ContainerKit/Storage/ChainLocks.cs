using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage;

/// <summary>
/// This process's shared locks on committed snapshots. A thousand containers on one image hold each of its layers once, not a
/// thousand descriptors for each.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class ChainLocks : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (SafeFileHandle Lock, int Holders)> _held = new(StringComparer.Ordinal);

    /// <summary>Holds all the directories, or none of them.</summary>
    /// <param name="directories">Their paths.</param>
    /// <param name="refused">The one that could not be had.</param>
    public LockResult TryTake(IEnumerable<string> directories, out string? refused)
    {
        lock (_gate)
        {
            var taken = new List<string>();
            foreach (var directory in directories)
            {
                var result = TryTake(directory);
                if (result != LockResult.Taken)
                {
                    Release(taken);
                    refused = directory;
                    return result;
                }

                taken.Add(directory);
            }

            refused = null;
            return LockResult.Taken;
        }
    }

    /// <summary>The locks of directories that are held.</summary>
    public IReadOnlyList<SafeFileHandle> HandlesOf(IEnumerable<string> directories)
    {
        lock (_gate)
        {
            return [.. directories.Select(directory => _held[directory].Lock)];
        }
    }

    public void Release(IEnumerable<string> directories)
    {
        lock (_gate)
        {
            foreach (var directory in directories)
            {
                var (handle, holders) = _held[directory];
                if (holders > 1)
                {
                    _held[directory] = (handle, holders - 1);
                    continue;
                }

                _held.Remove(directory);
                handle.Dispose();
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var (handle, _) in _held.Values)
            {
                handle.Dispose();
            }

            _held.Clear();
        }
    }

    private LockResult TryTake(string directory)
    {
        if (_held.TryGetValue(directory, out var held))
        {
            _held[directory] = (held.Lock, held.Holders + 1);
            return LockResult.Taken;
        }

        var result = DirectoryLock.TryTake(directory, exclusive: false, out var handle);
        if (result == LockResult.Taken)
        {
            _held.Add(directory, (handle!, 1));
        }

        return result;
    }
}

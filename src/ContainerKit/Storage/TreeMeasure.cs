using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage;

/// <summary>Adds up the blocks of trees, each file once, whatever names it has in them: what du(1) says. Nothing is followed out of them.</summary>
/// <param name="calls">Who looks: whoever may enter all the directories.</param>
/// <param name="ct">Gives up.</param>
[SupportedOSPlatform("linux")]
internal sealed class TreeMeasure(FileCalls calls, CancellationToken ct)
{
    private const int BlockBytes = 512;

    private readonly HashSet<(ulong Device, ulong Inode)> _seen = [];

    /// <summary>The bytes of what a path leads to, and of all that is in it and on the same file system; 0 when it is gone.</summary>
    public long Of(string path)
    {
        if (calls.TryOpen(null, path, OpenFlags.PathOnly | OpenFlags.NoFollow, 0, Resolve.Host, out var handle) != 0)
        {
            return 0;
        }

        using (handle)
        {
            if (calls.TryStat(handle, default, out var stat) != 0)
            {
                return 0;
            }

            return Count(stat) + (stat.IsDirectory ? OfContent(handle, stat.Device) : 0);
        }
    }

    private long OfContent(SafeFileHandle directory, ulong device)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        ct.ThrowIfCancellationRequested();

        // What was removed meanwhile takes nothing, and where nobody may look, nothing can be said: containers may shut directories to their owner.
        if (calls.TryReopen(directory, OpenFlags.Directory, out var readable) != 0)
        {
            return 0;
        }

        using (readable)
        {
            var total = 0L;
            foreach (var name in DirectoryEntries.NamesOf(readable))
            {
                total += OfEntry(readable, name, device);
            }

            return total;
        }
    }

    private long OfEntry(SafeFileHandle directory, string name, ulong device)
    {
        if (calls.TryStat(directory, name, out var stat) != 0 || stat.Device != device)
        {
            return 0;
        }

        if (!stat.IsDirectory)
        {
            return Count(stat);
        }

        if (calls.TryOpen(directory, name, OpenFlags.PathOnly | OpenFlags.NoFollow | OpenFlags.Directory, 0, Resolve.NoSymlinks, out var child) != 0)
        {
            return Count(stat);
        }

        using (child)
        {
            return Count(stat) + OfContent(child, device);
        }
    }

    private long Count(in FileStat stat) => stat.LinkCount > 1 && !stat.IsDirectory && !_seen.Add((stat.Device, stat.Inode)) ? 0 : stat.Blocks * BlockBytes;
}

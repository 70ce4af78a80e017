using ContainerKit.Containers.Files;
using ContainerKit.Containers.Runs;
using ContainerKit.Linux;

namespace ContainerKit.Containers.Catalog;

// Where its files are to be had.
internal sealed partial class ContainerInstance
{
    private static readonly TimeSpan LongestFarewell = TimeSpan.FromSeconds(5);

    /// <summary>Opens its files: those of its layer, or while it runs those of its root.</summary>
    public FileTreeSession OpenTree(CancellationToken cancellationToken)
    {
        var deadline = Environment.TickCount64 + (long)LongestFarewell.TotalMilliseconds;
        while (true)
        {
            try
            {
                return OpenTreeNow(cancellationToken);
            }
            catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ESRCH && Environment.TickCount64 < deadline)
            {
                // Its program has died, and whoever runs it is about to notice: then its layer can be had.
                Thread.Sleep(1);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
    }

    private FileTreeSession OpenTreeNow(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            ThrowIfRemoved();
            if (_run is { } run)
            {
                return OpenLive(run, held: null);
            }

            ThrowIfBusy();
            if (!_layers.IsInUse && FindOutsideRun(awaitsStart: false, cancellationToken) is { } outside)
            {
                return OpenLive(outside, outside);
            }

            var (tree, _, use) = _layers.Open(cancellationToken);
            return new FileTreeSession(tree, use);
        }
    }

    // The kernel has these layers mounted: what goes in must go in by the mount, and /proc has a door to it.
    private FileTreeSession OpenLive(ContainerRun run, OutsideRun? held)
    {
        held?.RequireReach();
        var calls = run.Calls;
        var live = LiveRoot.Open(run.Process, calls, calls is null ? _catalog.Identity.Snapshots.Ownership : null);
        held?.LetGo();
        return new FileTreeSession(live, live);
    }
}

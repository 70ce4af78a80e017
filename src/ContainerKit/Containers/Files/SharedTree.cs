using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Layering;
using ContainerKit.Storage;
using ContainerKit.Storage.Union;

namespace ContainerKit.Containers.Files;

/// <summary>
/// The layers of one stopped container, opened once for as many calls and streams as overlap, and let go of with the last of them:
/// the lock on a snapshot is exclusive, also between two tasks of one process.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class SharedTree(ContainerCatalog catalog, ContainerRecord container)
{
    private readonly Lock _gate = new();
    private SnapshotLease? _lease;
    private UnionTree? _tree;
    private int _users;

    /// <summary>Whether a call or a stream stands on it just now.</summary>
    public bool IsInUse
    {
        get
        {
            lock (_gate)
            {
                return _users > 0;
            }
        }
    }

    public (UnionTree Tree, SnapshotLease Lease, IDisposable Use) Open(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_users == 0)
            {
                _lease = ContainerLayer.Acquire(catalog, container, cancellationToken);
                try
                {
                    _tree = catalog.Snapshots.OpenTree(_lease);
                }
                catch
                {
                    _lease.Dispose();
                    throw;
                }
            }

            _users++;
            return (_tree!, _lease!, new Use(this));
        }
    }

    private void Close()
    {
        lock (_gate)
        {
            if (--_users == 0)
            {
                _tree!.Dispose();
                _lease!.Dispose();
            }
        }
    }

    private sealed class Use(SharedTree owner) : IDisposable
    {
        private SharedTree? _owner = owner;

        public void Dispose() => Interlocked.Exchange(ref _owner, null)?.Close();
    }
}

using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage;

/// <summary>
/// The right to use a snapshot, held against other tasks and processes until it is disposed: alone for a writable one or a view,
/// together with others for a committed one, and in either case together with others for all that it is built on.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class SnapshotLease : IDisposable
{
    private readonly SafeFileHandle _lock;
    private readonly ChainLocks _chain;
    private IReadOnlyList<string>? _held;

    internal SnapshotLease(Snapshot snapshot, SafeFileHandle itsLock, ChainLocks chain, IReadOnlyList<string> held)
    {
        Snapshot = snapshot;
        _lock = itsLock;
        _chain = chain;
        _held = held;
    }

    /// <summary>What it is a lease of.</summary>
    public Snapshot Snapshot { get; }

    /// <summary>Whether it has been given back.</summary>
    public bool IsOver => _lock.IsClosed;

    /// <summary>The descriptors that its locks were taken on: a process that inherits them holds them, too.</summary>
    public IReadOnlyList<SafeFileHandle> Locks => [_lock, .. _chain.HandlesOf(_held ?? [])];

    public void Dispose()
    {
        _lock.Dispose();
        if (Interlocked.Exchange(ref _held, null) is { } held)
        {
            _chain.Release(held);
        }
    }
}

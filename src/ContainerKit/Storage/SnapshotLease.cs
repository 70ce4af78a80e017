using System.Runtime.Versioning;

namespace ContainerKit.Storage;

/// <summary>
/// The right to use a snapshot, held against other tasks and processes until it is disposed: alone for a writable one, together
/// with others for the rest, and in either case together with others for all that it is built on.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class SnapshotLease : IDisposable
{
    /// <summary>What it is a lease of.</summary>
    public Snapshot Snapshot => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}

using ContainerKit.Linux;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.CopyUp;

namespace ContainerKit.Storage.Vfs;

/// <summary>Copies the parent for every snapshot. Works on any file system, and is the slowest way to do it.</summary>
/// <remarks>
/// <code>
/// SNAPSHOT/
///   fs/     the whole tree
///   work/   where files are made before they are renamed into fs/
/// </code>
/// Where the file system shares blocks (btrfs, xfs) the copy costs no space and little time.
/// </remarks>
internal sealed class VfsDriver : IStorageDriver
{
    private const int RootMode = 0x1ED, WorkMode = 0x1C0;

    /// <inheritdoc/>
    public string Name => "vfs";

    /// <inheritdoc/>
    /// <remarks>There is no limit: only ever one tree is mounted.</remarks>
    public int MaxLayers => int.MaxValue;

    /// <inheritdoc/>
    public int MaxNameLength => 255;

    /// <inheritdoc/>
    public string? WhyUnsupported(string storeDirectory) =>
        OperatingSystem.IsLinux() ? null : "It keeps owners, modes and devices as Linux does, and this is another system.";

    /// <inheritdoc/>
    public void Create(Snapshot snapshot, CancellationToken ct)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("Snapshots are made on Linux only.");
        }

        if (snapshot.Kind == SnapshotKind.View)
        {
            return;
        }

        var calls = snapshot.Calls ?? FileCalls.Local;
        using var directory = RootedDirectory.Open(snapshot.Directory, calls);
        calls.MakeDirectory(directory.Handle, "work", WorkMode);
        calls.MakeDirectory(directory.Handle, "fs", RootMode);
        calls.SetMode(directory.Handle, "fs", RootMode);
        if (snapshot.Parents is [var parent, ..])
        {
            using var from = RootedDirectory.Open(FilesOf(parent), calls);
            using var to = RootedDirectory.Open(FilesOf(snapshot), calls);
            new TreeCopier(calls, OverlayDialect.IsOverlayAttribute).Copy(from.Handle, to.Handle, ct);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<Mount> Mounts(Snapshot snapshot) => (snapshot.Kind, snapshot.Parents) switch
    {
        (SnapshotKind.View, [var parent, ..]) => [new Mount("bind", FilesOf(parent), "/", ["ro"])],
        (SnapshotKind.Writable, _) => [new Mount("bind", FilesOf(snapshot), "/", ["rw"])],
        _ => [new Mount("bind", FilesOf(snapshot), "/", ["ro"])],
    };

    /// <inheritdoc/>
    public IEnumerable<FileChange> Changes(Snapshot snapshot, CancellationToken ct) => OperatingSystem.IsLinux()
        ? SnapshotTrees.Compare(this, snapshot, ct)
        : throw new PlatformNotSupportedException("Snapshots are read on Linux only.");

    private static string FilesOf(Snapshot snapshot) => Path.Combine(snapshot.Directory, "fs");
}

using ContainerKit.Linux;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.CopyUp;

namespace ContainerKit.Storage.Overlay;

/// <summary>Stacks layers with the kernel's overlayfs: a new snapshot costs two directories, whatever lies below.</summary>
/// <remarks>
/// <code>
/// SNAPSHOT/
///   fs/     what this layer has; overlayfs's upperdir while it is writable, one of its lowerdirs afterwards
///   work/   overlayfs's workdir, and where files are made before they are renamed into fs/
/// </code>
/// https://docs.kernel.org/filesystems/overlayfs.html
/// </remarks>
internal sealed class OverlayDriver : IStorageDriver
{
    private const int RootMode = 0x1ED, WorkMode = 0x1C0;

    /// <inheritdoc/>
    public string Name => "overlay";

    /// <inheritdoc/>
    /// <remarks>OVL_MAX_STACK is 500 lower directories.</remarks>
    public int MaxLayers => 500;

    /// <inheritdoc/>
    public int MaxNameLength => 255;

    /// <inheritdoc/>
    public string? WhyUnsupported(string storeDirectory) =>
        OperatingSystem.IsLinux() ? OverlayProbe.WhyUnsupported(storeDirectory) : "overlayfs is a part of Linux, and this is another system.";

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
            // The topmost directory's attributes are what the container sees of its root.
            using var below = RootedDirectory.Open(FilesOf(parent), calls);
            var copier = new ObjectCopier(calls, OverlayDialect.IsOverlayAttribute);
            copier.CopyMetadata(below.Handle, default, calls.Stat(below.Handle), directory.Handle, "fs");
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<Mount> Mounts(Snapshot snapshot)
    {
        var lower = snapshot.Parents.Select(parent => $"lowerdir={FilesOf(parent)}");
        var (upper, work) = (FilesOf(snapshot), Path.Combine(snapshot.Directory, "work"));
        return (snapshot.Kind, snapshot.Parents) switch
        {
            // overlayfs needs two directories to stack; with one, a bind mount shows the same thing.
            (SnapshotKind.Writable, []) => [new Mount("bind", upper, "/", ["rw"])],
            (SnapshotKind.View, [var only]) => [new Mount("bind", FilesOf(only), "/", ["ro"])],
            (SnapshotKind.Committed, []) => [new Mount("bind", upper, "/", ["ro"])],
            (SnapshotKind.Writable, _) => [Overlay(snapshot, [.. lower, $"upperdir={upper}", $"workdir={work}"])],
            (SnapshotKind.Committed, _) => [Overlay(snapshot, [$"lowerdir={upper}", .. lower])],
            _ => [Overlay(snapshot, lower)],
        };
    }

    /// <inheritdoc/>
    public IEnumerable<FileChange> Changes(Snapshot snapshot, CancellationToken ct) => OperatingSystem.IsLinux()
        ? SnapshotTrees.Compare(this, snapshot, ct)
        : throw new PlatformNotSupportedException("Snapshots are read on Linux only.");

    internal static string FilesOf(Snapshot snapshot) => Path.Combine(snapshot.Directory, "fs");

    private static Mount Overlay(Snapshot snapshot, IEnumerable<string> directories)
    {
        // What these three write, nobody but the same kernel's overlayfs reads: no layer could be made of it. "nofollow" is "off" that
        // does not read either, and the only value that goes together with userxattr.
        List<string> options = [.. directories, snapshot.UserAttributes ? "redirect_dir=nofollow" : "redirect_dir=off", "metacopy=off", "index=off"];
        if (snapshot.UserAttributes)
        {
            options.Add("userxattr");
        }

        if (snapshot is { Kind: SnapshotKind.Writable, SurvivesPowerLoss: false })
        {
            options.Add("volatile");
        }

        if (snapshot.Kind != SnapshotKind.Writable)
        {
            options.Add("ro");
        }

        return new Mount("overlay", "overlay", "/", options);
    }
}

using System.Runtime.Versioning;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.CopyUp;

namespace ContainerKit.Storage.Aufs;

/// <summary>How the stacked branches of the aufs driver are shown.</summary>
internal enum AufsForm
{
    /// <summary>By the kernel's own aufs, which few kernels have.</summary>
    Kernel,

    /// <summary>By this library's union file system, which it serves over FUSE.</summary>
    Fuse,

    /// <summary>Not at all: layers are unpacked, edited, compared and committed, and nothing can run on them.</summary>
    InProcess,
}

/// <summary>Stacks layers as AUFS does: each is a branch, with whiteouts that are files, as in the layers of images.</summary>
/// <remarks>
/// <code>
/// snapshots/aufs/
///   layers/ID      the ids of the branches below, one in each line, the nearest first; written last
///   diff/ID        the branch: what this layer has
///   mnt/ID         empty; where the kernel's aufs is attached for a moment
///   SNAPSHOT/      the store's record, by a name that says what is in the layer: the image store of docker has it so, too
///     work/        where files are made before they are renamed into the branch
/// </code>
/// ID is the snapshot's <see cref="Snapshot.StableId"/>: it says nothing, and never changes.
/// </remarks>
internal sealed class AufsDriver(AufsForm form) : IStorageDriver
{
    private const int RootMode = 0x1ED, PrivateMode = 0x1C0;

    /// <inheritdoc/>
    public string Name => "aufs";

    /// <summary>How the layers are shown.</summary>
    public AufsForm Form => form;

    /// <inheritdoc/>
    /// <remarks>AUFS_BRANCH_MAX is 127 on the kernels that have it; what is written without them is to be mounted by them.</remarks>
    public int MaxLayers => 127;

    /// <inheritdoc/>
    /// <remarks>Thirteen bytes less than elsewhere: AUFS wants room for its prefixes in every name.</remarks>
    public int MaxNameLength => 242;

    /// <inheritdoc/>
    public string? WhyUnsupported(string storeDirectory) =>
        !OperatingSystem.IsLinux() ? "It keeps owners, modes and devices as Linux does, and this is another system."
        : form == AufsForm.Kernel ? AufsProbe.WhyNotKernel(storeDirectory)
        : form == AufsForm.Fuse ? AufsProbe.WhyNotFuse()
        : null;

    /// <inheritdoc/>
    public void Create(Snapshot snapshot, CancellationToken ct)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("Snapshots are made on Linux only.");
        }

        var paths = AufsPaths.Of(snapshot);
        paths.MakeDirectories();
        if (snapshot.Kind != SnapshotKind.View)
        {
            MakeBranch(snapshot, paths);
        }

        paths.WriteAncestry(snapshot.Parents.Select(parent => parent.StableId));
    }

    /// <inheritdoc/>
    public IReadOnlyList<Mount> Mounts(Snapshot snapshot)
    {
        var own = AufsPaths.Of(snapshot);
        var lower = snapshot.Parents.Select(parent => AufsPaths.Of(parent).Branch);
        var upper = snapshot.Kind == SnapshotKind.Writable ? own.Branch : null;
        IReadOnlyList<string> readOnly = [.. snapshot.Kind == SnapshotKind.Committed ? lower.Prepend(own.Branch) : lower];
        return form == AufsForm.Kernel
            ? AufsMountPlan.Of(own.MountPoint, upper, readOnly)
            : [UnionMount.Of("aufs", upper, upper is null ? null : Path.Combine(snapshot.Directory, "work"), readOnly)];
    }

    /// <inheritdoc/>
    public IEnumerable<FileChange> Changes(Snapshot snapshot, CancellationToken ct) => OperatingSystem.IsLinux()
        ? SnapshotTrees.Compare(this, snapshot, ct)
        : throw new PlatformNotSupportedException("Snapshots are read on Linux only.");

    /// <inheritdoc/>
    public IEnumerable<string> PathsOutside(Snapshot snapshot) =>
        AufsPaths.Of(snapshot) is var paths ? [paths.Branch, paths.Ancestry, paths.MountPoint] : [];

    /// <inheritdoc/>
    public void Remove(Snapshot snapshot)
    {
        if (OperatingSystem.IsLinux())
        {
            AufsPaths.Of(snapshot).Remove(snapshot.Calls ?? FileCalls.Local);
        }
    }

    [SupportedOSPlatform("linux")]
    private static void MakeBranch(Snapshot snapshot, AufsPaths paths)
    {
        var calls = snapshot.Calls ?? FileCalls.Local;
        using var directory = RootedDirectory.Open(snapshot.Directory, calls);
        calls.MakeDirectory(directory.Handle, "work", PrivateMode);
        using var branches = RootedDirectory.Open(paths.Branches, calls);
        calls.MakeDirectory(branches.Handle, snapshot.StableId, RootMode);
        calls.SetMode(branches.Handle, snapshot.StableId, RootMode);
        using (var branch = RootedDirectory.Open(paths.Branch, calls))
        {
            // Whoever mounts it would make them, and the root would have another time then.
            LinuxException.ThrowIf(AufsDialect.Prepare(calls, branch.Handle), $"prepare a branch");
        }

        if (snapshot.Parents is [var parent, ..])
        {
            // The topmost branch's attributes are what the container sees of its root.
            using var below = RootedDirectory.Open(AufsPaths.Of(parent).Branch, calls);
            var copier = new ObjectCopier(calls, AufsDialect.Instance.IsOwnAttribute);
            copier.CopyMetadata(below.Handle, default, calls.Stat(below.Handle), branches.Handle, snapshot.StableId);
        }
    }
}

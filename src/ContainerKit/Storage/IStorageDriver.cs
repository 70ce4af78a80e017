namespace ContainerKit.Storage;

/// <summary>
/// A way to stack layers: it makes a snapshot's directory, and says what to mount to see the snapshot. It is stateless; names,
/// parents, locks and clean-up are the store's.
/// </summary>
public interface IStorageDriver
{
    /// <summary>The name that <c>ContainerHostOptions.StorageDriver</c> chooses it by, and that its directory below <c>snapshots/</c> has.</summary>
    string Name { get; }

    /// <summary>The most layers that one file system can be made of, the writable one included. The store flattens before it is exceeded.</summary>
    int MaxLayers { get; }

    /// <summary>The longest file name that it can hold, in bytes.</summary>
    int MaxNameLength { get; }

    /// <summary>Why it cannot work in a directory on this host, as a sentence for the user; null when it works.</summary>
    /// <param name="storeDirectory">An existing directory; what the driver tries there it removes again.</param>
    string? WhyUnsupported(string storeDirectory);

    /// <summary>Fills the snapshot's directory, which exists and is empty, with whatever the driver needs there. Nobody else sees it yet.</summary>
    /// <param name="snapshot">The snapshot to make.</param>
    /// <param name="ct">Stops the work; the store then removes what was made.</param>
    /// <exception cref="StorageException">The directory cannot be filled, for instance because its file system is full.</exception>
    void Create(Snapshot snapshot, CancellationToken ct);

    /// <summary>What to mount, in order, to see the snapshot. A pure function of its argument.</summary>
    /// <param name="snapshot">A snapshot that this driver made.</param>
    IReadOnlyList<Mount> Mounts(Snapshot snapshot);

    /// <summary>In what a snapshot differs from its parent, in path order.</summary>
    /// <remarks>
    /// As with <c>docker diff</c>, every directory above a change is reported as changed, too. A file that was written anew with
    /// the content time, size, mode, owner, attributes and link target that it had is not.
    /// </remarks>
    /// <param name="snapshot">A snapshot that this driver made, and that nobody has mounted or changes meanwhile.</param>
    /// <param name="ct">Stops the enumeration.</param>
    /// <exception cref="StorageException">The snapshot's files cannot be read.</exception>
    IEnumerable<FileChange> Changes(Snapshot snapshot, CancellationToken ct);

    /// <summary>What the driver keeps outside of the snapshot's directory, and <see cref="Remove"/> removes: paths of files and directories, which need not be there.</summary>
    /// <param name="snapshot">A snapshot that this driver made.</param>
    IEnumerable<string> PathsOutside(Snapshot snapshot) => [];

    /// <summary>
    /// Removes what the driver keeps outside of the snapshot's directory, under its <see cref="Snapshot.StableId"/>. The directory
    /// itself the store empties afterwards. Of the snapshot, only the directory and that id are known; it may never have been finished,
    /// and an earlier removal may have been cut short.
    /// </summary>
    /// <param name="snapshot">The snapshot, which nobody sees any more.</param>
    void Remove(Snapshot snapshot)
    {
    }
}

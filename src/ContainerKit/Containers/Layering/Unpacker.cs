using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Files;
using ContainerKit.Containers.Specs;
using ContainerKit.Content;
using ContainerKit.Images;
using ContainerKit.Layers;
using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Union;
using Microsoft.Extensions.Logging;

namespace ContainerKit.Containers.Layering;

/// <summary>
/// Turns an image's layers into snapshots, each once: a layer over the same layers below is the same snapshot, whatever image it
/// comes with. That key is the chain ID (OCI image specification, config.md, "Layer ChainID").
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class Unpacker(SnapshotStore snapshots, StoreLayout store, string variant, ILogger logger)
{
    // What the isolation engine mounts on. A container must not find these among its own changes, only because its image lacks them.
    private static readonly string[] MountPoints = ["/dev", "/proc", "/sys"];

    private const string NetworkForm = "network";

    private readonly ImageBases _bases = new(Path.Combine(store.Snapshots, ".bases", variant.Length == 0 ? snapshots.Driver.Name : $"{snapshots.Driver.Name}-{variant}"));

    /// <summary>Unpacks what is not there yet.</summary>
    /// <param name="image">The image.</param>
    /// <param name="hasNetworkFiles">Whether its containers get <see cref="NetworkFiles"/>, which are mounted over files.</param>
    /// <param name="progress">Told about each layer.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The name of the snapshot that containers of the image stand on.</returns>
    /// <exception cref="ImageException">A layer is damaged, is refused, or is not what its diff ID says.</exception>
    /// <exception cref="StorageException">The store cannot hold it.</exception>
    public string Unpack(Image image, bool hasNetworkFiles, IProgress<ImageProgress>? progress, CancellationToken cancellationToken)
    {
        if (image.Config.Platform.OperatingSystem is not ("linux" or ""))
        {
            throw new ImageException($"The image '{image.Reference}' is for {image.Config.Platform.OperatingSystem}, and containers here are Linux's.");
        }

        var config = image.ConfigDescriptor.Digest;
        var form = hasNetworkFiles ? NetworkForm : "";
        if (_bases.Find(config, form) is { } known && snapshots.TryFind(known) is not null)
        {
            return known;
        }

        var top = UnpackLayers(image, progress, cancellationToken);
        var name = WithMountPoints(top, cancellationToken);
        name = hasNetworkFiles ? WithNetworkFiles(top, name, cancellationToken) : name;
        _bases.Remember(config, form, name);
        return name;
    }

    /// <summary>Drops what is remembered of snapshots that are no more.</summary>
    public void ForgetGone() => _bases.Forget(name => snapshots.TryFind(name) is null);

    /// <summary>The names of all snapshots that an image may have.</summary>
    public IEnumerable<string> NamesOf(Image image)
    {
        var names = LayerNamesOf(image);
        var top = names.Count > 0 ? names[^1] : null;
        return [.. names, MountPointsName(top), NetworkFilesName(top)];
    }

    /// <summary>The names of the snapshots of an image's layers, the lowest first.</summary>
    public IReadOnlyList<string> LayerNamesOf(Image image) => [.. ChainId.All(image.Layers.Select(layer => layer.DiffId)).Select(NameOf)];

    /// <summary>Unpacks what was lost of an image: also a layer below others that are there.</summary>
    /// <param name="image">The image.</param>
    /// <param name="isWanted">Whether there was a snapshot of a name, or something stands on it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <inheritdoc cref="Unpack"/>
    public void Restore(Image image, Func<string, bool> isWanted, CancellationToken cancellationToken)
    {
        var names = LayerNamesOf(image);
        var count = Enumerable.Range(0, names.Count).LastOrDefault(i => isWanted(names[i]), -1) + 1;
        var top = names.Count > 0 ? names[^1] : null;
        var isNetworkWanted = isWanted(NetworkFilesName(top));
        if (isNetworkWanted || isWanted(MountPointsName(top)))
        {
            UnpackLayers(image, names.ToArray(), null, cancellationToken);
            var name = WithMountPoints(top, cancellationToken);
            _ = isNetworkWanted ? WithNetworkFiles(top, name, cancellationToken) : name;
        }
        else if (count > 0)
        {
            UnpackLayers(image, [.. names.Take(count)], null, cancellationToken);
        }
    }

    private string? UnpackLayers(Image image, IProgress<ImageProgress>? progress, CancellationToken cancellationToken)
    {
        string[] names = [.. LayerNamesOf(image)];
        return names.Length == 0 || snapshots.TryFind(names[^1]) is not null ? names.LastOrDefault()
            : ToldOperation.Tell(ToldOperation.Unpack, image.Reference.ToString(), snapshots.Driver.Name, () => UnpackLayers(image, names, progress, cancellationToken));
    }

    private string? UnpackLayers(Image image, string[] names, IProgress<ImageProgress>? progress, CancellationToken cancellationToken)
    {
        if (names.Length == 0)
        {
            return null;
        }

        // One unpacks, the others wait and find it done: two would do the work twice and throw one half away.
        var turnFile = Path.Combine(store.Snapshots, $".unpack-{image.Layers[^1].DiffId.Hex[..16]}.lock");
        using var turn = FileLock.Acquire(turnFile, exclusive: true, cancellationToken);
        var missing = Enumerable.Range(0, names.Length).Where(i => snapshots.TryFind(names[i]) is null).ToArray();
        var (recorded, lost) = (new SortedSet<string>(StringComparer.Ordinal), new SortedSet<string>(StringComparer.Ordinal));
        using var ahead = new LayersAhead(missing.Select(i => image.Layers[i]), cancellationToken);
        foreach (var i in missing)
        {
            progress?.Report(new ImageProgress(ImagePhase.Unpacking, image.Layers[i].DiffId.ToString(), i, names.Length));
            using var tar = ahead.Take();
            UnpackLayer(tar, image.Layers[i].Limits, i == 0 ? null : names[i - 1], names[i], recorded, lost, cancellationToken);
        }

        Report(image, recorded, lost);

        // Those who wait for it find it gone, and make one of their own.
        File.Delete(turnFile);
        return names[^1];
    }

    /// <summary>
    /// A snapshot's name: the chain ID, and what else decides how the files lie on disk (attribute dialect and id map), so that one
    /// store can hold both forms of the same layer.
    /// </summary>
    public string NameOf(Digest chainId) => variant.Length == 0 ? chainId.Hex : $"{chainId.Hex}-{variant}";

    /// <summary>A short, stable text for an attribute dialect and an id map.</summary>
    public static string VariantOf(bool userAttributes, UserMap? idMap)
    {
        var map = idMap is null ? "" : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{string.Join(',', idMap.Users)};{string.Join(',', idMap.Groups)}")))[..8];
        return (userAttributes ? "user" : "") + map;
    }

    private string MountPointsName(string? top) => top is null ? variant.Length == 0 ? "no-layers" : $"no-layers-{variant}" : $"{top}-mounts";

    private string NetworkFilesName(string? top) => $"{top ?? MountPointsName(top)}-{NetworkForm}";

    /// <summary>
    /// A snapshot over the image's own that has the mount points, as docker's "init" layer has; or the image's own, where that has them.
    /// </summary>
    private string WithMountPoints(string? top, CancellationToken cancellationToken) => Over(top, MountPointsName(top), MakeMissingMountPoints, cancellationToken);

    /// <summary>The same with files that <see cref="NetworkFiles"/> are mounted on, for those containers that have some: the others are not to find empty ones.</summary>
    private string WithNetworkFiles(string? top, string below, CancellationToken cancellationToken) => Over(below, NetworkFilesName(top), MakeMissingNetworkFiles, cancellationToken);

    private string Over(string? below, string name, Func<UnionTree, bool> makeMissing, CancellationToken cancellationToken)
    {
        if (snapshots.TryFind(name) is not null)
        {
            return name;
        }

        var lease = snapshots.Prepare($"mounts-{ContainerName.NewId()[..16]}", below, cancellationToken);
        try
        {
            if (MakeMissing(lease, makeMissing))
            {
                snapshots.Commit(lease, name);
                return name;
            }
        }
        catch
        {
            snapshots.Remove(lease);
            throw;
        }

        snapshots.Remove(lease);
        return below!;
    }

    private bool MakeMissing(SnapshotLease lease, Func<UnionTree, bool> makeMissing)
    {
        using var tree = snapshots.OpenTree(lease);
        return makeMissing(tree);
    }

    private static bool MakeMissingNetworkFiles(UnionTree tree)
    {
        var missing = NetworkFiles.Targets.Where(path => !tree.Exists(path)).ToArray();
        if (missing.Length == 0 || !IsDirectoryOrMissing(tree, "/etc"))
        {
            // What an image has in place of the directory is its own affair: the start tells that nothing can be mounted in it.
            return false;
        }

        var isThere = tree.TryStat("/etc", followSymlink: true, out var etc) == 0;
        var (access, modified) = isThere ? tree.TimesOfDirectory(etc.Path) : default;
        TreeWalk.MakeDirectories(tree, "/etc", 0x1ED);
        foreach (var path in missing)
        {
            // A link that leads nowhere: to what systemd would make at its start, mostly.
            tree.RemoveIfThere(path);
            tree.OpenWrite(path, OpenFlags.Write | OpenFlags.Create | OpenFlags.Exclusive).Dispose();
        }

        if (isThere)
        {
            tree.SetDirectoryTimes(etc.Path, access, modified);
        }

        return true;
    }

    private static bool IsDirectoryOrMissing(UnionTree tree, string path) => tree.TryStat(path, followSymlink: true, out var found) == 0
        ? found.Kind == FileKind.Directory
        : !tree.Exists(path, followSymlink: false);

    private static bool MakeMissingMountPoints(UnionTree tree)
    {
        var missing = MountPoints.Where(path => IsMissing(tree, path)).ToArray();
        foreach (var path in missing)
        {
            tree.MakeDirectory(path);
        }

        return missing.Length > 0;
    }

    private static bool IsMissing(UnionTree tree, string path)
    {
        if (tree.TryStat(path, followSymlink: false, out var found) != 0)
        {
            return true;
        }

        return found.Kind == FileKind.Directory
            ? false
            : throw new ImageException($"The image has a {(found.Kind == FileKind.Symlink ? "symbolic link" : "file")} at '{path}', where the kernel's own file system goes: that has to be a directory.");
    }

    private void UnpackLayer(ReadAheadStream tar, LayerLimits limits, string? parent, string name, SortedSet<string> recorded, SortedSet<string> lost, CancellationToken cancellationToken)
    {
        var lease = snapshots.PrepareNameless(parent, cancellationToken);
        try
        {
            using (var tree = snapshots.OpenTree(lease, isPrivate: true))
            using (var reader = new LayerReader(tar, limits, leaveOpen: true))
            {
                Apply(reader, lease, tree, cancellationToken);
                recorded.UnionWith(tree.RecordedAttributes);
                lost.UnionWith(tree.LostAttributes);
            }

            // A reader stops at the archive's end mark, and the diff ID is of all that there is: it is known at the stream's end.
            tar.ReadToEnd();

            snapshots.Commit(lease, name);
        }
        catch
        {
            snapshots.Remove(lease);
            throw;
        }
    }

    // Once for an image, not for each of its files.
    private void Report(Image image, SortedSet<string> recorded, SortedSet<string> lost)
    {
        if (recorded.Count > 0)
        {
            logger.AttributesRecorded(image.Reference.ToString(), string.Join(", ", recorded));
        }

        if (lost.Count > 0)
        {
            logger.AttributesLost(image.Reference.ToString(), string.Join(", ", lost));
        }
    }

    private static void Apply(LayerReader reader, SnapshotLease lease, UnionTree tree, CancellationToken cancellationToken)
    {
        try
        {
            LayerApplier.Apply(reader, tree, cancellationToken);
        }
        catch (LinuxException e)
        {
            throw StorageErrors.Translate(e, $"unpack '{reader.Current.Path}'", lease.Snapshot.Directory);
        }
    }
}

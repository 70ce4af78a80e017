using System.Buffers;
using System.Runtime.Versioning;
using ContainerKit.Layers;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.CopyUp;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage;

/// <summary>
/// Unpacks a layer archive onto a tree. Whiteouts and opaque marks act on what lower layers have and never on the layer itself,
/// wherever in the archive they stand; a later entry of one path replaces an earlier one; directories get their times last.
/// OCI image specification, layer.md.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class LayerApplier
{
    // What file systems allocate.
    private const int SmallestHole = 4096;

    // For a directory that no archive has ever described.
    private static readonly UnixTime NoTime = new(0, 0);

    private readonly UnionTree _tree;
    private readonly HashSet<string> _written = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (UnixTime Access, UnixTime Modified)> _directoryTimes = new(StringComparer.Ordinal);
    private readonly List<MadeParent> _madeParents = [];

    private LayerApplier(UnionTree tree) => _tree = tree;

    /// <summary>Applies all entries that the reader has.</summary>
    /// <param name="layer">The archive.</param>
    /// <param name="tree">The tree to unpack onto. It is private to this call, and worthless if the call fails.</param>
    /// <param name="ct">Stops between two entries, and within large files.</param>
    /// <returns>How much was unpacked.</returns>
    /// <exception cref="ImageException">The archive is damaged, or asks for what no tree can hold.</exception>
    /// <exception cref="LinuxException">The tree cannot be written; where it is, and so why, the caller knows.</exception>
    public static AppliedLayer Apply(LayerReader layer, UnionTree tree, CancellationToken ct = default) => Apply(layer, tree, "/", ct);

    /// <summary>The same, below a directory of the tree, which itself stays as it is.</summary>
    /// <param name="layer">The archive.</param>
    /// <param name="tree">The tree.</param>
    /// <param name="below">The directory's path, free of symlinks.</param>
    /// <param name="ct">Stops between two entries, and within large files.</param>
    public static AppliedLayer Apply(LayerReader layer, UnionTree tree, string below, CancellationToken ct = default)
    {
        var applier = new LayerApplier(tree);
        var (entries, bytes) = (0L, 0L);
        while (layer.MoveNext(ct))
        {
            ct.ThrowIfCancellationRequested();
            if (below != "/" && layer.Current.Path == "/")
            {
                continue;
            }

            var entry = Below(below, layer.Current);
            try
            {
                applier.Apply(entry, layer, ct);
            }
            catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ENOTDIR or Errno.EISDIR or Errno.ELOOP or Errno.ENAMETOOLONG or Errno.EINVAL)
            {
                throw new ImageException($"The layer's entry '{entry.Path}' cannot be unpacked: {LinuxException.Describe(e.Errno)}.", e);
            }

            entries++;
            bytes += entry.Metadata.Size;
        }

        applier.SetDirectoryTimes();
        return new AppliedLayer(entries, bytes);
    }

    private static LayerEntry Below(string directory, LayerEntry entry) => directory == "/"
        ? entry
        : entry with { Path = directory + entry.Path, HardLinkTarget = entry.HardLinkTarget is { } target ? directory + target : null };

    private void Apply(LayerEntry entry, LayerReader layer, CancellationToken ct)
    {
        switch (entry.Kind)
        {
            case LayerEntryKind.Whiteout:
                Whiteout(entry.Path);
                return;
            case LayerEntryKind.Opaque:
                Hide(entry.Path);
                return;
        }

        _madeParents.Clear();
        var path = _tree.ResolveForUnpacking(entry.Path, _madeParents)!;
        foreach (var made in _madeParents)
        {
            _directoryTimes.TryAdd(ParentOf(made.Path), (made.ParentAccess, made.ParentModified));
            _directoryTimes[made.Path] = (NoTime, NoTime);
        }

        Put(path, entry, layer, ct);
        MarkWritten(path);
    }

    private void Put(string path, LayerEntry entry, LayerReader layer, CancellationToken ct)
    {
        if (path == "/" && (entry.Kind != LayerEntryKind.Object || entry.Metadata.Kind != FileKind.Directory))
        {
            throw new ImageException("The layer has an entry that would replace the root directory by something else.");
        }

        KeepTimesOf(ParentOf(path));
        var metadata = entry.Metadata;
        var accessTime = entry.AccessTime ?? metadata.ModifiedTime;
        switch (entry.Kind, metadata.Kind)
        {
            case (LayerEntryKind.HardLink, _):
                PutLink(path, entry.HardLinkTarget!);
                break;
            case (_, FileKind.Directory):
                _tree.PutDirectory(path, metadata);
                _directoryTimes[path] = (accessTime, metadata.ModifiedTime);
                return;
            case (_, FileKind.File):
                using (var file = _tree.PutFile(path, WantedStat.Of(metadata)))
                {
                    Fill(file, entry, layer, ct);
                    _tree.DescribeFile(file, path, metadata, accessTime);
                }

                break;
            default:
                _tree.PutSpecial(path, metadata, accessTime);
                break;
        }

        // It may have taken the place of a directory.
        _directoryTimes.Remove(path);
    }

    private void PutLink(string path, string target)
    {
        var source = _tree.ResolveForUnpacking(target, null);
        if (source is null || !_tree.Exists(source, followSymlink: false))
        {
            throw new ImageException($"The layer's entry '{path}' is a hard link to '{target}', which is not there.");
        }

        KeepTimesOf(ParentOf(source));
        _tree.PutLink(path, source);
    }

    private void Whiteout(string entryPath)
    {
        if (entryPath == "/" || _tree.ResolveForUnpacking(entryPath, null) is not { } path)
        {
            return;
        }

        if (_written.Contains(path))
        {
            // The layer itself has something here. What it must not show is the lower directory's content.
            _tree.HideBelow(path, _written.Contains);
        }
        else if (_tree.Exists(path, followSymlink: false))
        {
            KeepTimesOf(ParentOf(path));
            _tree.RemoveIfThere(path);
        }
    }

    private void Hide(string entryPath)
    {
        // The layer may have put something else there, after or before.
        if (_tree.ResolveForUnpacking(entryPath, null) is { } path && _tree.TryStat(path, followSymlink: false, out var found) == 0 && found.Kind == FileKind.Directory)
        {
            if (path != "/")
            {
                KeepTimesOf(ParentOf(path));
            }

            KeepTimesOf(path);
            _tree.HideBelow(path, _written.Contains);
        }
    }

    private static void Fill(SafeFileHandle file, LayerEntry entry, LayerReader layer, CancellationToken ct)
    {
        var size = entry.Metadata.Size;
        if (size == 0)
        {
            return;
        }

        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(size, 128 * 1024));
        try
        {
            if (entry.DataExtents is not { } extents)
            {
                if (Copy(layer.Content, file, 0, size, buffer, ct))
                {
                    FileWriting.SetLength(file, size);
                }

                return;
            }

            FileWriting.SetLength(file, size);
            foreach (var extent in extents)
            {
                Copy(layer.PackedContent, file, extent.Offset, extent.Length, buffer, ct);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <returns>Whether it ends in a hole, which is not yet part of the file.</returns>
    private static bool Copy(Stream content, SafeFileHandle file, long offset, long length, byte[] buffer, CancellationToken ct)
    {
        var end = offset + length;
        var endsInHole = false;
        while (offset < end)
        {
            ct.ThrowIfCancellationRequested();
            var count = content.Read(buffer, 0, (int)Math.Min(end - offset, buffer.Length));
            if (count == 0)
            {
                throw new ImageException("The layer ends in the middle of a file.");
            }

            // Archives that everybody reads have no holes: where there are zeros for so long, there was one.
            if (count >= SmallestHole && !buffer.AsSpan(0, count).ContainsAnyExcept((byte)0))
            {
                endsInHole = true;
            }
            else
            {
                FileWriting.Write(file, buffer.AsSpan(0, count), offset);
                endsInHole = false;
            }

            offset += count;
        }

        return endsInHole;
    }

    /// <summary>Remembers a path, and the directories above it, as the layer's own.</summary>
    private void MarkWritten(string path)
    {
        while (_written.Add(path) && path.Length > 1)
        {
            path = ParentOf(path);

            // A mark further up may yet take something out of it that had been copied up only to be changed.
            KeepTimesOf(path);
        }
    }

    /// <summary>A directory that the layer does not describe keeps its times, whatever is put into it.</summary>
    private void KeepTimesOf(string directory)
    {
        if (!_directoryTimes.ContainsKey(directory))
        {
            _directoryTimes.Add(directory, _tree.TimesOfDirectory(directory));
        }
    }

    private void SetDirectoryTimes()
    {
        foreach (var (path, times) in _directoryTimes)
        {
            _tree.SetDirectoryTimes(path, times.Access, times.Modified);
        }
    }

    private static string ParentOf(string path)
    {
        var slash = path.LastIndexOf('/');
        return slash <= 0 ? "/" : path[..slash];
    }
}

/// <summary>How much a layer was.</summary>
/// <param name="Entries">Entries of its archive, whiteouts included.</param>
/// <param name="Bytes">Bytes in its files, holes included.</param>
internal readonly record struct AppliedLayer(long Entries, long Bytes);

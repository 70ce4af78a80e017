using System.Runtime.Versioning;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.CopyUp;

namespace ContainerKit.Storage;

/// <summary>Copies what a stack of layers shows into one layer.</summary>
[SupportedOSPlatform("linux")]
internal static class TreeFlattener
{
    /// <summary>Fills an empty tree with all that another one shows. Names of one file stay names of one file.</summary>
    public static void Copy(UnionTree from, UnionTree to, CancellationToken ct)
    {
        var linked = new Dictionary<(ulong Device, ulong Inode), string>();
        var directories = new List<(string Path, UnixTime Access, UnixTime Modified)>();
        CopyDirectory("/", from, to, linked, directories, ct);
        foreach (var (path, access, modified) in directories)
        {
            to.SetDirectoryTimes(path, access, modified);
        }
    }

    private static void CopyDirectory(
        string path,
        UnionTree from,
        UnionTree to,
        Dictionary<(ulong Device, ulong Inode), string> linked,
        List<(string Path, UnixTime Access, UnixTime Modified)> directories,
        CancellationToken ct)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        var stat = from.Stat(path, followSymlink: false).Stat;
        to.PutDirectory(path, from.ReadMetadata(path));
        directories.Add((path, stat.AccessTime, stat.ModifiedTime));
        foreach (var name in from.List(path, readsRecords: false))
        {
            ct.ThrowIfCancellationRequested();
            var child = path.Length == 1 ? "/" + name.Name : $"{path}/{name.Name}";
            if (name.Kind == FileKind.Directory)
            {
                CopyDirectory(child, from, to, linked, directories, ct);
            }
            else
            {
                CopyObject(child, from, to, linked, ct);
            }
        }
    }

    private static void CopyObject(string path, UnionTree from, UnionTree to, Dictionary<(ulong Device, ulong Inode), string> linked, CancellationToken ct)
    {
        var stat = from.Stat(path, followSymlink: false).Stat;
        if (stat.LinkCount > 1 && !linked.TryAdd((stat.Device, stat.Inode), path))
        {
            to.PutLink(path, linked[(stat.Device, stat.Inode)]);
            return;
        }

        var metadata = from.ReadMetadata(path);
        if (metadata.Kind != FileKind.File)
        {
            to.PutSpecial(path, metadata, stat.AccessTime);
            return;
        }

        using var target = to.PutFile(path, WantedStat.Of(metadata));
        using (var source = from.OpenRead(path))
        {
            ContentCopier.Copy(source, target, metadata.Size, makesHoles: false, ct);
        }

        to.DescribeFile(target, path, metadata, stat.AccessTime);
    }
}

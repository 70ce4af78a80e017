using System.Runtime.Versioning;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.CopyUp;

namespace ContainerKit.Storage;

/// <summary>Copies what a stack of layers shows into one directory.</summary>
[SupportedOSPlatform("linux")]
internal static class TreeFlattener
{
    /// <summary>Fills an empty tree with all that another one shows. Names of one file stay names of one file.</summary>
    public static void Copy(UnionTree from, UnionTree to, CancellationToken ct) => Copy(from, "/", to, ct);

    /// <summary>Fills an empty tree with what another one shows in a directory, whose own owner, mode and times the tree's root gets.</summary>
    /// <param name="from">What is copied from.</param>
    /// <param name="top">The directory, as a path without symlinks.</param>
    /// <param name="to">The empty tree.</param>
    /// <param name="ct">Ends it early.</param>
    public static void Copy(UnionTree from, string top, UnionTree to, CancellationToken ct)
    {
        var linked = new Dictionary<(ulong Device, ulong Inode), string>();
        var directories = new List<(string Path, UnixTime Access, UnixTime Modified)>();
        CopyDirectory(top, "/", from, to, linked, directories, ct);
        foreach (var (path, access, modified) in directories)
        {
            to.SetDirectoryTimes(path, access, modified);
        }
    }

    private static void CopyDirectory(
        string source,
        string path,
        UnionTree from,
        UnionTree to,
        Dictionary<(ulong Device, ulong Inode), string> linked,
        List<(string Path, UnixTime Access, UnixTime Modified)> directories,
        CancellationToken ct)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        var stat = from.Stat(source, followSymlink: false).Stat;
        to.PutDirectory(path, from.ReadMetadata(source));
        directories.Add((path, stat.AccessTime, stat.ModifiedTime));
        foreach (var name in from.List(source, readsRecords: false))
        {
            ct.ThrowIfCancellationRequested();
            var (sourceChild, child) = (Below(source, name.Name), Below(path, name.Name));
            if (name.Kind == FileKind.Directory)
            {
                CopyDirectory(sourceChild, child, from, to, linked, directories, ct);
            }
            else
            {
                CopyObject(sourceChild, child, from, to, linked, ct);
            }
        }
    }

    private static string Below(string directory, string name) => directory.Length == 1 ? "/" + name : $"{directory}/{name}";

    private static void CopyObject(string source, string path, UnionTree from, UnionTree to, Dictionary<(ulong Device, ulong Inode), string> linked, CancellationToken ct)
    {
        var stat = from.Stat(source, followSymlink: false).Stat;
        if (stat.LinkCount > 1 && !linked.TryAdd((stat.Device, stat.Inode), path))
        {
            to.PutLink(path, linked[(stat.Device, stat.Inode)]);
            return;
        }

        var metadata = from.ReadMetadata(source);
        if (metadata.Kind != FileKind.File)
        {
            to.PutSpecial(path, metadata, stat.AccessTime);
            return;
        }

        using var target = to.PutFile(path, WantedStat.Of(metadata));
        using (var content = from.OpenRead(source))
        {
            ContentCopier.Copy(content, target, metadata.Size, makesHoles: false, ct);
        }

        to.DescribeFile(target, path, metadata, stat.AccessTime);
    }
}

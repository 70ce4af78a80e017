using System.Globalization;
using System.Security.Cryptography;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;

namespace ContainerKit.Tests.Linux.Storage;

/// <summary>A tree as lines of text, one for each path, so that a comparison names what differs.</summary>
internal static class TreeDump
{
    /// <summary>What a directory of the host shows. Overlayfs's own attributes are left out.</summary>
    public static IReadOnlyList<string> Of(string directory, bool withTimes = false)
    {
        using var tree = UnionTree.OfDirectory(RootedDirectory.Open(directory));
        return Of(tree, withTimes);
    }

    public static IReadOnlyList<string> Of(UnionTree tree, bool withTimes = false)
    {
        var lines = new List<string>();
        Add(tree, "/", withTimes, lines);
        return lines;
    }

    private static void Add(UnionTree tree, string path, bool withTimes, List<string> lines)
    {
        var metadata = tree.ReadMetadata(path);
        lines.Add(Line(tree, path, metadata, withTimes));
        if (metadata.Kind != FileKind.Directory)
        {
            return;
        }

        foreach (var child in tree.List(path))
        {
            Add(tree, path == "/" ? "/" + child.Name : $"{path}/{child.Name}", withTimes, lines);
        }
    }

    private static string Line(UnionTree tree, string path, FileMetadata metadata, bool withTimes)
    {
        var attributes = metadata.ExtendedAttributes.OrderBy(each => each.Key, StringComparer.Ordinal)
            .Select(each => $"{each.Key}={Convert.ToHexString(each.Value.Span)}");
        var time = withTimes || metadata.Kind != FileKind.Directory ? $"{metadata.ModifiedTime.Seconds}.{metadata.ModifiedTime.Nanoseconds:D9}" : "-";
        return string.Join(' ', [
            path, metadata.Kind.ToString(), Convert.ToString(metadata.Mode, 8), $"{metadata.UserId}:{metadata.GroupId}",
            metadata.Size.ToString(CultureInfo.InvariantCulture), $"{metadata.DeviceMajor},{metadata.DeviceMinor}", metadata.LinkTarget ?? "-",
            time, metadata.Kind == FileKind.File ? ContentOf(tree, path) : "-", .. attributes]);
    }

    private static string ContentOf(UnionTree tree, string path)
    {
        using var file = tree.OpenRead(path);
        using var stream = new FileStream(file, FileAccess.Read);
        return Convert.ToHexString(SHA256.HashData(stream))[..12];
    }
}

using System.Text;
using ContainerKit.Layers;
using ContainerKit.Layers.Trees;

namespace ContainerKit.Tests.Shared;

/// <summary>Layers of random entries, the same for the same seed, and trees written down so that they can be compared.</summary>
internal static class RandomLayers
{
    private static readonly UnixTime[] Times = [new(0, 0), new(1_000_000_000, 0), new(1_700_000_000, 123_456_789)];

    /// <summary>Everything about a tree, a line for each path: what it is, its content's digest, and the first of its names.</summary>
    public static string[] Dump(LayerTree tree)
    {
        var firstNames = new Dictionary<TreeNode, string>();
        return [.. Lines("/", tree.Root, firstNames)];
    }

    /// <summary>An archive of random objects in a few directories, so that one often meets another's name; every third is a whiteout, when wanted.</summary>
    public static byte[] Make(Random random, bool withWhiteouts, bool withSymlinkedDirectories = true)
    {
        using var archive = new MemoryStream();
        var files = new List<string>();
        using var writer = new LayerWriter(archive, leaveOpen: true);
        // Each kind of name has its own place, or most archives would be refused: a file in the way of a directory.
        foreach (var _ in Enumerable.Range(0, random.Next(1, 25)))
        {
            var directory = RandomDirectory(random);
            var name = $"{directory}/{"fgh"[random.Next(3)]}";
            switch (random.Next(withWhiteouts ? 12 : 9))
            {
                case < 4:
                    var content = Encoding.ASCII.GetBytes(new string('x', random.Next(3)) + random.Next(3));
                    writer.Write(new LayerEntry { Path = name, Metadata = RandomMetadata(random, FileKind.File) with { Size = content.Length } }, new MemoryStream(content));
                    files.Add(name);
                    break;
                case < 6:
                    writer.Write(new LayerEntry { Path = directory, Metadata = RandomMetadata(random, FileKind.Directory) });
                    break;
                case 6:
                    files.Remove(name);
                    writer.Write(new LayerEntry { Path = name, Metadata = RandomMetadata(random, FileKind.Symlink) with { Mode = 0x1FF, LinkTarget = "target" } });
                    break;
                case 7 when files.Count > 0 && files[random.Next(files.Count)] is var target && target != name:
                    writer.Write(new LayerEntry { Kind = LayerEntryKind.HardLink, Path = name, HardLinkTarget = target, Metadata = RandomMetadata(random, FileKind.File) });
                    files.Add(name);
                    break;
                case 8 when withSymlinkedDirectories:
                    var pointer = $"{directory}/s";
                    writer.Write(new LayerEntry { Path = pointer, Metadata = RandomMetadata(random, FileKind.Symlink) with { Mode = 0x1FF, LinkTarget = random.Next(2) == 0 ? "a" : "../b" } });
                    writer.Write(new LayerEntry { Path = $"{pointer}/through", Metadata = RandomMetadata(random, FileKind.Fifo) });
                    break;
                case 9:
                    writer.Write(new LayerEntry { Kind = LayerEntryKind.Opaque, Path = directory, Metadata = RandomMetadata(random, FileKind.File) });
                    break;
                case 10:
                    writer.Write(new LayerEntry { Kind = LayerEntryKind.Whiteout, Path = name, Metadata = RandomMetadata(random, FileKind.File) });
                    break;
                case 11:
                    writer.Write(new LayerEntry { Kind = LayerEntryKind.Whiteout, Path = directory, Metadata = RandomMetadata(random, FileKind.File) });
                    break;
            }
        }

        writer.Finish();
        return archive.ToArray();
    }

    private static string RandomDirectory(Random random) => string.Concat(Enumerable.Range(0, random.Next(1, 4)).Select(_ => "/" + "abc"[random.Next(3)]));

    private static FileMetadata RandomMetadata(Random random, FileKind kind) => new()
    {
        Kind = kind,
        Mode = random.Next(2) == 0 ? 0x1ED : 0x1C0,
        UserId = (uint)random.Next(2),
        GroupId = (uint)random.Next(2),
        ModifiedTime = Times[random.Next(Times.Length)],
        ExtendedAttributes = kind is FileKind.File or FileKind.Directory && random.Next(4) == 0
            ? new Dictionary<string, ReadOnlyMemory<byte>> { ["user.note"] = new[] { (byte)random.Next(2) } }
            : new Dictionary<string, ReadOnlyMemory<byte>>(),
    };

    private static IEnumerable<string> Lines(string path, TreeNode node, Dictionary<TreeNode, string> firstNames)
    {
        var file = node.Metadata;
        var attributes = string.Join(',', file.ExtendedAttributes.Select(each => $"{each.Key}={Convert.ToHexString(each.Value.Span)}").Order(StringComparer.Ordinal));
        var first = node.IsDirectory || firstNames.TryAdd(node, path) ? "" : firstNames[node];
        yield return $"{path} {file.Kind} {Convert.ToString(file.Mode, 8)} {file.UserId}:{file.GroupId} {file.Size} {file.ModifiedTime.Seconds}.{file.ModifiedTime.Nanoseconds} {file.LinkTarget} {file.DeviceMajor}:{file.DeviceMinor} [{attributes}] {node.Content?.Digest} {first}";
        foreach (var line in node.IsDirectory ? node.InOrder.SelectMany(child => Lines(LayerPath.Combine(path, child.Key), child.Value, firstNames)) : [])
        {
            yield return line;
        }
    }
}

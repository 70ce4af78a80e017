using System.Runtime.Versioning;
using ContainerKit.Layers;
using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Union;

namespace ContainerKit.Containers.Files;

/// <summary>Trees into a container and out of it as tar archives: with owners, times, attributes, links and device nodes.</summary>
[SupportedOSPlatform("linux")]
internal static class TarTransfer
{
    public static void CopyIn(UnionTree tree, Stream archive, string path, CancellationToken cancellationToken)
    {
        // Where the path leads: entries go below the directory itself, whatever links led there.
        var target = tree.Stat(path);
        if (target.Kind != FileKind.Directory)
        {
            throw new LinuxException(Errno.ENOTDIR, $"unpack an archive in '{path}'");
        }

        var (kind, stream) = Compression.Detect(archive);
        using var tar = Compression.OpenRead(stream, kind, leaveOpen: true);
        using var reader = new LayerReader(tar, leaveOpen: true);
        LayerApplier.Apply(reader, tree, target.Path, cancellationToken);
    }

    public static void CopyOut(UnionTree tree, string path, Stream archive, CancellationToken cancellationToken)
    {
        // As tar does when it is given a path: the names in the archive begin with its last one.
        var name = path.TrimEnd('/');
        name = name[(name.LastIndexOf('/') + 1)..];
        using var writer = new LayerWriter(archive, leaveOpen: true);
        Write(tree, path, name is "" or "." or ".." ? "/" : $"/{name}", writer, [], cancellationToken);
        writer.Finish();
    }

    private static void Write(
        UnionTree tree, string path, string name, LayerWriter writer, Dictionary<(ulong Device, ulong Inode), string> linked, CancellationToken cancellationToken)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        cancellationToken.ThrowIfCancellationRequested();
        var stat = tree.Stat(path, followSymlink: false).Stat;
        var metadata = tree.ReadMetadata(path);
        var entry = new LayerEntry { Path = name, Metadata = metadata };
        switch (metadata.Kind)
        {
            // An archive cannot hold one.
            case FileKind.Socket:
                return;
            case FileKind.File when stat.LinkCount > 1 && !linked.TryAdd((stat.Device, stat.Inode), name):
                var first = linked[(stat.Device, stat.Inode)];
                writer.Write(entry with { Kind = LayerEntryKind.HardLink, HardLinkTarget = first, Metadata = metadata with { Size = 0 } }, null, cancellationToken);
                return;
            case FileKind.File:
                using (var content = new FileStream(tree.OpenRead(path), FileAccess.Read, bufferSize: 0))
                {
                    writer.Write(entry, content, cancellationToken);
                }

                return;
            default:
                writer.Write(entry, null, cancellationToken);
                break;
        }

        if (metadata.Kind == FileKind.Directory)
        {
            foreach (var child in tree.List(path, readsRecords: false))
            {
                Write(tree, Join(path, child.Name), Join(name, child.Name), writer, linked, cancellationToken);
            }
        }
    }

    private static string Join(string directory, string name) => $"{directory.TrimEnd('/')}/{name}";
}

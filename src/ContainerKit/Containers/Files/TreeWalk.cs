using System.Runtime.Versioning;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.CopyUp;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers.Files;

/// <summary>What takes more than one call on a container's tree: missing parents, and trees copied in and out.</summary>
[SupportedOSPlatform("linux")]
internal static class TreeWalk
{
    public static void MakeDirectories(UnionTree tree, string path, int mode)
    {
        var current = "";
        foreach (var component in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            current += "/" + component;
            if (!tree.Exists(current))
            {
                tree.MakeDirectory(current, mode);
            }
            else if (tree.Stat(current).Kind != FileKind.Directory)
            {
                throw new IOException($"Cannot make the directory '{path}' in the container: '{current}' is something else.");
            }
        }
    }

    public static void CopyIn(UnionTree tree, string hostPath, string path, CancellationToken cancellationToken)
    {
        if (Path.GetDirectoryName(path.TrimEnd('/')) is { } parent && !tree.Exists(parent))
        {
            throw new DirectoryNotFoundException($"There is no directory '{parent}' in the container for '{path}'.");
        }

        using var directory = OnHost(hostPath, () => RootedDirectory.Open(Path.GetDirectoryName(hostPath) ?? "/"));
        CopyIn(tree, directory.Handle, Path.GetFileName(hostPath), hostPath, path, [], cancellationToken);
    }

    // By the kernel's names and not by System.IO, which loses the bytes of those that are not UTF-8 and then finds no such file.
    private static void CopyIn(
        UnionTree tree, SafeFileHandle directory, string name, string hostPath, string path, Dictionary<(ulong Device, ulong Inode), string> linked, CancellationToken cancellationToken)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        cancellationToken.ThrowIfCancellationRequested();
        var stat = OnHost(hostPath, () => FileCalls.Local.Stat(directory, name));
        switch (stat.Kind)
        {
            case FileKind.Symlink:
                tree.MakeSymlink(path, OnHost(hostPath, () => FileCalls.Local.ReadLink(directory, name)));
                break;
            case FileKind.Directory:
                if (!tree.Exists(path))
                {
                    tree.MakeDirectory(path);
                }

                using (var inner = OnHost(hostPath, () => FileCalls.Local.Open(directory, name, OpenFlags.Directory | OpenFlags.NoFollow)))
                {
                    foreach (var child in DirectoryEntries.NamesOf(inner).Order(StringComparer.Ordinal))
                    {
                        CopyIn(tree, inner, child, Path.Join(hostPath, child), $"{path.TrimEnd('/')}/{child}", linked, cancellationToken);
                    }
                }

                break;
            case FileKind.File when stat.LinkCount > 1 && linked.TryGetValue((stat.Device, stat.Inode), out var first):
                tree.RemoveIfThere(path);
                tree.Link(first, path);
                return;
            case FileKind.Fifo:
                tree.RemoveIfThere(path);
                tree.MakeNode(path, FileKind.Fifo, stat.Permissions);
                break;
            case FileKind.File:
                // Not blocking, because by now it may be a fifo.
                const OpenFlags Flags = OpenFlags.Read | OpenFlags.NoFollow | OpenFlags.NonBlocking;
                using (var source = OnHost(hostPath, () => FileCalls.Local.Open(directory, name, Flags)))
                {
                    PutFile(tree, source, path, cancellationToken);
                }

                linked[(stat.Device, stat.Inode)] = path;
                break;
            default:
                return;
        }

        if (!stat.IsSymlink)
        {
            tree.SetMode(path, stat.Permissions);
        }

        tree.SetTimes(path, null, stat.ModifiedTime, followSymlink: false);
    }

    private static void PutFile(UnionTree tree, SafeFileHandle source, string path, CancellationToken cancellationToken)
    {
        var stat = FileCalls.Local.Stat(source);
        if (stat.Kind != FileKind.File)
        {
            throw new LinuxException(Errno.EIO, $"read '{path}', which is no regular file any more");
        }

        var isSparse = stat.Blocks * 512 < stat.Size;
        tree.ReplaceContent(path, isSparse ? 0 : stat.Size, (copy, maySetLength) =>
        {
            if (!maySetLength)
            {
                return ContentCopier.CopyPlainly(source, copy, cancellationToken);
            }

            // Where there are to be holes, nothing of the old content may show through them.
            if (isSparse)
            {
                FileWriting.SetLength(copy, 0);
            }

            ContentCopier.Copy(source, copy, stat.Size, makesHoles: false, cancellationToken);
            return stat.Size;
        });
    }

    private static T OnHost<T>(string path, Func<T> call) => FileErrors.Translate(path, call, "on the host");

    public static void CopyOut(UnionTree tree, string path, string hostPath, CancellationToken cancellationToken)
    {
        // The copy is named below an open directory of the host, and each name is made new: nothing that is there is followed.
        var parent = Path.GetDirectoryName(hostPath) ?? "/";
        if (!Directory.Exists(parent))
        {
            throw new DirectoryNotFoundException($"There is no directory '{parent}' for a copy of '{path}'.");
        }

        using var directory = RootedDirectory.Open(parent);
        CopyOut(tree, path, directory, Path.GetFileName(hostPath), cancellationToken);
    }

    private static void CopyOut(UnionTree tree, string path, RootedDirectory directory, string name, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var metadata = tree.ReadMetadata(path);
        switch (metadata.Kind)
        {
            case FileKind.Symlink:
                directory.Calls.MakeSymlink(metadata.LinkTarget!, directory.Handle, name);
                break;
            case FileKind.Directory:
                directory.Calls.MakeDirectory(directory.Handle, name, 0x1C0);
                using (var inner = RootedDirectory.Adopt(directory.Calls.Open(directory.Handle, name, OpenFlags.Directory | OpenFlags.NoFollow)))
                {
                    foreach (var child in tree.List(path))
                    {
                        CopyOut(tree, $"{path.TrimEnd('/')}/{child.Name}", inner, child.Name, cancellationToken);
                    }
                }

                break;
            case FileKind.File:
                using (var source = tree.OpenRead(path))
                using (var copy = directory.Calls.Open(directory.Handle, name, OpenFlags.Write | OpenFlags.Create | OpenFlags.Exclusive, 0x180))
                {
                    ContentCopier.Copy(source, copy, FileCalls.Local.Stat(source).Size, makesHoles: false, cancellationToken);
                }

                break;
            case FileKind.Fifo:
                directory.Calls.MakeNode(directory.Handle, name, FileTypeBits.Of(FileKind.Fifo) | 0x180u);
                break;
            default:
                return;
        }

        if (metadata.Kind != FileKind.Symlink)
        {
            // Set-user-ID bits would now be the caller's: they stay behind.
            directory.Calls.SetMode(directory.Handle, name, metadata.Mode & 0x1FF);
        }

        directory.Calls.SetTimes(directory.Handle, name, null, metadata.ModifiedTime);
    }
}

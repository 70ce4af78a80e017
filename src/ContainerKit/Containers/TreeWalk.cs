using System.Runtime.Versioning;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;

namespace ContainerKit.Containers;

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

        CopyInto(tree, hostPath, path, cancellationToken);
    }

    private static void CopyInto(UnionTree tree, string hostPath, string path, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var info = new FileInfo(hostPath);
        if (info.LinkTarget is { } target)
        {
            tree.MakeSymlink(path, target);
        }
        else if (Directory.Exists(hostPath))
        {
            if (!tree.Exists(path))
            {
                tree.MakeDirectory(path);
            }

            foreach (var child in Directory.EnumerateFileSystemEntries(hostPath).Order(StringComparer.Ordinal))
            {
                CopyInto(tree, child, $"{path.TrimEnd('/')}/{Path.GetFileName(child)}", cancellationToken);
            }

            tree.SetMode(path, (int)File.GetUnixFileMode(hostPath));
        }
        else
        {
            using var source = info.OpenRead();
            using var copy = new FileStream(tree.OpenWrite(path, OpenFlags.Write | OpenFlags.Create | OpenFlags.Truncate), FileAccess.Write, bufferSize: 0);
            source.CopyTo(copy, 1 << 17);
            tree.SetMode(path, (int)File.GetUnixFileMode(hostPath));
        }

        tree.SetTimes(path, null, UnixTime.From(info.LastWriteTimeUtc), followSymlink: false);
    }

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
                using (var source = new FileStream(tree.OpenRead(path), FileAccess.Read, bufferSize: 0))
                using (var copy = new FileStream(directory.Calls.Open(directory.Handle, name, OpenFlags.Write | OpenFlags.Create | OpenFlags.Exclusive, 0x180), FileAccess.Write, bufferSize: 0))
                {
                    source.CopyTo(copy, 1 << 17);
                }

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

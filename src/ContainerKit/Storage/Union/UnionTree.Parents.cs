using ContainerKit.Layers;
using ContainerKit.Linux;

namespace ContainerKit.Storage.Union;

// Where an entry of a layer goes: the symlinks of its directories are resolved, and those that are absent are made.
internal sealed partial class UnionTree
{
    private const int NewParentMode = 0x1ED;

    /// <summary>The path that an entry really means, with the symlinks of its directories resolved.</summary>
    /// <param name="path">The entry's path.</param>
    /// <param name="madeParents">If not null, absent directories are made, and told here; otherwise they give a null.</param>
    /// <exception cref="LinuxException">A directory of the path is something else.</exception>
    public string? ResolveForUnpacking(string path, List<MadeParent>? madeParents)
    {
        using var scope = Enter();
        if (path == "/")
        {
            return path;
        }

        while (true)
        {
            var errno = TryResolve(path, followLast: false, out var node);
            if (errno == 0 || (errno == Errno.ENOENT && node.Directory is not null))
            {
                return node.IsRoot ? "/" : node.Path;
            }

            if (errno != Errno.ENOENT || madeParents is null)
            {
                return errno is Errno.ENOENT or Errno.ENOTDIR && madeParents is null ? null : throw Error(errno, $"find the directory of '{path}'");
            }

            MakeFirstAbsent(ParentOf(path), madeParents);
        }
    }

    private void MakeFirstAbsent(string path, List<MadeParent> made)
    {
        // Outermost first: the walk stops at the first that is missing, which is the one whose node has a directory.
        for (var links = 0; ;)
        {
            var errno = TryResolve(path, followLast: true, out var node);
            if (errno == Errno.ENOENT && node.Directory is not null)
            {
                var wanted = new WantedStat(FileKind.Directory, NewParentMode, 0, 0);
                var before = _calls.Stat(node.Directory.Top);
                MakeObject(node, wanted, static (tree, directory, name, wanted) =>
                    tree._calls.MakeDirectory(directory, name, tree._ownership.DiskModeOf(wanted)));
                made.Add(new MadeParent(node.Path, before.AccessTime, before.ModifiedTime));
                return;
            }

            LinuxException.ThrowIf(errno == Errno.ENOENT && path != "/" ? 0 : errno != 0 ? errno : Errno.ENOENT, $"make the directory '{path}'");
            if (TryResolve(path, followLast: false, out var itself) == 0 && itself.Disk.IsSymlink)
            {
                // More than one directory is missing of what it leads to.
                LinuxException.ThrowIf(++links > MaxSymlinks ? Errno.ELOOP : 0, $"make the directory '{path}'");
                var target = ReadTarget(itself);
                path = target.StartsWith('/') ? target : LayerPath.Combine(ParentOf(itself.Path), target);
            }
            else
            {
                path = ParentOf(path);
            }
        }
    }
}

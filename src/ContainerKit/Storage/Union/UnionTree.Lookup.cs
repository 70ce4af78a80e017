using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

// Paths: how a name is found in a stack of branches, and how a path is walked without ever leaving it.
internal sealed partial class UnionTree
{
    // As many as the kernel follows. path_resolution(7)
    private const int MaxSymlinks = 40;
    private const int LongestTarget = 4096;

    private UnionNode Resolve(string path, bool followLast)
    {
        LinuxException.ThrowIf(TryResolve(path, followLast, out var node), $"find '{path}'");
        return node;
    }

    /// <summary>The node of a path whose last name need not exist, though all before it must.</summary>
    private UnionNode ResolveForCreation(string path, bool followLast)
    {
        var errno = TryResolve(path, followLast, out var node);
        LinuxException.ThrowIf(errno == Errno.ENOENT && node.Directory is not null ? 0 : errno, $"find '{path}'");
        return node;
    }

    /// <summary>
    /// Walks a path. With <see cref="Errno.ENOENT"/> the node still has its directory when only the last name is missing.
    /// </summary>
    private int TryResolve(string path, bool followLast, out UnionNode node)
    {
        node = default;
        if (path.Length == 0 || path[0] != '/')
        {
            throw new ArgumentException("A path inside a container begins with '/'.", nameof(path));
        }

        // The directory as written is usually one that was just used, and free of symlinks.
        var slash = path.LastIndexOf('/');
        if (slash > 0 && slash < path.Length - 1 && path.AsSpan(slash + 1) is not ("." or "..") && _cache.TryGet(path.AsSpan(0, slash)) is { } known)
        {
            return Walk(known, path[(slash + 1)..], followLast, out node);
        }

        return Walk(_root, path, followLast, out node);
    }

    private int Walk(UnionDirectory directory, string rest, bool followLast, out UnionNode node)
    {
        var links = 0;
        node = default;
        while (true)
        {
            var name = NextName(ref rest);
            if (name is "" or "..")
            {
                directory = name.Length == 0 || directory.Path.Length == 1 ? directory : DirectoryAt(ParentOf(directory.Path));
                if (rest.Length == 0)
                {
                    return NodeOf(directory, out node);
                }

                continue;
            }

            var isLast = rest.Length == 0;
            var errno = Find(directory, name, 0, out var found);
            if (errno != 0 || !found.Exists)
            {
                // A slash at the end asks for a directory, which is as good as a name for the one who makes it.
                node = isLast || rest == "/" ? found : default;
                return errno != 0 ? errno : Errno.ENOENT;
            }

            if (found.Disk.IsSymlink && (!isLast || followLast))
            {
                if (++links > MaxSymlinks)
                {
                    return Errno.ELOOP;
                }

                var target = ReadTarget(found);
                if (target.Length == 0)
                {
                    return Errno.ENOENT;
                }

                directory = target[0] == '/' ? _root : directory;
                rest = isLast ? target : $"{target}/{rest}";
                continue;
            }

            if (isLast)
            {
                node = found;
                return 0;
            }

            if (!found.Disk.IsDirectory)
            {
                return Errno.ENOTDIR;
            }

            directory = Descend(found);
        }
    }

    /// <summary>Takes the next component off a path, skipping slashes and dots; empty when nothing is left.</summary>
    private static string NextName(ref string rest)
    {
        var begin = 0;
        while (true)
        {
            while (begin < rest.Length && rest[begin] == '/')
            {
                begin++;
            }

            var end = rest.IndexOf('/', begin);
            var name = end < 0 ? rest[begin..] : rest[begin..end];
            begin += name.Length;
            if (name != ".")
            {
                rest = rest[begin..];

                // "dir/" and "dir/." are the directory itself, so something must be left for the walk to go into it.
                return name;
            }
        }
    }

    private int NodeOf(UnionDirectory directory, out UnionNode node)
    {
        if (directory.Path.Length > 1)
        {
            var slash = directory.Path.LastIndexOf('/');
            return Find(DirectoryAt(ParentOf(directory.Path)), directory.Path[(slash + 1)..], 0, out node);
        }

        var errno = _calls.TryStat(_root.Top, default, out var stat);
        node = new UnionNode { Directory = _root, Name = "", Part = 0, Disk = stat };
        return errno;
    }

    /// <summary>Looks for a name from the given part of a directory down.</summary>
    /// <returns>0, whether or not it is there, or an <see cref="Errno"/>.</returns>
    private int Find(UnionDirectory directory, string name, int firstPart, out UnionNode node)
    {
        var errno = _dialect.CheckName(name);
        var found = default(Finding);
        errno = errno != 0 ? errno : _stack.Find(directory.Parts, name, firstPart, out found);
        node = errno != 0 ? default : new UnionNode
        {
            Directory = directory,
            Name = name,
            Part = found.Part,
            Disk = found.Disk,
            IsWhitedOutAbove = found.IsWhitedOutAbove,
        };
        return errno;
    }

    /// <summary>What would show under a name if the writable branch did not have it.</summary>
    private UnionNode FindBelow(UnionDirectory directory, string name)
    {
        LinuxException.ThrowIf(Find(directory, name, directory.FirstLower, out var node), $"look for '{name}'");
        return node;
    }

    /// <summary>The directory at a path that is known to be free of symlinks.</summary>
    private UnionDirectory DirectoryAt(string path)
    {
        if (path.Length == 1)
        {
            return _root;
        }

        if (_cache.TryGet(path) is { } known)
        {
            return known;
        }

        var slash = path.LastIndexOf('/');
        LinuxException.ThrowIf(Find(DirectoryAt(ParentOf(path)), path[(slash + 1)..], 0, out var node), $"find '{path}'");
        return node.Exists && node.Disk.IsDirectory ? Descend(node) : throw Error(node.Exists ? Errno.ENOTDIR : Errno.ENOENT, $"find '{path}'");
    }

    /// <summary>Opens the directory that a node is, with everything below that is merged into it.</summary>
    private UnionDirectory Descend(in UnionNode node)
    {
        if (node.IsRoot)
        {
            return _root;
        }

        var path = node.Path;
        if (_cache.TryGet(path) is { } known)
        {
            return known;
        }

        var directory = new UnionDirectory(path);
        try
        {
            var found = new Finding(node.Part, node.Disk, false);
            LinuxException.ThrowIf(_stack.Open(node.Directory.Parts, node.Name, found, directory.Parts), $"open '{path}'");
        }
        catch
        {
            directory.Dispose();
            throw;
        }

        _cache.Add(directory);
        return directory;
    }

    private SafeFileHandle OpenPart(SafeFileHandle parent, string name, in FileStat disk)
    {
        _ownership.Unlock(_calls, parent, name, disk);
        return _calls.Open(parent, name, OpenFlags.PathOnly | OpenFlags.Directory | OpenFlags.NoFollow);
    }

    private string ReadTarget(in UnionNode node) => _calls.ReadLink(node.Handle, node.Name);

    private static string ParentOf(string path)
    {
        var slash = path.LastIndexOf('/');
        return slash <= 0 ? "/" : path[..slash];
    }
}

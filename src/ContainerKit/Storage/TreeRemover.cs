using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage;

/// <summary>
/// Removes a tree, however deep and whatever its modes, without ever following a link out of it. What is locked against its own
/// user is unlocked first.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class TreeRemover
{
    private const int OwnerAll = 0x1C0;

    // Beyond this many open directories the walk lifts what is deeper up to the top, so that depth never costs descriptors.
    private const int DeepestWalk = 64;

    /// <summary>Removes the object at <paramref name="name"/> and everything in it. Nothing there is no error.</summary>
    /// <exception cref="LinuxException">Something cannot be removed.</exception>
    public static void Remove(FileCalls calls, SafeFileHandle directory, string name)
    {
        // Nearly always a file, or an empty directory.
        var errno = TryRemoveOne(calls, directory, name);
        switch (errno)
        {
            case 0 or Errno.ENOENT:
                return;
            case Errno.ENOTEMPTY or Errno.EEXIST:
                new Walk(calls, directory, name).Run();
                return;
            default:
                throw new LinuxException(errno, $"remove '{name}'");
        }
    }

    /// <summary>Removes everything in a directory, which itself stays.</summary>
    public static void Empty(FileCalls calls, SafeFileHandle directory)
    {
        using var readable = calls.Open(directory, default, OpenFlags.Directory);
        foreach (var name in DirectoryEntries.NamesOf(readable))
        {
            Remove(calls, directory, name);
        }
    }

    private static int TryRemoveOne(FileCalls calls, SafeFileHandle directory, string name)
    {
        var errno = calls.TryUnlink(directory, name, isDirectory: false);
        if (errno is not (Errno.EISDIR or Errno.EPERM))
        {
            return errno;
        }

        // Not a directory after all: then the first answer was about the file itself, which may be immutable.
        var second = calls.TryUnlink(directory, name, isDirectory: true);
        return second == Errno.ENOTDIR ? errno : second;
    }

    private sealed class Walk(FileCalls calls, SafeFileHandle top, string topName)
    {
        private readonly Stack<(SafeFileHandle Directory, Stack<string> Names, string Name)> _open = [];
        private int _lifted;

        public void Run()
        {
            try
            {
                Enter(top, topName);
                while (_open.TryPeek(out var level))
                {
                    if (level.Names.TryPop(out var name))
                    {
                        RemoveOrEnter(level.Directory, name);
                        continue;
                    }

                    _open.Pop();
                    level.Directory.Dispose();
                    var parent = _open.TryPeek(out var above) ? above.Directory : top;
                    var errno = calls.TryUnlink(parent, level.Name, isDirectory: true);
                    if (errno is Errno.ENOTEMPTY && _open.Count == 0)
                    {
                        // What was lifted up here from the depth is still to do.
                        Enter(top, topName);
                    }
                    else if (errno is not (0 or Errno.ENOENT))
                    {
                        throw new LinuxException(errno, $"remove '{level.Name}'");
                    }
                }
            }
            finally
            {
                foreach (var level in _open)
                {
                    level.Directory.Dispose();
                }
            }
        }

        private void RemoveOrEnter(SafeFileHandle directory, string name)
        {
            var errno = TryRemoveOne(calls, directory, name);
            switch (errno)
            {
                case 0 or Errno.ENOENT:
                    return;
                case Errno.ENOTEMPTY or Errno.EEXIST when _open.Count >= DeepestWalk:
                    Lift(directory, name);
                    return;
                case Errno.ENOTEMPTY or Errno.EEXIST:
                    Enter(directory, name);
                    return;
                default:
                    throw new LinuxException(errno, $"remove '{name}'");
            }
        }

        private void Lift(SafeFileHandle directory, string name)
        {
            Unlock(directory, name);
            int errno;
            do
            {
                errno = calls.TryRename(directory, name, _open.Last().Directory, $".lifted-{_lifted++}", RenameFlags.NoReplace);
            }
            while (errno == Errno.EEXIST);

            LinuxException.ThrowIf(errno, $"remove '{name}'");
        }

        private void Enter(SafeFileHandle parent, string name)
        {
            Unlock(parent, name);
            var errno = calls.TryOpen(parent, name, OpenFlags.Directory | OpenFlags.NoFollow, 0, Resolve.NoSymlinks, out var directory);
            LinuxException.ThrowIf(errno, $"open '{name}' to remove it");
            _open.Push((directory, new Stack<string>(DirectoryEntries.NamesOf(directory)), name));
        }

        // Root may do everything anyway; an owner has to allow it to himself. Someone else's directory stays locked, and says so next.
        private void Unlock(SafeFileHandle parent, string name)
        {
            if (calls.TryStat(parent, name, out var stat) == 0 && stat.IsDirectory && (stat.RawMode & OwnerAll) != OwnerAll)
            {
                _ = calls.TrySetMode(parent, name, stat.Permissions | OwnerAll);
            }
        }
    }
}

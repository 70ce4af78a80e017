using System.Globalization;
using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Union;

namespace ContainerKit.Tests.Linux.Storage.Union;

/// <summary>
/// Random operations on a small tree, each made on a union and, by plain system calls, on a directory that is its model. The
/// names are few, so that files meet directories, whiteouts and each other.
/// </summary>
internal sealed class RandomTreeOperations(int seed)
{
    private static readonly string[] Names = ["a", "b", "c", "\udcff"];

    private readonly Random _random = new(seed);
    private int _clock;

    /// <summary>Makes one operation on both.</summary>
    /// <param name="union">The union.</param>
    /// <param name="model">The model.</param>
    /// <param name="mayMoveDirectories">False where a directory of a lower branch stays where it is (EXDEV): then none is renamed in the model either.</param>
    /// <returns>What it was, and the errno of each side.</returns>
    public (string Operation, int Union, int Model) Step(UnionTree union, RootedDirectory model, bool mayMoveDirectories = true)
    {
        _clock++;
        var (path, other) = (NewPath(), NewPath());
        var time = new UnixTime(1_000_000_000 + _clock, _clock);
        var content = new byte[_random.Next(0, 3) * 3000];
        _random.NextBytes(content);
        var mode = _random.Next(0, 0x200) | 0x180;
        return _random.Next(0, 15) switch
        {
            0 or 1 => Both($"mkdir {path}", () => union.MakeDirectory(path, mode | 0x1C0), () => Model.MakeDirectory(model, path, mode | 0x1C0)),
            2 or 3 => Both(
                $"write {path} {content.Length}",
                () =>
                {
                    using (var file = union.OpenWrite(path, OpenFlags.Write | OpenFlags.Create | OpenFlags.Truncate, mode))
                    {
                        RandomAccess.Write(file, content, 0);
                    }

                    union.SetTimes(path, time, time);
                },
                () => Model.Write(model, path, content, mode, OpenFlags.Create | OpenFlags.Truncate, time)),
            4 => Both(
                $"patch {path} {content.Length}",
                () =>
                {
                    using (var file = union.OpenWrite(path, OpenFlags.Write))
                    {
                        RandomAccess.Write(file, content, 0);
                    }

                    union.SetTimes(path, time, time);
                },
                () => Model.Write(model, path, content, mode, OpenFlags.Write, time)),
            5 => Both(
                $"symlink {path} {other}",
                () => { union.MakeSymlink(path, other); union.SetTimes(path, time, time, followSymlink: false); },
                () => Model.Symlink(model, path, other, time)),
            6 => Both($"link {other} {path}", () => union.Link(other, path), () => Model.Link(model, other, path)),
            7 or 8 when !mayMoveDirectories && union.TryStat(path, followSymlink: false, out var entry) == 0 && entry.Kind == FileKind.Directory => ("-", 0, 0),
            7 or 8 => Both($"rename {path} {other}", () => union.Rename(path, other), () => Model.Rename(model, path, other)),
            9 or 10 => Both($"remove {path}", () => union.Remove(path), () => Model.Remove(model, path)),
            11 => Both($"rm -r {path}", () => union.RemoveTree(path), () => Model.RemoveTree(model, path)),
            12 => Both($"chmod {path} {Convert.ToString(mode | 0x1C0, 8)}", () => union.SetMode(path, mode | 0x1C0), () => Model.SetMode(model, path, mode | 0x1C0)),
            13 => Both(
                string.Create(CultureInfo.InvariantCulture, $"setxattr {path} {_clock}"),
                () => union.SetAttribute(path, "user.n", [(byte)_clock]),
                () => Model.SetAttribute(model, path, (byte)_clock)),
            _ => Both(
                $"mkfifo {path}",
                () => { union.MakeNode(path, FileKind.Fifo, 0x180); union.SetTimes(path, time, time); },
                () => Model.Fifo(model, path, time)),
        };
    }

    private static (string Operation, int Union, int Model) Both(string operation, Action union, Action model) => (operation, ErrnoOf(union), ErrnoOf(model));

    private static int ErrnoOf(Action action)
    {
        try
        {
            action();
            return 0;
        }
        catch (LinuxException e)
        {
            return e.Errno;
        }
    }

    private string NewPath() => string.Concat(Enumerable.Range(0, _random.Next(1, 4)).Select(_ => "/" + Names[_random.Next(Names.Length)]));

    /// <summary>The same operations by plain system calls, with the kernel resolving the paths.</summary>
    private static class Model
    {
        private static readonly FileCalls Calls = FileCalls.Local;

        public static void MakeDirectory(RootedDirectory root, string path, int mode) => In(root, path, (parent, name) =>
        {
            Calls.MakeDirectory(parent, name, mode);
            Calls.SetMode(parent, name, mode);
        });

        public static void Write(RootedDirectory root, string path, byte[] content, int mode, OpenFlags flags, UnixTime time)
        {
            var existed = root.TryOpenInside(path, OpenFlags.PathOnly, 0, out var before) == 0;
            before.Dispose();
            using var file = root.OpenInside(path, flags | OpenFlags.Write | OpenFlags.NonBlocking, mode);

            // Opening a fifo for writing fails with ENXIO when nobody reads, and so does the union, always.
            if (!existed)
            {
                Calls.SetMode(file, default, mode);
            }

            RandomAccess.Write(file, content, 0);
            Calls.SetTimes(file, default, time, time);
        }

        public static void Symlink(RootedDirectory root, string path, string target, UnixTime time) => In(root, path, (parent, name) =>
        {
            Calls.MakeSymlink(target, parent, name);
            Calls.SetTimes(parent, name, time, time);
        });

        public static void Fifo(RootedDirectory root, string path, UnixTime time) => In(root, path, (parent, name) =>
        {
            Calls.MakeNode(parent, name, FileTypeBits.Fifo | 0x180);
            Calls.SetMode(parent, name, 0x180);
            Calls.SetTimes(parent, name, time, time);
        });

        public static void Link(RootedDirectory root, string existing, string path) => In(root, existing, (oldParent, oldName) =>
        {
            _ = Calls.Stat(oldParent, oldName);
            In(root, path, (newParent, newName) => Calls.Link(oldParent, oldName, newParent, newName));
        });

        public static void Rename(RootedDirectory root, string from, string to) => In(root, from, (oldParent, oldName) =>
            In(root, to, (newParent, newName) => Calls.Rename(oldParent, oldName, newParent, newName)));

        public static void Remove(RootedDirectory root, string path) => In(root, path, (parent, name) =>
            Calls.Unlink(parent, name, Calls.Stat(parent, name).IsDirectory));

        public static void RemoveTree(RootedDirectory root, string path) => In(root, path, (parent, name) =>
        {
            _ = Calls.Stat(parent, name);
            TreeRemover.Remove(Calls, parent, name);
        });

        public static void SetMode(RootedDirectory root, string path, int mode)
        {
            using var handle = root.OpenInside(path, OpenFlags.PathOnly);
            Calls.SetMode(handle, default, mode);
        }

        public static void SetAttribute(RootedDirectory root, string path, byte value)
        {
            using var handle = root.OpenInside(path, OpenFlags.PathOnly);
            Calls.SetAttribute(handle, default, "user.n", [value]);
        }

        private static void In(RootedDirectory root, string path, Action<Microsoft.Win32.SafeHandles.SafeFileHandle, string> action)
        {
            var slash = path.LastIndexOf('/');
            using var parent = root.OpenInside(slash == 0 ? "/" : path[..slash], OpenFlags.PathOnly | OpenFlags.Directory);
            action(parent, path[(slash + 1)..]);
        }
    }
}

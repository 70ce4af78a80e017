using ContainerKit.Linux;

namespace ContainerKit.Images.Archives;

/// <summary>Files in a directory of the host. It is someone else's: nothing in it leads out of it.</summary>
internal sealed class DirectoryFiles(string path) : IArchiveFiles
{
    public string Path => path;

    public Stream? TryOpen(string name) => OperatingSystem.IsLinux() ? TryOpenInside(name) : TryOpenPlain(name);

    public void Dispose()
    {
    }

    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    private FileStream? TryOpenInside(string name)
    {
        using var root = RootedDirectory.Open(path);
        // A fifo would make open(2) wait for ever.
        var errno = root.TryOpenInside(name, OpenFlags.NonBlocking, 0, out var file);
        if (errno != 0)
        {
            file.Dispose();
            return errno is Errno.ENOENT or Errno.ENOTDIR ? null : throw new LinuxException(errno, $"open '{name}' in '{path}'");
        }

        if (FileCalls.Local.Stat(file).IsRegular)
        {
            return new FileStream(file, FileAccess.Read, bufferSize: 1);
        }

        file.Dispose();
        throw new ImageException($"'{name}' in '{path}' is not a regular file.");
    }

    // There is no way here to follow a link and be sure that it stays inside; and Windows gives many names a meaning of its own.
    private FileStream? TryOpenPlain(string name)
    {
        var here = path;
        foreach (var part in name.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!IsPlain(part))
            {
                throw new ImageException($"'{name}' is no name of a file that could be looked for in '{path}' on this system.");
            }

            here = System.IO.Path.Combine(here, part);
            if (new FileInfo(here).LinkTarget is not null)
            {
                throw new ImageException($"'{name}' in '{path}' is a symbolic link, or lies behind one.")
                {
                    Hint = "Links in a layout are followed on Linux only. Copy the layout with the files that they lead to.",
                };
            }
        }

        return File.Exists(here) ? new FileStream(here, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1)
            : Directory.Exists(here) ? throw new ImageException($"'{name}' in '{path}' is not a regular file.")
            : null;
    }

    // 'NUL.json' is a device, 'a:b' a stream of the file 'a', and 'a.' the file 'a'.
    private static bool IsPlain(string part) =>
        part is not ("." or "..") && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_') && !part.EndsWith('.') && !IsDevice(part.Split('.')[0].ToUpperInvariant());

    private static bool IsDevice(string name) => name is "CON" or "PRN" or "AUX" or "NUL" || (name.Length == 4 && (name[..3] is "COM" or "LPT") && char.IsAsciiDigit(name[3]));
}

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

    private FileStream? TryOpenPlain(string name)
    {
        var file = new FileInfo(System.IO.Path.Combine(path, name));
        return file switch
        {
            { Exists: false } => null,
            // There is no way here to follow a link and be sure that it stays inside.
            { LinkTarget: not null } => throw new ImageException($"'{name}' in '{path}' is a symbolic link."),
            _ => new FileStream(file.FullName, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1),
        };
    }
}

using ContainerKit.Layers;

namespace ContainerKit.Containers.Build;

/// <summary>
/// Writes files and directories of the host, or of memory, into a layer. Owners are root, as docker's COPY makes them: the ids of
/// the building machine mean nothing elsewhere. Directories that nobody added are left to those who unpack.
/// </summary>
internal sealed class LayerBuilder(LayerWriter writer)
{
    private const int DefaultFileMode = 0x1A4; // 0644
    private const int DefaultDirectoryMode = 0x1ED; // 0755

    public void AddFile(string path, ReadOnlyMemory<byte> content, int mode, CancellationToken cancellationToken)
    {
        using var stream = new MemoryStream(content.ToArray(), writable: false);
        Write(path, new FileMetadata { Kind = FileKind.File, Mode = mode, UserId = 0, GroupId = 0, Size = content.Length }, stream, cancellationToken);
    }

    public void AddDirectory(string path, int mode, CancellationToken cancellationToken) =>
        Write(path, new FileMetadata { Kind = FileKind.Directory, Mode = mode, UserId = 0, GroupId = 0 }, null, cancellationToken);

    /// <summary>Adds one object of the host as it is: a symlink stays one. What is neither file, directory nor symlink is left out.</summary>
    public void AddFromHost(string hostPath, string path, CancellationToken cancellationToken)
    {
        var info = new FileInfo(hostPath);
        var isLink = info.LinkTarget is not null;
        var metadata = new FileMetadata
        {
            Kind = isLink ? FileKind.Symlink : Directory.Exists(hostPath) ? FileKind.Directory : FileKind.File,
            Mode = isLink ? 0x1FF : ModeOf(hostPath),
            UserId = 0,
            GroupId = 0,
            LinkTarget = isLink ? TargetOf(info) : null,
            ModifiedTime = UnixTime.From(info.LastWriteTimeUtc),
        };

        if (metadata.Kind != FileKind.File)
        {
            Write(path, metadata, null, cancellationToken);
        }
        else if (OperatingSystem.IsWindows() || IsRegularFile(info))
        {
            using var content = info.OpenRead();
            Write(path, metadata with { Size = content.Length }, content, cancellationToken);
        }
    }

    /// <summary>Adds everything below a directory of the host; the directory itself becomes <paramref name="path"/>.</summary>
    public void AddTree(string hostDirectory, string path, CancellationToken cancellationToken)
    {
        AddFromHost(hostDirectory, path, cancellationToken);
        var children = new DirectoryInfo(hostDirectory).GetFileSystemInfos().OrderBy(child => child.Name, StringComparer.Ordinal);
        foreach (var child in children)
        {
            var childPath = $"{path.TrimEnd('/')}/{child.Name}";
            if (child is DirectoryInfo { LinkTarget: null })
            {
                AddTree(child.FullName, childPath, cancellationToken);
            }
            else
            {
                AddFromHost(child.FullName, childPath, cancellationToken);
            }
        }
    }

    // Windows writes its own separators, and lets links lead to drives that no container has.
    private static string TargetOf(FileInfo link) => (OperatingSystem.IsWindows(), Path.IsPathRooted(link.LinkTarget)) switch
    {
        (true, true) => throw new ImageException($"Cannot add '{link.FullName}' to the image: it is a link to '{link.LinkTarget}', which is a place of this machine alone.")
        {
            Hint = "Make it a link relative to its own directory, or leave it out.",
        },
        (true, false) => link.LinkTarget!.Replace('\\', '/'),
        _ => link.LinkTarget!,
    };

    private static bool IsRegularFile(FileInfo info) => (info.Attributes & (FileAttributes.Device | FileAttributes.Directory)) == 0;

    private static int ModeOf(string path) => OperatingSystem.IsWindows()
        ? Directory.Exists(path) ? DefaultDirectoryMode : DefaultFileMode
        : (int)File.GetUnixFileMode(path);

    private void Write(string path, FileMetadata metadata, Stream? content, CancellationToken cancellationToken) =>
        writer.Write(new LayerEntry { Path = Normalise(path), Metadata = metadata }, content, cancellationToken);

    private static string Normalise(string path)
    {
        var components = path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(component => component != ".").ToArray();
        return components.Contains("..")
            ? throw new ArgumentException($"A path in an image cannot hold '..': '{path}'.", nameof(path))
            : "/" + string.Join('/', components);
    }
}

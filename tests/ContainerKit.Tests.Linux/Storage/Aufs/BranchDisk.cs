using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>An empty directory on ext4, on which the scenarios were recorded: the host's own, or a small disk's.</summary>
internal sealed class BranchDisk : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    /// <param name="isAlone">Whether it is a small disk's in any case, where nobody else takes the inode that a removed file leaves.</param>
    public BranchDisk(bool isAlone)
    {
        Path = _directory.MakeDirectory("branches");
        if (isAlone || Shell.Run("stat", "-f", "-c", "%T", Path) != "ext2/ext3")
        {
            Needs.FileSystem("ext4");
            Shell.Script("truncate -s 256M \"$1\"; mkfs.ext4 -q \"$1\"; mount -o loop \"$1\" \"$2\"; rmdir \"$2\"/lost+found", _directory["disk"], Path);
        }

        Shell.Run("chmod", "755", _directory.Path, Path);
    }

    public string Path { get; }

    public void Dispose() => _directory.Dispose();
}

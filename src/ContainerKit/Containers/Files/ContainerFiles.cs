using System.Runtime.CompilerServices;
using System.Text;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Files;
using ContainerKit.Linux;
using ContainerKit.Storage.Union.CopyUp;

// Every call reaches the tree through Do or Open, and these refuse to go on where it is not Linux.
#pragma warning disable CA1416

namespace ContainerKit;

/// <summary>
/// The files of a container, without mounting anything and without privilege. Writing to what comes from the image copies it up
/// to the container layer first; the image never changes. On a running container the change is seen inside at once.
/// </summary>
/// <remarks>
/// Paths are the container's: absolute, with symlinks resolved inside the container and never on the host. What fails does so as
/// in <see cref="System.IO.File"/>: <see cref="FileNotFoundException"/>, <see cref="DirectoryNotFoundException"/>,
/// <see cref="UnauthorizedAccessException"/>, and <see cref="IOException"/> for everything else.
/// </remarks>
public sealed class ContainerFiles
{
    private readonly IFileTreeSource _source;

    internal ContainerFiles(IFileTreeSource source) => _source = source;

    /// <summary>Whether something is there; a symlink that leads nowhere is not.</summary>
    public Task<bool> ExistsAsync(string path, CancellationToken cancellationToken = default) =>
        Do(path, session => session.Tree.Exists(path), cancellationToken);

    /// <summary>Everything about a path but its content. A symlink is described itself.</summary>
    public Task<FileMetadata> GetMetadataAsync(string path, CancellationToken cancellationToken = default) =>
        Do(path, session => session.Tree.ReadMetadata(path), cancellationToken);

    /// <summary>The names in a directory, in ordinal order.</summary>
    public async IAsyncEnumerable<FileEntry> ListAsync(string path, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var each in await Do(path, session => session.Tree.List(path), cancellationToken).ConfigureAwait(false))
        {
            yield return new FileEntry(each.Name, each.Kind);
        }
    }

    /// <summary>Opens a file for reading.</summary>
    public Task<Stream> OpenReadAsync(string path, CancellationToken cancellationToken = default) =>
        Open(path, FileAccess.Read, tree => tree.OpenRead(path), cancellationToken);

    /// <summary>
    /// Opens a file for reading and writing, and makes it when it is not there. One of the image's is copied up first, then written
    /// in place: what is not overwritten stays. The stream begins at the start.
    /// </summary>
    /// <param name="path">The absolute path in the container; its directory must exist.</param>
    /// <param name="mode">Permission bits of a file that is made.</param>
    /// <param name="cancellationToken">Gives up before the file is open.</param>
    public Task<Stream> OpenWriteAsync(string path, int mode = 0x1A4, CancellationToken cancellationToken = default) =>
        Open(path, FileAccess.ReadWrite, tree => tree.OpenWrite(path, OpenFlags.ReadWrite | OpenFlags.Create, mode), cancellationToken);

    /// <summary>Reads a whole file.</summary>
    public async Task<byte[]> ReadAllBytesAsync(string path, CancellationToken cancellationToken = default)
    {
        await using var stream = await OpenReadAsync(path, cancellationToken).ConfigureAwait(false);
        using var copy = new MemoryStream();
        await stream.CopyToAsync(copy, cancellationToken).ConfigureAwait(false);
        return copy.ToArray();
    }

    /// <summary>Reads a whole file as UTF-8.</summary>
    public async Task<string> ReadAllTextAsync(string path, CancellationToken cancellationToken = default)
    {
        using var reader = new StreamReader(await OpenReadAsync(path, cancellationToken).ConfigureAwait(false), Encoding.UTF8);
        return await reader.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Replaces a file's content, or makes the file. Owner and mode of an existing one stay. On a full disk it keeps what it had (but not one of a container that
    /// runs on a union served in its own user namespace).
    /// </summary>
    public Task WriteAllBytesAsync(string path, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) => Do(
        path,
        session => session.Tree.ReplaceContent(path, content.Length, (file, _) =>
        {
            FileWriting.Write(file, content.Span, 0);
            return content.Length;
        }),
        cancellationToken);

    /// <summary>Replaces a file's content by a text in UTF-8, or makes the file. Owner and mode of an existing one stay.</summary>
    public Task WriteAllTextAsync(string path, string content, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        return WriteAllBytesAsync(path, Encoding.UTF8.GetBytes(content), cancellationToken);
    }

    /// <summary>Makes a directory, and those above it that are missing. One that is there already stays as it is.</summary>
    /// <param name="path">The absolute path in the container.</param>
    /// <param name="mode">Permission bits of the directories that are made.</param>
    /// <param name="cancellationToken">Gives up before anything is made.</param>
    public Task CreateDirectoryAsync(string path, int mode = 0x1ED, CancellationToken cancellationToken = default) =>
        Do(path, session => TreeWalk.MakeDirectories(session.Tree, path, mode), cancellationToken);

    /// <summary>Makes a symbolic link.</summary>
    /// <param name="path">The absolute path in the container of the link itself.</param>
    /// <param name="target">Where it points; it need not exist.</param>
    /// <param name="cancellationToken">Gives up before anything is made.</param>
    public Task CreateSymbolicLinkAsync(string path, string target, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(target);
        return Do(path, session => session.Tree.MakeSymlink(path, target), cancellationToken);
    }

    /// <summary>Gives a file a further name.</summary>
    /// <param name="path">The further name.</param>
    /// <param name="existing">A name that the file has.</param>
    /// <param name="cancellationToken">Gives up before anything is made.</param>
    public Task CreateHardLinkAsync(string path, string existing, CancellationToken cancellationToken = default)
    {
        ContainerPath.RequireAbsolute(existing);
        return Do(path, session => session.Tree.Link(existing, path), cancellationToken);
    }

    /// <summary>Moves or renames. A file at the new name is replaced, an empty directory there too.</summary>
    public Task MoveAsync(string path, string newPath, CancellationToken cancellationToken = default)
    {
        ContainerPath.RequireAbsolute(newPath);
        return Do(path, session => session.Tree.Rename(path, newPath), cancellationToken);
    }

    /// <summary>Removes a file, symlink or empty directory.</summary>
    /// <param name="path">The absolute path in the container.</param>
    /// <param name="recursive">Whether a directory goes with all that is in it.</param>
    /// <param name="cancellationToken">Gives up before anything is removed.</param>
    public Task DeleteAsync(string path, bool recursive = false, CancellationToken cancellationToken = default) =>
        Do(path, session => (recursive ? session.Tree.RemoveTree : (Action<string>)session.Tree.Remove)(path), cancellationToken);

    /// <summary>Sets permission bits; a symlink is followed.</summary>
    public Task SetModeAsync(string path, int mode, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(mode);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(mode, 0xFFF);
        return Do(path, session => session.Tree.SetMode(path, mode), cancellationToken);
    }

    /// <summary>Sets owner and group, as the container sees them; a symlink is changed itself.</summary>
    public Task SetOwnerAsync(string path, uint userId, uint groupId, CancellationToken cancellationToken = default) =>
        Do(path, session => session.Tree.SetOwner(path, userId, groupId, followSymlink: false), cancellationToken);

    /// <summary>Sets when the content last changed; a symlink is changed itself.</summary>
    public Task SetModifiedTimeAsync(string path, UnixTime time, CancellationToken cancellationToken = default) =>
        Do(path, session => session.Tree.SetTimes(path, null, time, followSymlink: false), cancellationToken);

    /// <summary>Sets when the content was last read and when it last changed, each unless null; a symlink is changed itself.</summary>
    public Task SetTimesAsync(string path, UnixTime? accessTime, UnixTime? modifiedTime, CancellationToken cancellationToken = default) =>
        Do(path, session => session.Tree.SetTimes(path, accessTime, modifiedTime, followSymlink: false), cancellationToken);

    /// <summary>When the content was last read, as far as that was kept; of a symlink, when the link itself was.</summary>
    public Task<UnixTime> GetAccessTimeAsync(string path, CancellationToken cancellationToken = default) =>
        Do(path, session => session.Tree.Stat(path, followSymlink: false).Stat.AccessTime, cancellationToken);

    /// <summary>Where a symbolic link points.</summary>
    public Task<string> ReadSymbolicLinkAsync(string path, CancellationToken cancellationToken = default) =>
        Do(path, session => session.Tree.ReadLink(path), cancellationToken);

    /// <summary>Sets an extended attribute, by its full name such as <c>user.note</c>; a symlink is changed itself.</summary>
    public Task SetExtendedAttributeAsync(string path, string name, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return Do(path, session => session.Tree.SetAttribute(path, name, value.Span, followSymlink: false), cancellationToken);
    }

    /// <summary>Removes an extended attribute.</summary>
    public Task RemoveExtendedAttributeAsync(string path, string name, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return Do(path, session => session.Tree.RemoveAttribute(path, name, followSymlink: false), cancellationToken);
    }

    /// <summary>
    /// Copies a file, symlink or directory tree of the host into the container; modes, times, holes and hard links within it as they are, owned by root. Device
    /// nodes and sockets are left out.
    /// </summary>
    /// <param name="hostPath">What is copied.</param>
    /// <param name="path">The absolute path in the container that it becomes; its directory must exist.</param>
    /// <param name="cancellationToken">Stops the copy; what is copied stays.</param>
    public Task CopyInAsync(string hostPath, string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(hostPath);
        return Do(path, session => TreeWalk.CopyIn(session.Tree, Path.GetFullPath(hostPath), path, cancellationToken), cancellationToken);
    }

    /// <summary>
    /// Copies a file, symlink or directory tree of the container to the host, with modes (but no set-user-ID bits), times and holes, owned by the caller. Device
    /// nodes and sockets are left out; each name of a hard link is a file. No symlink of the container is followed on the host.
    /// </summary>
    /// <param name="path">What is copied.</param>
    /// <param name="hostPath">What it becomes; nothing may be there yet, and its directory must exist.</param>
    /// <param name="cancellationToken">Stops the copy; what is copied stays.</param>
    public Task CopyOutAsync(string path, string hostPath, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(hostPath);
        return Do(path, session => TreeWalk.CopyOut(session.Tree, path, Path.GetFullPath(hostPath), cancellationToken), cancellationToken);
    }

    /// <summary>
    /// Unpacks a tar archive (plain, gzip, zstd, xz or bzip2) in a directory of the container, with owners, modes, times, attributes,
    /// links and device nodes as the archive has them. What is there under a name of the archive's is replaced, but directories
    /// are merged. As in a layer, an entry <c>.wh.NAME</c> removes NAME.
    /// </summary>
    /// <param name="archive">The archive; it stays the caller's.</param>
    /// <param name="path">The absolute path in the container of a directory, which must exist, and itself stays as it is.</param>
    /// <param name="cancellationToken">Stops the copy; what is copied stays.</param>
    /// <exception cref="ImageException">The archive is damaged, or asks for what no tree can hold.</exception>
    public Task CopyInTarAsync(Stream archive, string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(archive);
        return Do(path, session => TarTransfer.CopyIn(session.Tree, archive, path, cancellationToken), cancellationToken);
    }

    /// <summary>
    /// Packs a file, symlink or directory tree of the container as a tar archive, with owners, modes, times, attributes, links and device
    /// nodes. Names in the archive begin with the last one of the path. Sockets are left out.
    /// </summary>
    /// <param name="path">The absolute path in the container of what is packed.</param>
    /// <param name="archive">Where the archive goes; it stays the caller's.</param>
    /// <param name="cancellationToken">Stops; the archive then is worthless.</param>
    public Task CopyOutTarAsync(string path, Stream archive, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(archive);
        return Do(path, session => TarTransfer.CopyOut(session.Tree, path, archive, cancellationToken), cancellationToken);
    }

    private Task<Stream> Open(string path, FileAccess access, Func<Storage.Union.UnionTree, Microsoft.Win32.SafeHandles.SafeFileHandle> open, CancellationToken cancellationToken)
    {
        ContainerPath.RequireAbsolute(path);
        return Task.Run<Stream>(
            () =>
            {
                RequireLinux();
                var session = _source.OpenTree(cancellationToken);
                try
                {
                    return new ContainerFileStream(FileErrors.Translate(path, () => open(session.Tree), disk: _source.StoreDirectory), access, session);
                }
                catch
                {
                    session.Dispose();
                    throw;
                }
            },
            cancellationToken);
    }

    private Task<bool> Do(string path, Action<FileTreeSession> action, CancellationToken cancellationToken) => Do(
        path,
        session =>
        {
            action(session);
            return true;
        },
        cancellationToken);

    private Task<T> Do<T>(string path, Func<FileTreeSession, T> function, CancellationToken cancellationToken)
    {
        ContainerPath.RequireAbsolute(path);
        return Task.Run(
            () =>
            {
                RequireLinux();
                using var session = _source.OpenTree(cancellationToken);
                return FileErrors.Translate(path, () => function(session), disk: _source.StoreDirectory);
            },
            cancellationToken);
    }

    private static void RequireLinux()
    {
        if (!OperatingSystem.IsLinux())
        {
            throw LinuxOnly.Refusal("The files of containers are read and edited");
        }
    }
}

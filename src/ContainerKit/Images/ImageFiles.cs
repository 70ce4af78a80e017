using System.Text;
using ContainerKit.Layers.Trees;

namespace ContainerKit;

/// <summary>
/// The files that an image's layers show together, to be looked at: nothing is unpacked, mounted or run, and any system will do.
/// <see cref="ImageStore.OpenFilesAsync"/> opens it. Thread-safe, and a value as of when it was opened.
/// </summary>
/// <remarks>
/// Paths are the image's: absolute, with symlinks resolved inside the image and never outside. What fails does so as
/// in <see cref="System.IO.File"/>: <see cref="FileNotFoundException"/>, <see cref="DirectoryNotFoundException"/>,
/// <see cref="UnauthorizedAccessException"/> for a content that something has not, and <see cref="IOException"/> for everything else.
/// Names and metadata are in memory; a content is read when it is asked for, by reading its layer up to there.
/// </remarks>
public sealed class ImageFiles
{
    private readonly TreeNode _root;

    internal ImageFiles(TreeNode root) => _root = root;

    /// <summary>Whether something is there; a symlink that leads nowhere is not.</summary>
    /// <param name="path">The absolute path in the image.</param>
    public bool Exists(string path)
    {
        try
        {
            return Find(path, followsLast: true) is not null;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>
    /// Everything about a path but its content, with the <see cref="FileMetadata.Digest"/> of a regular file that is not empty. A symlink is described itself.
    /// </summary>
    /// <param name="path">The absolute path in the image; with a slash at its end, a symlink is followed.</param>
    /// <exception cref="FileNotFoundException">There is nothing.</exception>
    /// <exception cref="DirectoryNotFoundException">A directory on the way is missing, or is none.</exception>
    /// <exception cref="IOException">The symlinks on the way never end.</exception>
    public FileMetadata GetMetadata(string path) => Find(path, followsLast: false).Metadata;

    /// <summary>The names in a directory, in ordinal order.</summary>
    /// <param name="path">The absolute path in the image of a directory, or of a symlink to one.</param>
    /// <exception cref="DirectoryNotFoundException">It is no directory, or a directory on the way is missing, or is none.</exception>
    /// <inheritdoc cref="GetMetadata"/>
    public IReadOnlyList<FileEntry> List(string path) => Find(path, followsLast: true) is { IsDirectory: true } directory
        ? [.. directory.InOrder.Select(child => new FileEntry(child.Key, child.Value.Metadata.Kind))]
        : throw new DirectoryNotFoundException($"'{path}' in the image is no directory.");

    /// <summary>Opens a regular file for reading.</summary>
    /// <param name="path">The absolute path in the image of the file, or of a symlink to it.</param>
    /// <param name="cancellationToken">Gives up before the file is open.</param>
    /// <returns>A stream forwards, which fails at its end when the content is not what <see cref="FileMetadata.Digest"/> says.</returns>
    /// <exception cref="FileNotFoundException">There is nothing.</exception>
    /// <exception cref="DirectoryNotFoundException">A directory on the way is missing, or is none.</exception>
    /// <exception cref="UnauthorizedAccessException">It is a directory, a device or the like, which has no content.</exception>
    /// <exception cref="IOException">The symlinks on the way never end.</exception>
    /// <exception cref="ImageException">The layer is no longer in the store, or damaged.</exception>
    public Task<Stream> OpenReadAsync(string path, CancellationToken cancellationToken = default) => Find(path, followsLast: true) switch
    {
        { Content: { } content } => content.OpenAsync(cancellationToken),
        { Metadata: { Kind: FileKind.File, Size: 0 } } => Task.FromResult(Stream.Null),
        var node => throw new UnauthorizedAccessException($"'{path}' in the image has no content to read: it is a {Name(node.Metadata.Kind)}."),
    };

    /// <summary>Reads a whole regular file.</summary>
    /// <inheritdoc cref="OpenReadAsync"/>
    /// <returns>Its bytes, which are what <see cref="FileMetadata.Digest"/> says.</returns>
    public async Task<byte[]> ReadAllBytesAsync(string path, CancellationToken cancellationToken = default)
    {
        await using var stream = await OpenReadAsync(path, cancellationToken).ConfigureAwait(false);
        using var copy = new MemoryStream();
        await stream.CopyToAsync(copy, cancellationToken).ConfigureAwait(false);
        return copy.ToArray();
    }

    /// <summary>Reads a whole regular file as UTF-8.</summary>
    /// <inheritdoc cref="OpenReadAsync"/>
    /// <returns>Its text; bytes that are no UTF-8 are U+FFFD in it.</returns>
    public async Task<string> ReadAllTextAsync(string path, CancellationToken cancellationToken = default) =>
        Encoding.UTF8.GetString(await ReadAllBytesAsync(path, cancellationToken).ConfigureAwait(false));

    private TreeNode Find(string path, bool followsLast)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return path[0] == '/'
            ? TreePath.Follow(_root, path, followsLast)
            : throw new ArgumentException($"A path inside an image must be absolute: '{path}'.", nameof(path));
    }

    private static string Name(FileKind kind) => kind switch
    {
        FileKind.Directory => "directory",
        FileKind.CharacterDevice or FileKind.BlockDevice => "device",
        FileKind.Fifo => "named pipe",
        _ => "special file",
    };
}

using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage;

/// <summary>What one entry of a layer does.</summary>
internal enum LayerItemKind
{
    /// <summary>A file, directory, symlink, device or fifo as the metadata says.</summary>
    Object,

    /// <summary>Another name of a file that came before.</summary>
    HardLink,

    /// <summary>The path is gone.</summary>
    Whiteout,

    /// <summary>Nothing of the directory that lies below shows; follows the directory's own entry.</summary>
    Opaque,
}

/// <summary>One entry of a layer that is about to be written.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Path">The absolute path inside the container.</param>
/// <param name="Metadata">Null for a whiteout and an opaque mark.</param>
/// <param name="HardLinkTarget">The path whose other name this is.</param>
/// <param name="AccessTime">When it was last read, where that is known.</param>
internal sealed record LayerItem(LayerItemKind Kind, string Path, FileMetadata? Metadata = null, string? HardLinkTarget = null, UnixTime? AccessTime = null);

/// <summary>What a snapshot adds to its parent, in path order, in the shape of a layer archive: for the writer of one.</summary>
[SupportedOSPlatform("linux")]
internal sealed class LayerSource : IDisposable
{
    /// <summary>The entries, in path order; hard links follow the first name of their file.</summary>
    public IReadOnlyList<LayerItem> Items => throw new NotImplementedException();

    /// <summary>Opens the content of a regular file of <see cref="Items"/>.</summary>
    public SafeFileHandle OpenContent(LayerItem item) => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}

using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>
/// One file tree seen through a stack of directories: at most one writable on top, any number of read-only ones below. Looks
/// paths up, lists merged directories, and changes files by copying them up first, without a mount and without privilege.
/// </summary>
/// <remarks>
/// Paths are the container's own. Symlinks are resolved by the union, inside the union's root; the host's path resolution never
/// sees more than one component. Calls are serialised, so any thread may make them. Every failure is a
/// <see cref="LinuxException"/> with the errno that the same call would give inside a container.
/// The branches must not change behind its back: it is for trees which are not mounted.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed partial class UnionTree : IDisposable
{
    /// <param name="writable">The branch that changes go to; null for a read-only union. Taken over, as are the others.</param>
    /// <param name="readOnly">The branches below, the topmost first.</param>
    /// <param name="dialect">How whiteouts and opaque directories are written.</param>
    /// <param name="ownership">Where owners and modes are kept.</param>
    /// <param name="staging">Where files are made before they are renamed into the writable branch: a directory of the same file system.</param>
    public UnionTree(RootedDirectory? writable, IReadOnlyList<RootedDirectory> readOnly, IWhiteoutDialect dialect, TreeOwnership ownership, RootedDirectory? staging = null)
    {
        throw new NotImplementedException();
    }

    /// <summary>Whether it has a writable branch.</summary>
    public bool IsWritable => throw new NotImplementedException();

    /// <summary>What a path stands for.</summary>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public int TryStat(string path, bool followSymlink, out UnionEntry entry) => throw new NotImplementedException();

    /// <inheritdoc cref="TryStat"/>
    public UnionEntry Stat(string path, bool followSymlink = true) => throw new NotImplementedException();

    public bool Exists(string path, bool followSymlink = true) => TryStat(path, followSymlink, out _) == 0;

    /// <summary>Everything about a path but its content: extended attributes (without the driver's own) and link target too.</summary>
    public FileMetadata ReadMetadata(string path, bool followSymlink = false) => throw new NotImplementedException();

    /// <summary>The names in a directory, merged over all branches, in ordinal order.</summary>
    public IReadOnlyList<UnionName> List(string path) => throw new NotImplementedException();

    /// <summary>Opens a regular file for reading.</summary>
    public SafeFileHandle OpenRead(string path) => throw new NotImplementedException();

    /// <summary>Opens a regular file for writing (and reading, when the flags say so), copied up first.</summary>
    /// <param name="path">The path; a symlink is followed.</param>
    /// <param name="flags"><see cref="OpenFlags.Write"/> or <see cref="OpenFlags.ReadWrite"/>, with Create, Exclusive, Truncate and Append as they are needed.</param>
    /// <param name="mode">Permission bits of a file that this call makes; no umask applies.</param>
    public SafeFileHandle OpenWrite(string path, OpenFlags flags, int mode = 0x1A4) => throw new NotImplementedException();

    public string ReadLink(string path) => throw new NotImplementedException();

    public void MakeDirectory(string path, int mode = 0x1ED) => throw new NotImplementedException();

    public void MakeSymlink(string path, string target) => throw new NotImplementedException();

    /// <summary>Makes a device, fifo or socket.</summary>
    public void MakeNode(string path, FileKind kind, int mode, uint major = 0, uint minor = 0) => throw new NotImplementedException();

    /// <summary>Makes <paramref name="path"/> another name of the object at <paramref name="existing"/> (a symlink itself, not what it leads to).</summary>
    public void Link(string existing, string path) => throw new NotImplementedException();

    /// <summary>Renames; a directory that lies partly below is copied up whole first.</summary>
    public void Rename(string from, string to, RenameFlags flags = RenameFlags.None) => throw new NotImplementedException();

    /// <summary>Removes a file, or an empty directory.</summary>
    public void Remove(string path) => throw new NotImplementedException();

    /// <summary>Removes whatever is at <paramref name="path"/>, with all that is in it.</summary>
    public void RemoveTree(string path) => throw new NotImplementedException();

    public void SetMode(string path, int mode, bool followSymlink = true) => throw new NotImplementedException();

    /// <summary>Changes owner and group; <see cref="uint.MaxValue"/> leaves one as it is.</summary>
    public void SetOwner(string path, uint userId, uint groupId, bool followSymlink = true) => throw new NotImplementedException();

    public void SetTimes(string path, UnixTime? accessTime, UnixTime? modifiedTime, bool followSymlink = true) => throw new NotImplementedException();

    public void Truncate(string path, long length) => throw new NotImplementedException();

    public byte[]? GetAttribute(string path, string name, bool followSymlink = true) => throw new NotImplementedException();

    public IReadOnlyList<string> ListAttributes(string path, bool followSymlink = true) => throw new NotImplementedException();

    public void SetAttribute(string path, string name, ReadOnlySpan<byte> value, bool followSymlink = true) => throw new NotImplementedException();

    public void RemoveAttribute(string path, string name, bool followSymlink = true) => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}

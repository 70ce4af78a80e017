using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Linux;

/// <summary>
/// The file calls whose outcome depends on who asks. <see cref="Local"/> asks as this process; the file worker asks from inside
/// a user namespace, where the ids of a rootless container's files belong to the asker. Code that works on a tree takes one of
/// these and never calls libc itself.
/// </summary>
/// <remarks>
/// Every <c>Try…</c> returns 0 or an <see cref="Errno"/>. A name is one component below <c>directory</c>, and no call here follows
/// a symlink in it; only <see cref="TryOpen"/> takes paths, and says how they resolve. An empty name means <c>directory</c> itself
/// (which may then be a handle to any object).
/// </remarks>
[SupportedOSPlatform("linux")]
internal abstract partial class FileCalls
{
    /// <summary>As a time to set: the kernel's own now, which no clock of this process quite agrees with.</summary>
    public static readonly UnixTime Now = new(0, LibC.UTIME_NOW);

    /// <summary>The calls, made as this process.</summary>
    public static FileCalls Local { get; } = new LocalFileCalls();

    public abstract int TryOpen(SafeFileHandle? directory, FileName path, OpenFlags flags, int mode, Resolve resolve, out SafeFileHandle handle);

    /// <summary>Opens what a handle is of once more, whether it has a name or none; no symlink is followed.</summary>
    public abstract int TryReopen(SafeFileHandle handle, OpenFlags flags, out SafeFileHandle reopened);

    public abstract int TryStat(SafeFileHandle directory, FileName name, out FileStat stat);

    public abstract int TryMakeDirectory(SafeFileHandle directory, FileName name, int mode);

    /// <summary>Makes a device, fifo, socket or empty file; <paramref name="rawMode"/> holds the type too.</summary>
    public abstract int TryMakeNode(SafeFileHandle directory, FileName name, uint rawMode, uint major, uint minor);

    public abstract int TryMakeSymlink(FileName target, SafeFileHandle directory, FileName name);

    /// <summary>An empty <paramref name="oldName"/> links the open (maybe nameless) object that <paramref name="oldDirectory"/> is.</summary>
    public abstract int TryLink(SafeFileHandle oldDirectory, FileName oldName, SafeFileHandle newDirectory, FileName newName);

    public abstract int TryRename(SafeFileHandle oldDirectory, FileName oldName, SafeFileHandle newDirectory, FileName newName, RenameFlags flags);

    public abstract int TryUnlink(SafeFileHandle directory, FileName name, bool isDirectory);

    /// <summary>Reads a symlink's target, as bytes, into <paramref name="target"/>; <paramref name="length"/> is how many.</summary>
    public abstract int TryReadLink(SafeFileHandle directory, FileName name, Span<byte> target, out int length);

    public abstract int TrySetOwner(SafeFileHandle directory, FileName name, uint userId, uint groupId);

    /// <summary>Sets the permission bits; a symlink answers <see cref="Errno.EOPNOTSUPP"/>.</summary>
    public abstract int TrySetMode(SafeFileHandle directory, FileName name, int mode);

    /// <summary>Sets times; a null one stays as it is.</summary>
    public abstract int TrySetTimes(SafeFileHandle directory, FileName name, UnixTime? accessTime, UnixTime? modifiedTime);

    public abstract int TrySetAttribute(SafeFileHandle directory, FileName name, FileName attribute, ReadOnlySpan<byte> value);

    /// <summary>An empty <paramref name="value"/> asks for the length only; a short one answers <see cref="Errno.ERANGE"/>.</summary>
    public abstract int TryGetAttribute(SafeFileHandle directory, FileName name, FileName attribute, Span<byte> value, out int length);

    /// <summary>The names, each with a terminating NUL, as listxattr(2) gives them.</summary>
    public abstract int TryListAttributes(SafeFileHandle directory, FileName name, Span<byte> names, out int length);

    public abstract int TryRemoveAttribute(SafeFileHandle directory, FileName name, FileName attribute);
}

/// <summary>renameat2(2)'s flags.</summary>
[Flags]
internal enum RenameFlags
{
    None = 0,
    NoReplace = 1,
    Exchange = 2,

    /// <summary>Leaves overlayfs's whiteout at the old name, in the same moment.</summary>
    Whiteout = 4,
}

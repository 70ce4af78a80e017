using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>
/// As overlayfs keeps it: a whiteout is a character device 0:0, an opaque directory has the attribute <c>overlay.opaque</c>.
/// https://docs.kernel.org/filesystems/overlayfs.html#whiteouts-and-opaque-directories
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class OverlayDialect : IWhiteoutDialect
{
    private readonly string _redirect, _metacopy, _whiteout;

    private OverlayDialect(string prefix) =>
        (OpaqueAttribute, _redirect, _metacopy, _whiteout) = (prefix + "opaque", prefix + "redirect", prefix + "metacopy", prefix + "whiteout");

    /// <summary>With <c>trusted.overlay.*</c>: the books of a mount that the host's root makes.</summary>
    public static OverlayDialect Trusted { get; } = new("trusted.overlay.");

    /// <summary>With <c>user.overlay.*</c>: the books of a mount with <c>userxattr</c>.</summary>
    public static OverlayDialect User { get; } = new("user.overlay.");

    /// <summary>The attribute of a directory that hides what lies below.</summary>
    public string OpaqueAttribute { get; }

    /// <summary>Whether an attribute belongs to overlayfs, whichever its books are in.</summary>
    public static bool IsOverlayAttribute(string attribute) =>
        attribute.StartsWith("trusted.overlay.", StringComparison.Ordinal) || attribute.StartsWith("user.overlay.", StringComparison.Ordinal);

    public int MaxNameLength => 255;

    public bool IsWhiteoutTheName => true;

    public bool MergesAcrossFiles => false;

    public bool MayRenameLeaveWhiteout => true;

    public int CheckName(FileName name) => 0;

    public int TryFind(FileCalls calls, in BranchDirectory directory, FileName name, out FileStat stat, out Sight sight)
    {
        var errno = calls.TryStat(directory.Handle, name, out stat);
        sight = errno != 0 ? Sight.Absent : IsWhiteout(calls, directory, name, stat) ? Sight.Whiteout : Sight.Present;
        return errno == Errno.ENOENT ? 0 : errno;
    }

    public Sight Classify(FileCalls calls, in BranchDirectory directory, ReadOnlySpan<byte> entry, FileKind? kind, out ReadOnlySpan<byte> name)
    {
        name = entry;
        var mayBeWhiteout = kind is null or FileKind.CharacterDevice
            || (kind == FileKind.File && (directory.Marks & DirectoryMarks.HasWhiteoutFiles) != 0);
        return mayBeWhiteout && calls.TryStat(directory.Handle, entry, out var stat) == 0 && IsWhiteout(calls, directory, entry, stat)
            ? Sight.Whiteout
            : Sight.Present;
    }

    public DirectoryMarks ReadMarks(FileCalls calls, UnionBranch branch, SafeFileHandle directory)
    {
        // Most directories have no attributes at all, and then this one call says so.
        Span<byte> names = stackalloc byte[256];
        var errno = calls.TryListAttributes(directory, default, names, out var length);
        if (errno == Errno.EOPNOTSUPP || (errno == 0 && length == 0))
        {
            return DirectoryMarks.None;
        }

        // An attribute set by hand, or by another container tool's mount, would send the kernel to another name for this directory.
        if (calls.GetAttribute(directory, default, _redirect) is not null)
        {
            throw new StorageException("A directory of a layer was renamed by an overlay mount with redirect_dir, which this library does not read.");
        }

        return calls.GetAttribute(directory, default, OpaqueAttribute) switch
        {
            [(byte)'y'] => DirectoryMarks.Opaque,
            [(byte)'x'] => DirectoryMarks.HasWhiteoutFiles,
            _ => DirectoryMarks.None,
        };
    }

    public void RefuseForeign(FileCalls calls, SafeFileHandle directory, FileName name, string path)
    {
        if (calls.TryGetAttribute(directory, name, _metacopy, default, out _) == 0)
        {
            throw new StorageException($"'{path}' has its content elsewhere: an overlay mount with metacopy wrote it, which this library does not read.");
        }
    }

    // Since Linux 5.8 this one device needs no privilege.
    public int MakeWhiteout(FileCalls calls, UnionBranch branch, SafeFileHandle directory, FileName name)
    {
        var errno = calls.TryMakeNode(directory, name, FileTypeBits.CharacterDevice, 0, 0);
        return errno == Errno.EEXIST && IsWhiteoutAt(calls, directory, name) ? 0 : errno;
    }

    public int RemoveWhiteout(FileCalls calls, SafeFileHandle directory, FileName name) =>
        IsWhiteoutAt(calls, directory, name) ? calls.TryUnlink(directory, name, isDirectory: false) : 0;

    public int MakeOpaque(FileCalls calls, UnionBranch branch, SafeFileHandle directory, FileName name) =>
        calls.TrySetAttribute(directory, name, OpaqueAttribute, "y"u8);

    public bool IsBranchOwn(ReadOnlySpan<byte> entry) => false;

    public bool IsOwnAttribute(string attribute) => IsOverlayAttribute(attribute);

    public string? WhyUnrepresentable(FileKind kind, uint major, uint minor) => (kind, major, minor) == (FileKind.CharacterDevice, 0, 0)
        ? "overlayfs takes the character device 0:0 for a deletion"
        : null;

    private static bool IsWhiteoutAt(FileCalls calls, SafeFileHandle directory, FileName name) =>
        calls.TryStat(directory, name, out var stat) == 0 && stat is { Kind: FileKind.CharacterDevice, DeviceMajor: 0, DeviceMinor: 0 };

    private bool IsWhiteout(FileCalls calls, in BranchDirectory directory, FileName name, in FileStat stat) => stat.Kind switch
    {
        FileKind.CharacterDevice => stat is { DeviceMajor: 0, DeviceMinor: 0 },
        FileKind.File when (directory.Marks & DirectoryMarks.HasWhiteoutFiles) != 0 && stat.Size == 0 =>
            calls.TryGetAttribute(directory.Handle, name, _whiteout, default, out _) == 0,
        _ => false,
    };
}

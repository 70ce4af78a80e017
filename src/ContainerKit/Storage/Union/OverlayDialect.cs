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
    private readonly string _prefix;

    private OverlayDialect(string prefix) => _prefix = prefix;

    /// <summary>With <c>trusted.overlay.*</c>: the books of a mount that the host's root makes.</summary>
    public static OverlayDialect Trusted { get; } = new("trusted.overlay.");

    /// <summary>With <c>user.overlay.*</c>: the books of a mount with <c>userxattr</c>.</summary>
    public static OverlayDialect User { get; } = new("user.overlay.");

    /// <summary>The attribute of a directory that hides what lies below.</summary>
    public string OpaqueAttribute => _prefix + "opaque";

    /// <summary>Whether an attribute belongs to overlayfs, whichever its books are in.</summary>
    public static bool IsOverlayAttribute(string attribute) =>
        attribute.StartsWith("trusted.overlay.", StringComparison.Ordinal) || attribute.StartsWith("user.overlay.", StringComparison.Ordinal);

    public bool MayRenameLeaveWhiteout => true;

    public bool MayBeWhiteout(FileKind kind, DirectoryMarks marks) =>
        kind == FileKind.CharacterDevice || (kind == FileKind.File && (marks & DirectoryMarks.HasWhiteoutFiles) != 0);

    public bool IsWhiteout(FileCalls calls, SafeFileHandle directory, DirectoryMarks marks, FileName name, in FileStat stat) => stat.Kind switch
    {
        FileKind.CharacterDevice => stat is { DeviceMajor: 0, DeviceMinor: 0 },
        FileKind.File when (marks & DirectoryMarks.HasWhiteoutFiles) != 0 && stat.Size == 0 =>
            calls.TryGetAttribute(directory, name, _prefix + "whiteout", default, out _) == 0,
        _ => false,
    };

    public DirectoryMarks ReadMarks(FileCalls calls, SafeFileHandle directory)
    {
        // Most directories have no attributes at all, and then this one call says so.
        Span<byte> names = stackalloc byte[256];
        var errno = calls.TryListAttributes(directory, default, names, out var length);
        if (errno == Errno.EOPNOTSUPP || (errno == 0 && length == 0))
        {
            return DirectoryMarks.None;
        }

        // An attribute set by hand, or by another container tool's mount, would send the kernel to another name for this directory.
        if (calls.GetAttribute(directory, default, _prefix + "redirect") is not null)
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
        if (calls.TryGetAttribute(directory, name, _prefix + "metacopy", default, out _) == 0)
        {
            throw new StorageException($"'{path}' has its content elsewhere: an overlay mount with metacopy wrote it, which this library does not read.");
        }
    }

    // Since Linux 5.8 this one device needs no privilege.
    public int MakeWhiteout(FileCalls calls, SafeFileHandle directory, FileName name) =>
        calls.TryMakeNode(directory, name, FileTypeBits.CharacterDevice, 0, 0);

    public void MakeOpaque(FileCalls calls, SafeFileHandle directory, FileName name) =>
        calls.SetAttribute(directory, name, OpaqueAttribute, "y"u8);

    public bool IsOwnAttribute(string attribute) => IsOverlayAttribute(attribute);

    public string? WhyUnrepresentable(FileKind kind, uint major, uint minor) => (kind, major, minor) == (FileKind.CharacterDevice, 0, 0)
        ? "overlayfs takes the character device 0:0 for a deletion"
        : null;
}

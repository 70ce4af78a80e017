using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>A single branch, which hides nothing because nothing lies below.</summary>
[SupportedOSPlatform("linux")]
internal sealed class PlainDialect : IWhiteoutDialect
{
    public static PlainDialect Instance { get; } = new();

    public int MaxNameLength => 255;

    public bool IsWhiteoutTheName => true;

    public bool MergesAcrossFiles => false;

    public bool MayRenameLeaveWhiteout => false;

    public int CheckName(FileName name) => 0;

    public int TryFind(FileCalls calls, in BranchDirectory directory, FileName name, out FileStat stat, out Sight sight)
    {
        var errno = calls.TryStat(directory.Handle, name, out stat);
        sight = errno == 0 ? Sight.Present : Sight.Absent;
        return errno == Errno.ENOENT ? 0 : errno;
    }

    public Sight Classify(FileCalls calls, in BranchDirectory directory, ReadOnlySpan<byte> entry, FileKind? kind, out ReadOnlySpan<byte> name)
    {
        name = entry;
        return Sight.Present;
    }

    public DirectoryMarks ReadMarks(FileCalls calls, UnionBranch branch, SafeFileHandle directory) => DirectoryMarks.None;

    public void RefuseForeign(FileCalls calls, SafeFileHandle directory, FileName name, string path)
    {
    }

    public int MakeWhiteout(FileCalls calls, UnionBranch branch, SafeFileHandle directory, FileName name) => 0;

    public int RemoveWhiteout(FileCalls calls, SafeFileHandle directory, FileName name) => 0;

    public int MakeOpaque(FileCalls calls, UnionBranch branch, SafeFileHandle directory, FileName name) => 0;

    public bool IsBranchOwn(ReadOnlySpan<byte> entry) => false;

    // A tree of single branches may still have been copied from one that overlayfs wrote.
    public bool IsOwnAttribute(string attribute) => OverlayDialect.IsOverlayAttribute(attribute);

    public string? WhyUnrepresentable(FileKind kind, uint major, uint minor) => null;
}

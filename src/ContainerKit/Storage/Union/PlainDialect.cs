using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>A single branch, which hides nothing because nothing lies below.</summary>
[SupportedOSPlatform("linux")]
internal sealed class PlainDialect : IWhiteoutDialect
{
    public static PlainDialect Instance { get; } = new();

    public bool MayRenameLeaveWhiteout => false;

    public bool MayBeWhiteout(FileKind kind, DirectoryMarks marks) => false;

    public bool IsWhiteout(FileCalls calls, SafeFileHandle directory, DirectoryMarks marks, FileName name, in FileStat stat) => false;

    public DirectoryMarks ReadMarks(FileCalls calls, SafeFileHandle directory) => DirectoryMarks.None;

    public void RefuseForeign(FileCalls calls, SafeFileHandle directory, FileName name, string path)
    {
    }

    public int MakeWhiteout(FileCalls calls, SafeFileHandle directory, FileName name) => 0;

    public void MakeOpaque(FileCalls calls, SafeFileHandle directory, FileName name)
    {
    }

    // A tree of single branches may still have been copied from one that overlayfs wrote.
    public bool IsOwnAttribute(string attribute) => OverlayDialect.IsOverlayAttribute(attribute);

    public string? WhyUnrepresentable(FileKind kind, uint major, uint minor) => null;
}

using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>How the branches of a union say "nothing here any more" and "nothing of below shows here".</summary>
[SupportedOSPlatform("linux")]
internal interface IWhiteoutDialect
{
    /// <summary>Whether an object in a branch says that its name is gone.</summary>
    /// <param name="calls">Who asks.</param>
    /// <param name="directory">The directory in the branch.</param>
    /// <param name="marks">What that directory says of itself.</param>
    /// <param name="name">The object's name.</param>
    /// <param name="stat">Its attributes.</param>
    bool IsWhiteout(FileCalls calls, SafeFileHandle directory, DirectoryMarks marks, FileName name, in FileStat stat);

    /// <summary>Whether an object of this kind can be a whiteout at all: asked before the price of a stat is paid.</summary>
    bool MayBeWhiteout(FileKind kind, DirectoryMarks marks);

    /// <summary>What a directory of a branch says of itself.</summary>
    /// <exception cref="StorageException">It was written with a feature that this library does not read, so its content would be shown wrong.</exception>
    DirectoryMarks ReadMarks(FileCalls calls, SafeFileHandle directory);

    /// <summary>Throws when a file is only part of a file.</summary>
    void RefuseForeign(FileCalls calls, SafeFileHandle directory, FileName name, string path);

    /// <summary>Whether what rename(2) leaves with <see cref="RenameFlags.Whiteout"/> is this dialect's whiteout.</summary>
    bool MayRenameLeaveWhiteout { get; }

    /// <returns>0 or an <see cref="Errno"/>.</returns>
    int MakeWhiteout(FileCalls calls, SafeFileHandle directory, FileName name);

    /// <summary>Hides what lies below a directory of the writable branch.</summary>
    void MakeOpaque(FileCalls calls, SafeFileHandle directory, FileName name);

    /// <summary>Whether an extended attribute is part of somebody's books, and so never shown, copied up or put into a layer.</summary>
    bool IsOwnAttribute(string attribute);

    /// <summary>Why a node cannot be put into a branch, as a sentence; null when it can.</summary>
    string? WhyUnrepresentable(FileKind kind, uint major, uint minor);
}

/// <summary>What a directory of one branch says of itself.</summary>
[Flags]
internal enum DirectoryMarks
{
    None = 0,

    /// <summary>Nothing of the branches below shows in it.</summary>
    Opaque = 1,

    /// <summary>Empty files in it may be whiteouts.</summary>
    HasWhiteoutFiles = 2,
}

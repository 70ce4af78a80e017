using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>How the branches of a union say "nothing here any more" and "nothing of below shows here".</summary>
[SupportedOSPlatform("linux")]
internal interface IWhiteoutDialect
{
    /// <summary>The longest name, in bytes, that an object can have.</summary>
    int MaxNameLength { get; }

    /// <summary>Whether a whiteout stands under the very name that it hides, so that one rename changes the one for the other.</summary>
    bool IsWhiteoutTheName { get; }

    /// <summary>Whether a directory merges with one further below although something else has the name in between.</summary>
    bool MergesAcrossFiles { get; }

    /// <summary>Whether what rename(2) leaves with <see cref="RenameFlags.Whiteout"/> is this dialect's whiteout.</summary>
    bool MayRenameLeaveWhiteout { get; }

    /// <summary>Whether users may have a name at all.</summary>
    /// <returns>0, or the <see cref="Errno"/> that every call with this name gets.</returns>
    int CheckName(FileName name);

    /// <summary>Looks for a name in a directory of one branch.</summary>
    /// <returns>0, whether or not it is there, or an <see cref="Errno"/>.</returns>
    int TryFind(FileCalls calls, in BranchDirectory directory, FileName name, out FileStat stat, out Sight sight);

    /// <summary>What an entry of a directory of one branch means to a listing.</summary>
    /// <param name="calls">Who asks.</param>
    /// <param name="directory">The directory in the branch.</param>
    /// <param name="entry">The entry's name.</param>
    /// <param name="kind">Its kind, where the file system told.</param>
    /// <param name="name">The name that is present or gone.</param>
    Sight Classify(FileCalls calls, in BranchDirectory directory, ReadOnlySpan<byte> entry, FileKind? kind, out ReadOnlySpan<byte> name);

    /// <summary>What a directory of a branch says of itself.</summary>
    /// <exception cref="StorageException">It was written with a feature that this library does not read, so its content would be shown wrong.</exception>
    DirectoryMarks ReadMarks(FileCalls calls, UnionBranch branch, SafeFileHandle directory);

    /// <summary>Throws when a file is only part of a file.</summary>
    void RefuseForeign(FileCalls calls, SafeFileHandle directory, FileName name, string path);

    /// <summary>Says that a name is gone; nothing happens when that is said already.</summary>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    int MakeWhiteout(FileCalls calls, UnionBranch branch, SafeFileHandle directory, FileName name);

    /// <summary>Takes a whiteout away, if there is one.</summary>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    int RemoveWhiteout(FileCalls calls, SafeFileHandle directory, FileName name);

    /// <summary>Hides what lies below a directory of the writable branch.</summary>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    int MakeOpaque(FileCalls calls, UnionBranch branch, SafeFileHandle directory, FileName name);

    /// <summary>Whether an entry is a whiteout that is to be seen under its own name, beside hiding another.</summary>
    bool IsShownWhiteout(ReadOnlySpan<byte> entry) => false;

    /// <summary>Whether an entry of a branch is there for the branch's sake and is no whiteout.</summary>
    bool IsBranchOwn(ReadOnlySpan<byte> entry);

    /// <summary>Whether an extended attribute is part of somebody's books, and so never shown, copied up or put into a layer.</summary>
    bool IsOwnAttribute(string attribute);

    /// <summary>Why a node cannot be put into a branch, as a sentence; null when it can.</summary>
    string? WhyUnrepresentable(FileKind kind, uint major, uint minor);
}

/// <summary>What one branch says of a name.</summary>
internal enum Sight
{
    /// <summary>Nothing.</summary>
    Absent,

    /// <summary>It has it.</summary>
    Present,

    /// <summary>It is gone, whatever lies below.</summary>
    Whiteout,
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

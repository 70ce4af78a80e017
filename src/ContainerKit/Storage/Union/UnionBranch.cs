using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>One of the directories that a union is stacked from, with what it is allowed to do.</summary>
[SupportedOSPlatform("linux")]
internal sealed class UnionBranch(RootedDirectory directory, BranchOptions options) : IDisposable
{
    /// <summary>The branch's root.</summary>
    public SafeFileHandle Root => directory.Handle;

    /// <summary>What the branch may do; a writable one becomes read-only when another is put on top of it.</summary>
    public BranchOptions Options { get; set; } = options;

    public bool IsWritable => (Options & BranchOptions.Writable) != 0;

    /// <summary>Whether what it says to be gone is gone.</summary>
    public bool HonoursWhiteouts => (Options & (BranchOptions.Writable | BranchOptions.HonoursWhiteouts)) != 0;

    /// <summary>Whether a comparison looks into it: it belongs to what is compared, and not to what that stands on.</summary>
    public bool IsOwn { get; init; }

    public void Dispose() => directory.Dispose();
}

/// <summary>AUFS's branch permissions and attributes, as far as they mean anything to a union.</summary>
[Flags]
internal enum BranchOptions
{
    /// <summary><c>ro</c>: its whiteouts hide nothing, though their names stay hidden.</summary>
    None = 0,

    /// <summary><c>rw</c>: changes go here.</summary>
    Writable = 1,

    /// <summary><c>+wh</c>: its whiteouts and opaque marks count.</summary>
    HonoursWhiteouts = 2,

    /// <summary><c>+nolwh</c>: every whiteout is a file of its own rather than a name of one file.</summary>
    SeparateWhiteouts = 4,

    /// <summary><c>+icex</c>: extended attributes that it cannot hold are lost rather than an error.</summary>
    LosesAttributes = 8,
}

/// <summary>A directory of one branch, open.</summary>
/// <param name="Branch">Which branch of the union.</param>
/// <param name="Handle">The directory in it.</param>
/// <param name="Marks">What it says of itself.</param>
[SupportedOSPlatform("linux")]
internal readonly record struct BranchDirectory(UnionBranch Branch, SafeFileHandle Handle, DirectoryMarks Marks);
